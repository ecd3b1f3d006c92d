/*
 * lock.h - mutex, condition and the monotonic clock
 *
 * Threads: that is what it is for. Memory: in the caller's struct.
 * Errors:  init can fail (OSSDL_EMEMORY); misuse is an assertion.
 *
 * A lock knows its holder, so a function whose name ends in _locked asserts
 * that its caller holds it. Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef OSSDL_CORE_LOCK_H
#define OSSDL_CORE_LOCK_H

#include "status.h"

#include <pthread.h>
#include <stdatomic.h>

OSSDL_BEGIN_DECLS

#define OSSDL_FOREVER INT64_MAX

struct ossdl_lock {
    pthread_mutex_t mutex;
    atomic_uintptr_t holder; /* thread mark of who holds it, or 0 */
};

struct ossdl_cond {
    pthread_cond_t cond; /* waits on CLOCK_MONOTONIC */
};

enum ossdl_status ossdl_lock_init(struct ossdl_lock *lock) OSSDL_MUST_CHECK;
void ossdl_lock_cleanup(struct ossdl_lock *lock);
void ossdl_lock_take(struct ossdl_lock *lock);
void ossdl_lock_drop(struct ossdl_lock *lock);
bool ossdl_lock_held(const struct ossdl_lock *lock);

enum ossdl_status ossdl_cond_init(struct ossdl_cond *cond) OSSDL_MUST_CHECK;
void ossdl_cond_cleanup(struct ossdl_cond *cond);
void ossdl_cond_wake_one(struct ossdl_cond *cond);
void ossdl_cond_wake_all(struct ossdl_cond *cond);
/*
 * Waits until woken or until_ms (absolute, OSSDL_FOREVER for no limit), with
 * the lock given up meanwhile. May wake for no reason: always call it in a
 * loop around a predicate. False when the time was reached.
 */
bool ossdl_cond_wait(struct ossdl_cond *cond, struct ossdl_lock *lock,
                     int64_t until_ms);

int64_t ossdl_now_ms(void);
int64_t ossdl_now_us(void);
/* Seconds since 1970 by the system's clock: for signing only. */
int64_t ossdl_wall_seconds(void);

OSSDL_END_DECLS

#endif
