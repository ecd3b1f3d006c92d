/*
 * pace.h - max_rate: one limit in bytes per second over all connections
 *
 * Threads: none of its own; the owner's lock.
 * Memory:  in the caller's struct. Errors: none.
 *
 * A token bucket that may go into debt. Bytes are paid after they arrived,
 * since nobody knows how many will; whoever received waits until the debt is
 * paid. What is received in t seconds is rate * t, plus at most the burst and
 * one slice per connection: no error accumulates.
 */
#ifndef OSSDL_CORE_PACE_H
#define OSSDL_CORE_PACE_H

#include "base.h"

OSSDL_BEGIN_DECLS

/* What one receive brings; the least burst. */
#define OSSDL_PACE_SLICE_BYTES 16384

struct ossdl_pace {
    uint64_t rate;  /* bytes per second; 0 for no limit */
    int64_t debt;   /* in bytes * microseconds/second; below 0 is credit */
    int64_t now_us; /* time to which debt is up to date */
};

/* Starts without debt and without credit. */
void ossdl_pace_init(struct ossdl_pace *pace, uint64_t bytes_per_second,
                     int64_t now_us);

/* Changes the rate; the debt in bytes stays. */
void ossdl_pace_set_rate(struct ossdl_pace *pace, uint64_t bytes_per_second,
                         int64_t now_us);

/*
 * Books bytes that were received, and returns the microseconds until the debt
 * is paid, these bytes included. A caller that waits just this long and then
 * receives, without asking again, stands in a queue with all others: each gets
 * its turn, and only one thread wakes for each slice.
 */
int64_t ossdl_pace_spend(struct ossdl_pace *pace, uint64_t bytes,
                         int64_t now_us);

/*
 * Microseconds until receiving may go on; 0 for now. For a connection about
 * to start, or one that does not queue; it promises no turn.
 */
int64_t ossdl_pace_wait_us(struct ossdl_pace *pace, int64_t now_us);

OSSDL_END_DECLS

#endif
