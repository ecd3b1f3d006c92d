#include "test.h"

#include "http_clock.h"

static struct ossdl_http_clock clock_of(int64_t connect_ms, int64_t answer_ms,
                                        int64_t stall_ms)
{
    struct ossdl_http_clock clock;

    ossdl_http_clock_init(&clock, connect_ms, answer_ms, stall_ms);
    return clock;
}

TEST("limits that are not given have their defaults")
{
    struct ossdl_http_clock clock = clock_of(0, -1, 0);

    CHECK_U64(clock.limit_ms[OSSDL_HTTP_CONNECT], 10000);
    CHECK_U64(clock.limit_ms[OSSDL_HTTP_ANSWER], 30000);
    CHECK_U64(clock.limit_ms[OSSDL_HTTP_BODY], 30000);
}

TEST("an answer may be awaited as long as a silence, but at least 30 seconds")
{
    CHECK_U64(clock_of(0, 0, 90000).limit_ms[OSSDL_HTTP_ANSWER], 90000);
    CHECK_U64(clock_of(0, 0, 500).limit_ms[OSSDL_HTTP_ANSWER], 30000);
    CHECK_U64(clock_of(0, 700, 500).limit_ms[OSSDL_HTTP_ANSWER], 700);
}

TEST("a limit of any size fits what libcurl takes")
{
    struct ossdl_http_clock clock = clock_of(INT64_MAX, INT64_MAX, INT64_MAX);

    CHECK_U64(clock.limit_ms[OSSDL_HTTP_CONNECT], INT32_MAX);
    CHECK_U64(clock.limit_ms[OSSDL_HTTP_ANSWER], INT32_MAX);
    CHECK_U64(clock.limit_ms[OSSDL_HTTP_BODY], INT32_MAX);
}

TEST("each phase has its own limit and its own failure")
{
    struct ossdl_http_clock clock = clock_of(10, 20, 30);

    CHECK_U64(ossdl_http_clock_left_ms(&clock, 0), 10);
    CHECK_U64(ossdl_http_clock_net(&clock), OSSDL_NET_CONNECT_TIMEOUT);
    ossdl_http_clock_enter(&clock, OSSDL_HTTP_ANSWER, 100);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 105), 15);
    CHECK_U64(ossdl_http_clock_net(&clock), OSSDL_NET_FIRST_BYTE_TIMEOUT);
    ossdl_http_clock_enter(&clock, OSSDL_HTTP_BODY, 110);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 110), 30);
    CHECK_U64(ossdl_http_clock_net(&clock), OSSDL_NET_STALL);
}

TEST("a phase is overdue exactly when its limit is reached")
{
    struct ossdl_http_clock clock = clock_of(10, 20, 30);

    ossdl_http_clock_enter(&clock, OSSDL_HTTP_BODY, 1000);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 1029), 1);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 1030), 0);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 5000), 0);
}

TEST("a first header line doubles the time for all of them, once")
{
    struct ossdl_http_clock clock = clock_of(10, 20, 30);

    ossdl_http_clock_enter(&clock, OSSDL_HTTP_ANSWER, 0);
    clock.answered = true;
    CHECK_U64(ossdl_http_clock_limit_ms(&clock), 40);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 39), 1);
    ossdl_http_clock_enter(&clock, OSSDL_HTTP_BODY, 39);
    CHECK_U64(ossdl_http_clock_limit_ms(&clock), 30);
    ossdl_http_clock_enter(&clock, OSSDL_HTTP_ANSWER, 50);
    CHECK_U64(ossdl_http_clock_limit_ms(&clock), 20);
}

TEST("bytes set the clock back")
{
    struct ossdl_http_clock clock = clock_of(10, 20, 30);

    ossdl_http_clock_enter(&clock, OSSDL_HTTP_BODY, 0);
    ossdl_http_clock_hear(&clock, 29);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 29), 30);
}

TEST("the clock stands still while reading is paused")
{
    struct ossdl_http_clock clock = clock_of(10, 20, 30);

    ossdl_http_clock_enter(&clock, OSSDL_HTTP_BODY, 0);
    ossdl_http_clock_pause(&clock, true, 12);
    ossdl_http_clock_pause(&clock, true, 5000);
    CHECK(ossdl_http_clock_left_ms(&clock, 9000) == OSSDL_HTTP_CLOCK_STOPPED);
    ossdl_http_clock_pause(&clock, false, 10000);
    ossdl_http_clock_pause(&clock, false, 10001);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 10000), 18);
}

TEST("bytes that come in a pause count from their arrival")
{
    struct ossdl_http_clock clock = clock_of(10, 20, 30);

    ossdl_http_clock_enter(&clock, OSSDL_HTTP_BODY, 0);
    ossdl_http_clock_pause(&clock, true, 10);
    ossdl_http_clock_hear(&clock, 100);
    ossdl_http_clock_pause(&clock, false, 150);
    CHECK_U64(ossdl_http_clock_left_ms(&clock, 150), 30);
}

TEST_MAIN()
