#include "plateau.h"

#include <string.h>

#define SETTLE_MS 250 /* left out of the measurement after a change */
#define WINDOW_MS 500 /* measured after that */
#define THREADS_MOST 65536

/* Percent by which a number must be better, and when one window decides. */
#define GAIN_PERCENT 8
#define GAIN_CLEAR_PERCENT 25
#define GAIN_OBVIOUS_PERCENT 50 /* half a window decides */
#define GAIN_NONE_PERCENT 3

#define PATIENCE_MS 30000
#define PATIENCE_MOST_MS 240000
#define DEAF_MS 1000

/* Throws away what was measured and leaves time for the change to settle. */
static void window_reset(struct ossdl_plateau *plateau, int64_t now_ms)
{
    plateau->window_at = now_ms + SETTLE_MS;
    plateau->measuring = false;
}

/* Starts a window without a pause: nothing has changed. */
static void window_next(struct ossdl_plateau *plateau, int64_t now_ms,
                        uint64_t bytes_total)
{
    plateau->window_at = now_ms;
    plateau->window_bytes = bytes_total;
    plateau->measuring = true;
}

static void use(struct ossdl_plateau *plateau, enum ossdl_plateau_phase phase,
                unsigned threads, int64_t now_ms)
{
    plateau->phase = phase;
    plateau->threads = threads;
    window_reset(plateau, now_ms);
}

static void hold(struct ossdl_plateau *plateau, int64_t now_ms)
{
    plateau->slumps = 0;
    plateau->probe_at = now_ms + plateau->patience_ms;
    use(plateau, OSSDL_PLATEAU_HOLD, plateau->level, now_ms);
}

/* Goes on with fewer, and remembers that this was too many. */
static void step_back(struct ossdl_plateau *plateau, unsigned level)
{
    plateau->ceiling = plateau->level;
    plateau->level = level > 0 ? level : 1;
    plateau->slumps = 0;
}

/* The number to try next, or 0 when the step would be below an eighth. */
static unsigned next_trial(const struct ossdl_plateau *plateau)
{
    unsigned level = plateau->level;
    unsigned least_step = level >= 8 ? level / 8 : 1;
    unsigned step = level;

    if (plateau->ceiling <= plateau->max) {
        step = plateau->ceiling > level ? (plateau->ceiling - level) / 2 : 0;
    }
    if (step > plateau->max - level) {
        step = plateau->max - level;
    }
    return step >= least_step || (step > 0 && level + step == plateau->max)
               ? level + step
               : 0;
}

static void try_next(struct ossdl_plateau *plateau, int64_t now_ms)
{
    unsigned trial = next_trial(plateau);

    if (trial == 0) {
        hold(plateau, now_ms);
    } else {
        use(plateau, OSSDL_PLATEAU_TRIAL, trial, now_ms);
    }
}

/* Whether rate is more than percent above base; both in bytes per second. */
static bool better(uint64_t rate, uint64_t base, unsigned percent)
{
    return rate > base && rate - base > base / 100 * percent;
}

/* Half a window, a window, or two: the smaller the gain, the longer. */
static bool decided(const struct ossdl_plateau *plateau, uint64_t rate,
                    int64_t elapsed_ms)
{
    if (elapsed_ms >= 2 * WINDOW_MS) {
        return true;
    }
    if (elapsed_ms >= WINDOW_MS) {
        return better(rate, plateau->rate, GAIN_CLEAR_PERCENT) ||
               !better(rate, plateau->rate, GAIN_NONE_PERCENT);
    }
    return better(rate, plateau->rate, GAIN_OBVIOUS_PERCENT);
}

static void judge_trial(struct ossdl_plateau *plateau, uint64_t rate,
                        int64_t now_ms)
{
    if (better(rate, plateau->rate, GAIN_PERCENT)) {
        plateau->level = plateau->threads;
        plateau->rate = rate;
        plateau->patience_ms = PATIENCE_MS;
    } else {
        plateau->ceiling = plateau->threads;
    }
    try_next(plateau, now_ms);
}

/* Forgets the ceiling, for it is old, and tries half as many again. */
static void look_beyond(struct ossdl_plateau *plateau, int64_t now_ms)
{
    unsigned step = plateau->level / 2 + 1;

    plateau->ceiling = plateau->max + 1;
    if (plateau->patience_ms < PATIENCE_MOST_MS) {
        plateau->patience_ms *= 2;
    }
    if (plateau->level == plateau->max) {
        hold(plateau, now_ms);
        return;
    }
    if (step > plateau->max - plateau->level) {
        step = plateau->max - plateau->level;
    }
    use(plateau, OSSDL_PLATEAU_TRIAL, plateau->level + step, now_ms);
}

