/*
 * lock.h - mutex, condition and the monotonic clock
 *
 * Threads: that is what it is for. Memory: in the caller's struct.
 * Errors:  init can fail (OSSDL_EMEMORY); misuse is an assertion.
 *
 * A lock knows its holder, so a function whose name ends in _locked asserts
 * that its caller holds it. A wake-up is only noted, and happens when the lock
 * is dropped: whoever wakes would run into the lock otherwise, and sleep again.
 * Times are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef OSSDL_CORE_LOCK_H
#define OSSDL_CORE_LOCK_H

#include "status.h"

#include <pthread.h>
#include <stdatomic.h>

OSSDL_BEGIN_DECLS

#define OSSDL_FOREVER INT64_MAX

#define OSSDL_LOCK_CONDS_MAX 3

struct ossdl_lock {
    pthread_mutex_t mutex;
    atomic_uintptr_t holder; /* thread mark of who holds it, or 0 */
    struct ossdl_cond *conds[OSSDL_LOCK_CONDS_MAX]; /* that belong to it */
};

/* For a lock that is there all the time. */
#define OSSDL_LOCK_INITIALIZER             \
    {                                      \
        .mutex = PTHREAD_MUTEX_INITIALIZER \
    }

struct ossdl_cond {
    pthread_cond_t cond; /* waits on CLOCK_MONOTONIC */
    struct ossdl_lock *lock;
    unsigned due; /* wake-ups when the lock is dropped; UINT_MAX: of all */
};

enum ossdl_status ossdl_lock_init(struct ossdl_lock *lock) OSSDL_MUST_CHECK;
void ossdl_lock_cleanup(struct ossdl_lock *lock);
void ossdl_lock_take(struct ossdl_lock *lock);
void ossdl_lock_drop(struct ossdl_lock *lock);
bool ossdl_lock_held(const struct ossdl_lock *lock);

/*
 * A condition belongs to one lock, which nobody uses yet, and goes before it.
 * What it tells about is guarded by that lock; all calls but init and cleanup
 * are made with the lock held.
 */
enum ossdl_status ossdl_cond_init(struct ossdl_cond *cond,
                                  struct ossdl_lock *lock) OSSDL_MUST_CHECK;
void ossdl_cond_cleanup(struct ossdl_cond *cond);
void ossdl_cond_wake_one(struct ossdl_cond *cond);
void ossdl_cond_wake_all(struct ossdl_cond *cond);
/*
 * Waits until woken or until_ms (absolute, OSSDL_FOREVER for no limit), with
 * the lock given up meanwhile. May wake for no reason: always call it in a
 * loop around a predicate. False when the time was reached.
 */
bool ossdl_cond_wait(struct ossdl_cond *cond, int64_t until_ms);

int64_t ossdl_now_ms(void);
int64_t ossdl_now_us(void);
/* Seconds since 1970 by the system's clock: for signing only. */
int64_t ossdl_wall_seconds(void);

OSSDL_END_DECLS

#endif
