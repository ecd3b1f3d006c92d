/*
 * backoff.h - when to try again: how long each waits, and how many may
 *
 * Threads: none of its own; the owner's lock.
 * Memory:  in the caller's struct. Errors: none.
 *
 * Backoff spreads the retries of one request over time. Admission bounds the
 * retries of a whole client, so that 64 connections that fail together do not
 * come back together.
 */
#ifndef OSSDL_CORE_BACKOFF_H
#define OSSDL_CORE_BACKOFF_H

#include "base.h"

OSSDL_BEGIN_DECLS

#define OSSDL_BACKOFF_FIRST_MS 200
#define OSSDL_BACKOFF_MOST_MS 20000
#define OSSDL_BACKOFF_FLOOR_MOST_MS 60000

/*
 * The next 64 random bits (splitmix64). Any seed will do, 0 too; different
 * seeds give unrelated sequences. Not for secrets.
 */
uint64_t ossdl_random_next(uint64_t *state);

/*
 * Milliseconds to wait before a retry. strike counts the failures in a row
 * without progress, from 1 (0 counts as 1). The wait is floor_ms, what the
 * service asked for (Retry-After, qos delay; more than 60 s counts as 60 s),
 * plus a random part between 0 and 200 ms, doubled per strike up to 20 s:
 * full jitter, on top of the floor too, or all would return at the same time.
 */
uint32_t ossdl_backoff_ms(unsigned strike, uint64_t *random_state,
                          uint32_t floor_ms);

/* A steady rate with a burst: the "generic cell rate algorithm". */
struct ossdl_admission {
    int64_t interval_us;  /* between two retries at the steady rate */
    int64_t tolerance_us; /* how far reservations may run ahead of time */
    int64_t due_us;       /* when the steady rate gets to the next one */
};

/* burst retries at once, then per_second of them; 0 counts as 1. */
void ossdl_admission_init(struct ossdl_admission *admission, unsigned burst,
                          unsigned per_second);

/*
 * Reserves one retry and returns the milliseconds until it may go, 0 for now.
 * now_ms is any monotonic clock. A reservation cannot be given back: who does
 * not use it has merely been polite.
 */
int64_t ossdl_admission_take(struct ossdl_admission *admission, int64_t now_ms);

OSSDL_END_DECLS

#endif
