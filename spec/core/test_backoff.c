/* Backoff is random, so bounds and means are tested; admission is exact. */
#include "test.h"

#include "backoff.h"

TEST("the random sequence is splitmix64")
{
    uint64_t state = 1234567;

    CHECK_U64(ossdl_random_next(&state), UINT64_C(6457827717110365317));
    CHECK_U64(ossdl_random_next(&state), UINT64_C(3203168211198807973));
    CHECK_U64(ossdl_random_next(&state), UINT64_C(9817491932198370423));
}

/* Largest and mean wait of many draws. */
static void draw(unsigned strike, uint32_t floor_ms, uint32_t *out_least,
                 uint32_t *out_most, uint64_t *out_mean)
{
    uint64_t state = strike;
    uint64_t sum = 0;

    *out_least = UINT32_MAX;
    *out_most = 0;
    for (int i = 0; i < 20000; i++) {
        uint32_t wait = ossdl_backoff_ms(strike, &state, floor_ms);

        *out_least = wait < *out_least ? wait : *out_least;
        *out_most = wait > *out_most ? wait : *out_most;
        sum += wait;
    }
    *out_mean = sum / 20000;
}

TEST("waits fill the range from 0 to a limit that doubles up to 20 s")
{
    for (unsigned strike = 1; strike < 40; strike++) {
        uint64_t limit = strike < 8 ? 200u << (strike - 1) : 20000;
        uint64_t mean;
        uint32_t least;
        uint32_t most;

        draw(strike, 0, &least, &most, &mean);
        CHECK(most <= limit);
        CHECK(most >= limit - limit / 100);
        CHECK(least <= limit / 100);
        CHECK(mean * 100 >= limit * 47 && mean * 100 <= limit * 53);
    }
}

TEST("the first failure is strike 1, and strike 0 is the same")
{
    uint64_t a = 5;
    uint64_t b = 5;

    CHECK_U64(ossdl_backoff_ms(0, &a, 0), ossdl_backoff_ms(1, &b, 0));
    CHECK(ossdl_backoff_ms(UINT32_MAX, &a, 0) <= 20000);
}

TEST("what the service asked for is waited in full, spread, and capped")
{
    uint64_t mean;
    uint32_t least;
    uint32_t most;

    draw(1, 5000, &least, &most, &mean);
    CHECK(least >= 5000 && least < 5010);
    CHECK(most <= 5200 && most > 5190);
    draw(1, UINT32_MAX, &least, &most, &mean);
    CHECK(least >= 60000);
    CHECK(most <= 60200);
}

TEST("a burst of retries goes at once, the next at the steady rate")
{
    struct ossdl_admission admission;

    ossdl_admission_init(&admission, 3, 10);
    CHECK_U64(ossdl_admission_take(&admission, 1000), 0);
    CHECK_U64(ossdl_admission_take(&admission, 1000), 0);
    CHECK_U64(ossdl_admission_take(&admission, 1000), 0);
    CHECK_U64(ossdl_admission_take(&admission, 1000), 100);
    CHECK_U64(ossdl_admission_take(&admission, 1000), 200);
    CHECK_U64(ossdl_admission_take(&admission, 1050), 250);
}

TEST("time restores the burst, and no more than that")
{
    struct ossdl_admission admission;

    ossdl_admission_init(&admission, 2, 10);
    for (int i = 0; i < 4; i++) {
        CHECK_U64(ossdl_admission_take(&admission, 0),
                  i < 2 ? 0 : i * 100 - 100);
    }
    CHECK_U64(ossdl_admission_take(&admission, 350), 0);
    CHECK_U64(ossdl_admission_take(&admission, 350), 50);
    CHECK_U64(ossdl_admission_take(&admission, 1000000), 0);
    CHECK_U64(ossdl_admission_take(&admission, 1000000), 0);
    CHECK_U64(ossdl_admission_take(&admission, 1000000), 100);
}

TEST("zero burst and zero rate count as one")
{
    struct ossdl_admission admission;

    ossdl_admission_init(&admission, 0, 0);
    CHECK_U64(ossdl_admission_take(&admission, 0), 0);
    CHECK_U64(ossdl_admission_take(&admission, 0), 1000);
}

TEST("an enormous rate still means one after the other")
{
    struct ossdl_admission admission;

    ossdl_admission_init(&admission, 1, UINT32_MAX);
    CHECK_U64(ossdl_admission_take(&admission, 0), 0);
    CHECK_U64(ossdl_admission_take(&admission, 0), 1);
    ossdl_admission_init(&admission, UINT32_MAX, 1);
    CHECK_U64(ossdl_admission_take(&admission, 0), 0);
}

TEST("a clock that steps back costs waiting, not correctness")
{
    struct ossdl_admission admission;

    ossdl_admission_init(&admission, 1, 10);
    CHECK_U64(ossdl_admission_take(&admission, 1000), 0);
    CHECK_U64(ossdl_admission_take(&admission, 900), 200);
}

TEST("sixty-four connections that fail together come back in a line")
{
    struct ossdl_admission admission;
    int64_t last = -1;

    ossdl_admission_init(&admission, 8, 20);
    for (int i = 0; i < 64; i++) {
        int64_t wait = ossdl_admission_take(&admission, 5000);

        CHECK_U64(wait, i < 8 ? 0 : (i - 7) * 50);
        CHECK(wait >= last);
        last = wait;
    }
}

TEST_MAIN()
