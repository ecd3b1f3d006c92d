#include "balance.h"

#include "http.h"
#include "plan.h"
#include "worker.h"

/* A connection is judged no sooner. */
#define JUDGE_AFTER_MS 1000
/* Replaced if it has less than a part of this many of the median's rate. */
#define SLOW_FACTOR 8
/* Below these, cutting a range in two costs more than it brings. */
#define SPLIT_BYTES_LEAST (128 * OSSDL_KIB)
#define SPLIT_BYTES_MOST OSSDL_MIB
/* The smallest step of a claim, one slice of a slow connection. */
#define CLAIM_BYTES_LEAST (64 * OSSDL_KIB)
/* And the first one, when nothing is known about the connection. */
#define CLAIM_BYTES_FIRST (256 * OSSDL_KIB)

static bool busy_with(const struct ossdl_job *job, enum ossdl_job_kind kind)
{
    return job->locked.state == OSSDL_JOB_RUNNING && job->kind == kind;
}

static bool is_receiving(const struct ossdl_job *job)
{
    return busy_with(job, OSSDL_JOB_FETCH) || busy_with(job, OSSDL_JOB_OPEN);
}

static uint64_t position_of(const struct ossdl_job *job)
{
    return atomic_load_explicit(&job->position, memory_order_relaxed);
}

unsigned ossdl_balance_threads_locked(const struct ossdl_transfer *transfer)
{
    return transfer->options.threads == 0
               ? ossdl_plateau_threads(&transfer->locked.plateau)
               : transfer->job_count;
}

/* --- comparing connections --------------------------------------------- */

static void sample(struct ossdl_job *job, int64_t now_ms)
{
    uint64_t position = position_of(job);
    int64_t elapsed = now_ms - job->locked.sample_at;
    uint64_t rate;

    if (elapsed < OSSDL_BALANCE_MS / 2) {
        return;
    }
    rate = (position - job->locked.sample_position) * 1000 / (uint64_t) elapsed;
    job->locked.rate =
        job->locked.rate == 0 ? rate : (job->locked.rate + rate) / 2;
    job->locked.sample_position = position;
    job->locked.sample_at = now_ms;
}

static uint64_t median(uint64_t *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint64_t value = values[i];
        unsigned at = i;

        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
    return count > 0 ? values[count / 2] : 0;
}

static uint64_t median_rate_locked(const struct ossdl_transfer *transfer)
{
    uint64_t rates[64];
    unsigned count = 0;

    for (unsigned i = 0; i < transfer->job_count && count < 64; i++) {
        if (is_receiving(&transfer->jobs[i])) {
            rates[count++] = transfer->jobs[i].locked.rate;
        }
    }
    /* The last one has no sisters left: it is held against those before. */
    return count < 2 ? transfer->locked.typical_rate : median(rates, count);
}

/* Its rest goes to a fresh connection; what it has received stays. */
static void relieve_locked(struct ossdl_job *job)
{
    job->locked.relieved = true;
    atomic_store(&job->stop, true);
    ossdl_http_wake(job->locked.worker->http);
}

/* A limit of ours makes rates meaningless; and where a third of all requests
 * was relieved already, the network is like that. */
static bool may_relieve_locked(const struct ossdl_transfer *transfer)
{
    return !atomic_load(&transfer->client->limited) && !transfer->file.single &&
           transfer->locked.reliefs < 3 + transfer->locked.requests / 3;
}

static void judge_locked(struct ossdl_transfer *transfer, int64_t now_ms)
{
    uint64_t typical = median_rate_locked(transfer);

    for (unsigned i = 0; i < transfer->job_count; i++) {
        struct ossdl_job *job = &transfer->jobs[i];

        if (typical > 0 && is_receiving(job) && !job->locked.relieved &&
            now_ms - job->started_at >= JUDGE_AFTER_MS &&
            job->locked.rate < typical / SLOW_FACTOR &&
            may_relieve_locked(transfer)) {
            transfer->locked.reliefs++;
            relieve_locked(job);
        }
    }
}