static void judge_hold(struct ossdl_plateau *plateau, uint64_t rate,
                       int64_t now_ms)
{
    if (rate > 0 && rate < plateau->rate / 2) {
        if (++plateau->slumps >= 2) {
            step_back(plateau, plateau->level / 2);
            use(plateau, OSSDL_PLATEAU_BASE, plateau->level, now_ms);
        }
        return;
    }
    plateau->slumps = 0;
    if (rate > 0) {
        plateau->rate = plateau->rate - plateau->rate / 4 + rate / 4;
    }
    if (now_ms >= plateau->probe_at) {
        look_beyond(plateau, now_ms);
    }
}

static uint64_t rate_of(uint64_t bytes, int64_t elapsed_ms)
{
    uint64_t elapsed = (uint64_t) elapsed_ms;

    return bytes > UINT64_MAX / 1000 ? bytes / elapsed * 1000
                                     : bytes * 1000 / elapsed;
}

static void judge(struct ossdl_plateau *plateau, int64_t now_ms,
                  uint64_t bytes_total)
{
    int64_t elapsed_ms = now_ms - plateau->window_at;
    uint64_t rate = rate_of(bytes_total - plateau->window_bytes, elapsed_ms);

    if (plateau->phase == OSSDL_PLATEAU_TRIAL) {
        if (decided(plateau, rate, elapsed_ms)) {
            judge_trial(plateau, rate, now_ms);
        }
    } else if (plateau->phase == OSSDL_PLATEAU_BASE) {
        window_next(plateau, now_ms, bytes_total);
        if (rate > 0) {
            plateau->rate = rate;
            try_next(plateau, now_ms);
        }
    } else if (elapsed_ms >= WINDOW_MS) {
        window_next(plateau, now_ms, bytes_total);
        judge_hold(plateau, rate, now_ms);
    }
}

void ossdl_plateau_init(struct ossdl_plateau *plateau, unsigned start,
                        unsigned max, int64_t now_ms)
{
    memset(plateau, 0, sizeof *plateau);
    plateau->max = max > 0 ? max : 1;
    if (plateau->max > THREADS_MOST) {
        plateau->max = THREADS_MOST;
    }
    plateau->level = start > 0 ? start : 1;
    if (plateau->level > plateau->max) {
        plateau->level = plateau->max;
    }
    plateau->ceiling = plateau->max + 1;
    plateau->patience_ms = PATIENCE_MS;
    plateau->deaf_until = now_ms;
    use(plateau, OSSDL_PLATEAU_BASE, plateau->level, now_ms);
}

/* Whether `active` is near enough to the number that is being measured. */
static bool representative(const struct ossdl_plateau *plateau, unsigned active)
{
    unsigned threads = plateau->threads;

    return active >= threads - threads / 4 && active <= threads + threads / 8;
}

unsigned ossdl_plateau_observe(struct ossdl_plateau *plateau, int64_t now_ms,
                               uint64_t bytes_total, unsigned active)
{
    if (!representative(plateau, active)) {
        window_reset(plateau, now_ms);
    } else if (!plateau->measuring) {
        if (now_ms >= plateau->window_at) {
            window_next(plateau, now_ms, bytes_total);
        }
    } else if (bytes_total < plateau->window_bytes) {
        window_reset(plateau, now_ms);
    } else if (now_ms - plateau->window_at >= WINDOW_MS / 2) {
        judge(plateau, now_ms, bytes_total);
    }
    return plateau->threads;
}

void ossdl_plateau_throttled(struct ossdl_plateau *plateau, int64_t now_ms)
{
    if (now_ms < plateau->deaf_until) {
        return;
    }
    plateau->deaf_until = now_ms + DEAF_MS;
    if (plateau->phase == OSSDL_PLATEAU_TRIAL) {
        plateau->ceiling = plateau->threads;
    } else {
        step_back(plateau, plateau->level - (plateau->level + 3) / 4);
        plateau->rate -= plateau->rate / 4;
    }
    hold(plateau, now_ms);
}

unsigned ossdl_plateau_threads(const struct ossdl_plateau *plateau)
{
    return plateau->threads;
}
