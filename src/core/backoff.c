#include "backoff.h"

#define MICROS 1000000

uint64_t ossdl_random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint32_t jitter_limit_ms(unsigned strike)
{
    uint32_t limit = OSSDL_BACKOFF_FIRST_MS;

    for (; strike > 1 && limit < OSSDL_BACKOFF_MOST_MS; strike--) {
        limit *= 2;
    }
    return limit < OSSDL_BACKOFF_MOST_MS ? limit : OSSDL_BACKOFF_MOST_MS;
}

uint32_t ossdl_backoff_ms(unsigned strike, uint64_t *random_state,
                          uint32_t floor_ms)
{
    uint64_t choices = (uint64_t) jitter_limit_ms(strike) + 1;
    uint64_t jitter = ((ossdl_random_next(random_state) >> 32) * choices) >> 32;

    if (floor_ms > OSSDL_BACKOFF_FLOOR_MOST_MS) {
        floor_ms = OSSDL_BACKOFF_FLOOR_MOST_MS;
    }
    return floor_ms + (uint32_t) jitter;
}

void ossdl_admission_init(struct ossdl_admission *admission, unsigned burst,
                          unsigned per_second)
{
    int64_t interval = MICROS / (per_second > 0 ? per_second : 1);

    admission->interval_us = interval > 0 ? interval : 1;
    admission->tolerance_us =
        (burst > 0 ? (int64_t) burst - 1 : 0) * admission->interval_us;
    admission->due_us = INT64_MIN;
}

int64_t ossdl_admission_take(struct ossdl_admission *admission, int64_t now_ms)
{
    int64_t now_us = now_ms * 1000;
    int64_t wait_us;

    if (admission->due_us < now_us) {
        admission->due_us = now_us;
    }
    wait_us = admission->due_us - admission->tolerance_us - now_us;
    admission->due_us += admission->interval_us;
    return wait_us > 0 ? (wait_us + 999) / 1000 : 0;
}
