#include "http_clock.h"

#include <limits.h>

#define CONNECT_MS 10000
#define STALL_MS 30000

static int64_t limit_or(int64_t limit_ms, int64_t otherwise_ms)
{
    if (limit_ms <= 0) {
        return otherwise_ms;
    }
    return limit_ms < INT_MAX ? limit_ms : INT_MAX;
}

void ossdl_http_clock_init(struct ossdl_http_clock *clock, int64_t connect_ms,
                           int64_t answer_ms, int64_t stall_ms)
{
    int64_t silence_ms = limit_or(stall_ms, STALL_MS);

    clock->limit_ms[OSSDL_HTTP_CONNECT] = limit_or(connect_ms, CONNECT_MS);
    clock->limit_ms[OSSDL_HTTP_ANSWER] =
        limit_or(answer_ms, silence_ms > STALL_MS ? silence_ms : STALL_MS);
    clock->limit_ms[OSSDL_HTTP_BODY] = silence_ms;
    clock->paused_ms = 0;
    ossdl_http_clock_enter(clock, OSSDL_HTTP_CONNECT, 0);
}

void ossdl_http_clock_enter(struct ossdl_http_clock *clock,
                            enum ossdl_http_phase phase, int64_t now_ms)
{
    clock->phase = phase;
    clock->answered = false;
    clock->paused = false;
    clock->since_ms = now_ms;
}

void ossdl_http_clock_hear(struct ossdl_http_clock *clock, int64_t now_ms)
{
    clock->since_ms = now_ms;
    clock->paused_ms = now_ms;
}

void ossdl_http_clock_pause(struct ossdl_http_clock *clock, bool paused,
                            int64_t now_ms)
{
    if (paused == clock->paused) {
        return;
    }
    if (paused) {
        clock->paused_ms = now_ms;
    } else {
        clock->since_ms += now_ms - clock->paused_ms;
    }
    clock->paused = paused;
}

int64_t ossdl_http_clock_limit_ms(const struct ossdl_http_clock *clock)
{
    int64_t limit_ms = clock->limit_ms[clock->phase];

    if (clock->phase == OSSDL_HTTP_ANSWER && clock->answered) {
        return 2 * limit_ms;
    }
    return limit_ms;
}

int64_t ossdl_http_clock_left_ms(const struct ossdl_http_clock *clock,
                                 int64_t now_ms)
{
    int64_t left_ms;

    if (clock->paused) {
        return OSSDL_HTTP_CLOCK_STOPPED;
    }
    left_ms = clock->since_ms + ossdl_http_clock_limit_ms(clock) - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

enum ossdl_net ossdl_http_clock_net(const struct ossdl_http_clock *clock)
{
    switch (clock->phase) {
    case OSSDL_HTTP_CONNECT:
        return OSSDL_NET_CONNECT_TIMEOUT;
    case OSSDL_HTTP_ANSWER:
        return OSSDL_NET_FIRST_BYTE_TIMEOUT;
    case OSSDL_HTTP_BODY:
    case OSSDL_HTTP_PHASES:
        break;
    }
    return OSSDL_NET_STALL;
}