void ossdl_balance_watch_locked(struct ossdl_transfer *transfer, int64_t now_ms)
{
    if (now_ms - transfer->locked.watched_at < OSSDL_BALANCE_MS) {
        return;
    }
    transfer->locked.watched_at = now_ms;
    for (unsigned i = 0; i < transfer->job_count; i++) {
        if (is_receiving(&transfer->jobs[i])) {
            sample(&transfer->jobs[i], now_ms);
        }
    }
    judge_locked(transfer, now_ms);
    if (transfer->options.threads == 0 &&
        ossdl_plateau_observe(
            &transfer->locked.plateau, now_ms, atomic_load(&transfer->received),
            transfer->locked.fetching) > transfer->locked.fetching) {
        ossdl_cond_wake_one(&transfer->client->work);
    }
}

/* --- claims ------------------------------------------------------------ */

/* Grows with the rate: a fast connection comes here once per block, and of a
 * slow one nearly all can still be taken away. */
static uint64_t claim_bytes(const struct ossdl_job *job)
{
    uint64_t bytes =
        job->locked.rate == 0 ? CLAIM_BYTES_FIRST : job->locked.rate / 4;

    if (bytes > job->block_bytes) {
        return job->block_bytes;
    }
    return bytes < CLAIM_BYTES_LEAST ? CLAIM_BYTES_LEAST : bytes;
}

uint64_t ossdl_balance_claim_locked(struct ossdl_job *job, int64_t now_ms)
{
    struct ossdl_transfer *transfer = job->transfer;
    uint64_t position = position_of(job);
    uint64_t most = job->block_bytes;
    uint64_t block_end = (position / most + 1) * most;
    uint64_t claim;

    ossdl_balance_watch_locked(transfer, now_ms);
    ossdl_transfer_tick_locked(transfer, now_ms);
    claim = position + claim_bytes(job);
    if (claim > block_end) {
        claim = block_end;
    }
    if (claim > job->locked.end) {
        claim = job->locked.end;
    }
    if (claim > job->locked.claimed) {
        job->locked.claimed = claim;
    }
    return job->locked.claimed;
}

/* --- sharing what is left ---------------------------------------------- */

uint64_t ossdl_balance_rate_locked(const struct ossdl_transfer *transfer)
{
    uint64_t sum = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < transfer->job_count; i++) {
        const struct ossdl_job *job = &transfer->jobs[i];

        if (is_receiving(job) && job->locked.rate > 0) {
            sum += job->locked.rate;
            count++;
        }
    }
    return count > 0 ? sum / count : 0;
}

/* What it brings per second: a new one is taken to be like those before. */
static uint64_t rate_of_locked(const struct ossdl_job *job)
{
    return job->locked.rate > 0 ? job->locked.rate
                                : job->transfer->locked.typical_rate;
}

/* The job whose rest would come last, and is worth sharing. */
static struct ossdl_job *latest_job_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_job *latest = NULL;
    double latest_seconds = 0;

    for (unsigned i = 0; i < transfer->job_count; i++) {
        struct ossdl_job *job = &transfer->jobs[i];
        uint64_t rate = rate_of_locked(job);
        double seconds;

        if (!is_receiving(job) || atomic_load(&job->stop) || rate == 0 ||
            job->locked.claimed >= job->locked.end) {
            continue;
        }
        seconds =
            (double) (job->locked.end - job->locked.claimed) / (double) rate;
        if (!latest || seconds > latest_seconds) {
            latest = job;
            latest_seconds = seconds;
        }
    }
    return latest;
}

/* An eighth of a second's bytes outweigh what another request costs. */
static uint64_t split_bytes_locked(const struct ossdl_job *job)
{
    uint64_t bytes = rate_of_locked(job) / 8;

    if (bytes < SPLIT_BYTES_LEAST) {
        return SPLIT_BYTES_LEAST;
    }
    return bytes > SPLIT_BYTES_MOST ? SPLIT_BYTES_MOST : bytes;
}

bool ossdl_balance_steal_locked(struct ossdl_transfer *transfer,
                                struct ossdl_range *out)
{
    struct ossdl_job *latest = latest_job_locked(transfer);
    uint64_t middle;

    if (!latest || !ossdl_plan_split(latest->locked.claimed, latest->locked.end,
                                     split_bytes_locked(latest), &middle)) {
        return false;
    }
    out->start = middle;
    out->end = latest->locked.end;
    latest->locked.end = middle;
    return true;
}
