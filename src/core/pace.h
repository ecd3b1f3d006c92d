/*
 * pace.h - max_rate: one limit in bytes per second over all connections
 *
 * Threads: none of its own; the owner's lock.
 * Memory:  in the caller's struct. Errors: none.
 *
 * A token bucket that may go into debt. Who wants to receive books the bytes
 * beforehand and waits until what was booked before is paid: so all stand in a
 * queue. What is received in t seconds is rate * t, plus at most the burst and
 * what one connection receives at once: no error accumulates.
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

/* Books bytes. */
void ossdl_pace_spend(struct ossdl_pace *pace, uint64_t bytes, int64_t now_us);

/* Bytes that were booked and will not be received. */
void ossdl_pace_give_back(struct ossdl_pace *pace, uint64_t bytes);

/*
 * Microseconds until the debt is paid; 0: it is. Who waits just this long, and
 * books in the same breath, has a place in the queue.
 */
int64_t ossdl_pace_wait_us(struct ossdl_pace *pace, int64_t now_us);

OSSDL_END_DECLS

#endif
