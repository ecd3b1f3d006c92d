/* Simulated connections under a simulated clock. */
#include "test.h"

#include "pace.h"

#define SECOND INT64_C(1000000)
#define SLICE OSSDL_PACE_SLICE_BYTES

/* Books, and tells how long it then takes until all is paid. */
static int64_t spend(struct ossdl_pace *pace, uint64_t bytes, int64_t now_us)
{
    ossdl_pace_spend(pace, bytes, now_us);
    return ossdl_pace_wait_us(pace, now_us);
}

TEST("no limit means no wait")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 0, 0);
    CHECK_U64(spend(&pace, UINT64_MAX, 1), 0);
    CHECK_U64(ossdl_pace_wait_us(&pace, 2), 0);
}

TEST("bytes are paid for to the microsecond")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 1000, 50);
    CHECK_U64(ossdl_pace_wait_us(&pace, 50), 0);
    CHECK_U64(spend(&pace, 500, 50), 500000);
    CHECK_U64(ossdl_pace_wait_us(&pace, 100050), 400000);
    CHECK_U64(spend(&pace, 1, 100050), 401000);
    CHECK_U64(ossdl_pace_wait_us(&pace, 501049), 1);
    CHECK_U64(ossdl_pace_wait_us(&pace, 501050), 0);
}

TEST("a wait is rounded up")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 3, 0);
    CHECK_U64(spend(&pace, 1, 0), 333334);
}

TEST("credit for idle time is a tenth of a second")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 10000000, 0);
    CHECK_U64(ossdl_pace_wait_us(&pace, 100 * SECOND), 0);
    CHECK_U64(spend(&pace, 1000000, 100 * SECOND), 0);
    CHECK_U64(spend(&pace, 10, 100 * SECOND), 1);
}

TEST("credit is at least one slice")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 1000, 0);
    CHECK_U64(spend(&pace, SLICE, 1000 * SECOND), 0);
    CHECK_U64(spend(&pace, 1, 1000 * SECOND), 1000);
}

TEST("a new rate keeps the debt in bytes and cuts the credit")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 1000, 0);
    CHECK_U64(spend(&pace, 1000, 0), SECOND);
    ossdl_pace_set_rate(&pace, 500, 0);
    CHECK_U64(ossdl_pace_wait_us(&pace, 0), 2 * SECOND);
    ossdl_pace_set_rate(&pace, 10000000, 100 * SECOND);
    CHECK_U64(ossdl_pace_wait_us(&pace, 200 * SECOND), 0);
    ossdl_pace_set_rate(&pace, 1000, 200 * SECOND);
    CHECK_U64(spend(&pace, SLICE, 200 * SECOND), 0);
    CHECK_U64(spend(&pace, 1, 200 * SECOND), 1000);
}

TEST("removing the limit forgives the debt")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 10, 0);
    CHECK_U64(spend(&pace, 1000, 0), 100 * SECOND);
    ossdl_pace_set_rate(&pace, 0, 5);
    CHECK_U64(ossdl_pace_wait_us(&pace, 5), 0);
    ossdl_pace_set_rate(&pace, 10, 10);
    CHECK_U64(ossdl_pace_wait_us(&pace, 10), 0);
}

TEST("extreme rates, amounts and times do not overflow")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, UINT64_MAX, 0);
    for (int i = 0; i < 10; i++) {
        CHECK(spend(&pace, UINT64_MAX, 0) > 0);
    }
    CHECK_U64(ossdl_pace_wait_us(&pace, INT64_MAX), 0);
    ossdl_pace_init(&pace, 1, 0);
    for (int i = 0; i < 10; i++) {
        CHECK(spend(&pace, UINT64_MAX, 0) > 0);
    }
    CHECK_U64(ossdl_pace_wait_us(&pace, INT64_MAX), 0);
}

TEST("a clock that steps back changes nothing")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 1000, 500);
    CHECK_U64(spend(&pace, 1, 500), 1000);
    CHECK_U64(ossdl_pace_wait_us(&pace, 100), 1000);
    CHECK_U64(ossdl_pace_wait_us(&pace, 1000), 500);
}

TEST("what was booked and did not come is given back, but for the credit")
{
    struct ossdl_pace pace;

    ossdl_pace_init(&pace, 1000000, 0);
    CHECK_U64(spend(&pace, 500000, 0), 500000);
    ossdl_pace_give_back(&pace, 400000);
    CHECK_U64(ossdl_pace_wait_us(&pace, 0), 100000);
    ossdl_pace_give_back(&pace, UINT64_MAX);
    CHECK_U64(spend(&pace, 100001, 0), 1);
    ossdl_pace_init(&pace, 0, 0);
    ossdl_pace_give_back(&pace, 1);
    CHECK_U64(ossdl_pace_wait_us(&pace, 0), 0);
}

struct line {
    int64_t at[64]; /* when each connection acts next */
    bool booked[64];
    uint64_t got[64];
    int count;
    uint64_t seed;
};

/* The next to act; among those at the same moment, a random one. */
static int next_of(struct line *line)
{
    int best = 0;
    int ties = 0;

    for (int i = 0; i < line->count; i++) {
        if (line->at[i] < line->at[best]) {
            best = i;
            ties = 1;
        } else if (line->at[i] == line->at[best]) {
            line->seed = line->seed * 6364136223846793005u + 1;
            ties++;
            best = (line->seed >> 33) % (unsigned) ties == 0 ? i : best;
        }
    }
    return best;
}

/* Each books a slice, waits for its turn, receives it, and books the next. */
static uint64_t run(struct line *line, uint64_t rate, int64_t until_us)
{
    struct ossdl_pace pace;
    uint64_t total = 0;

    ossdl_pace_init(&pace, rate, 0);
    for (int i = next_of(line); line->at[i] < until_us; i = next_of(line)) {
        int64_t now = line->at[i];
        int64_t wait = ossdl_pace_wait_us(&pace, now);

        if (line->booked[i]) {
            line->got[i] += SLICE;
            total += SLICE;
        }
        line->booked[i] = true;
        ossdl_pace_spend(&pace, SLICE, now);
        line->at[i] = now + (wait > 0 ? wait : 20);
    }
    return total;
}

static bool within(uint64_t value, uint64_t expected, uint64_t permille)
{
    uint64_t off = value > expected ? value - expected : expected - value;

    return off * 1000 <= expected * permille;
}

TEST("queueing connections get the rate within 0.5 %, in equal shares")
{
    const int counts[] = {1, 8, 64};

    for (size_t k = 0; k < OSSDL_ARRAY_LEN(counts); k++) {
        struct line line = {{0}, {0}, {0}, counts[k], 1};
        uint64_t rate = 50000000;
        uint64_t share = rate * 10 / (uint64_t) counts[k];

        CHECK(within(run(&line, rate, 10 * SECOND), rate * 10, 5));
        for (int i = 0; i < counts[k]; i++) {
            CHECK(within(line.got[i], share, 10));
        }
    }
}

TEST("many that begin at once are ahead by no more than the credit and a slice")
{
    for (int seconds = 1; seconds <= 10; seconds++) {
        struct line line = {{0}, {0}, {0}, 64, 2};
        uint64_t total = run(&line, 100000, seconds * SECOND);

        CHECK(total <= 100000 * (uint64_t) seconds + 2 * SLICE);
    }
}

TEST("even a rate below a slice per second is exact over time")
{
    struct line line = {{0}, {0}, {0}, 8, 3};

    CHECK(within(run(&line, 4096, 10000 * SECOND), 40960000, 5));
}

TEST_MAIN()
