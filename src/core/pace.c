#include "pace.h"

#define MICROS 1000000
/* Largest rate in bytes per second, and debt: products stay within 63 bits. */
#define RATE_MOST UINT64_C(10000000000000)
#define DEBT_MOST (INT64_MAX / 4)
#define BURST_US 100000

/* The most credit: what 0.1 s or one slice is worth. */
static int64_t burst(const struct ossdl_pace *pace)
{
    int64_t tenth = (int64_t) pace->rate * BURST_US;
    int64_t slice = (int64_t) OSSDL_PACE_SLICE_BYTES * MICROS;

    return tenth > slice ? tenth : slice;
}

/* Pays off what the time that has passed is worth. */
static void catch_up(struct ossdl_pace *pace, int64_t now_us)
{
    int64_t elapsed = now_us - pace->now_us;
    int64_t limit = burst(pace);

    if (elapsed <= 0) {
        return;
    }
    pace->now_us = now_us;
    if (pace->rate == 0) {
        return;
    }
    if (elapsed > (pace->debt + limit) / (int64_t) pace->rate) {
        pace->debt = -limit;
    } else {
        pace->debt -= elapsed * (int64_t) pace->rate;
    }
}

void ossdl_pace_init(struct ossdl_pace *pace, uint64_t bytes_per_second,
                     int64_t now_us)
{
    pace->rate = bytes_per_second < RATE_MOST ? bytes_per_second : RATE_MOST;
    pace->debt = 0;
    pace->now_us = now_us;
}

void ossdl_pace_set_rate(struct ossdl_pace *pace, uint64_t bytes_per_second,
                         int64_t now_us)
{
    int64_t debt;

    catch_up(pace, now_us);
    debt = pace->debt;
    ossdl_pace_init(pace, bytes_per_second, pace->now_us);
    if (pace->rate > 0) {
        pace->debt = debt < -burst(pace) ? -burst(pace) : debt;
    }
}

/* Bytes as debt. */
static int64_t worth(uint64_t bytes)
{
    const uint64_t most = (uint64_t) (DEBT_MOST / MICROS);

    return (int64_t) (bytes < most ? bytes : most) * MICROS;
}

void ossdl_pace_spend(struct ossdl_pace *pace, uint64_t bytes, int64_t now_us)
{
    catch_up(pace, now_us);
    if (pace->rate == 0) {
        return;
    }
    pace->debt += worth(bytes);
    if (pace->debt > DEBT_MOST) {
        pace->debt = DEBT_MOST;
    }
}

void ossdl_pace_give_back(struct ossdl_pace *pace, uint64_t bytes)
{
    int64_t least = -burst(pace);
    int64_t debt = pace->debt - worth(bytes);

    if (pace->rate > 0) {
        pace->debt = debt > least ? debt : least;
    }
}

int64_t ossdl_pace_wait_us(struct ossdl_pace *pace, int64_t now_us)
{
    int64_t rate = (int64_t) pace->rate;

    catch_up(pace, now_us);
    if (rate == 0 || pace->debt <= 0) {
        return 0;
    }
    return pace->debt / rate + (pace->debt % rate != 0);
}
