#include "lock.h"

#include <assert.h>
#include <limits.h>
#include <string.h>
#include <time.h>

/* The address of a thread-local is unlike that of every other thread. */
static _Thread_local char thread_mark;

static uintptr_t self(void)
{
    return (uintptr_t) &thread_mark;
}

enum ossdl_status ossdl_lock_init(struct ossdl_lock *lock)
{
    atomic_init(&lock->holder, 0);
    memset(lock->conds, 0, sizeof lock->conds);
    return pthread_mutex_init(&lock->mutex, NULL) == 0 ? OSSDL_OK
                                                       : OSSDL_EMEMORY;
}

void ossdl_lock_cleanup(struct ossdl_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

static void mark_held(struct ossdl_lock *lock)
{
    atomic_store_explicit(&lock->holder, self(), memory_order_relaxed);
}

static void mark_free(struct ossdl_lock *lock)
{
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
}

void ossdl_lock_take(struct ossdl_lock *lock)
{
    assert(!ossdl_lock_held(lock));
    pthread_mutex_lock(&lock->mutex);
    mark_held(lock);
}

static void wake(struct ossdl_cond *cond, unsigned due)
{
    if (due == UINT_MAX) {
        pthread_cond_broadcast(&cond->cond);
        return;
    }
    while (due-- > 0) {
        pthread_cond_signal(&cond->cond);
    }
}

static unsigned take_due(struct ossdl_cond *cond)
{
    unsigned due = cond ? cond->due : 0;

    if (due > 0) {
        cond->due = 0;
    }
    return due;
}

void ossdl_lock_drop(struct ossdl_lock *lock)
{
    struct ossdl_cond *conds[OSSDL_LOCK_CONDS_MAX];
    unsigned due[OSSDL_LOCK_CONDS_MAX];

    assert(ossdl_lock_held(lock));
    for (int i = 0; i < OSSDL_LOCK_CONDS_MAX; i++) {
        conds[i] = lock->conds[i];
        due[i] = take_due(conds[i]);
    }
    mark_free(lock);
    pthread_mutex_unlock(&lock->mutex);
    for (int i = 0; i < OSSDL_LOCK_CONDS_MAX; i++) {
        if (due[i] > 0) {
            wake(conds[i], due[i]);
        }
    }
}

bool ossdl_lock_held(const struct ossdl_lock *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == self();
}

static void attach(struct ossdl_cond *cond, struct ossdl_lock *lock)
{
    int i = 0;

    while (lock->conds[i]) {
        i++;
        assert(i < OSSDL_LOCK_CONDS_MAX);
    }
    lock->conds[i] = cond;
    cond->lock = lock;
    cond->due = 0;
}

enum ossdl_status ossdl_cond_init(struct ossdl_cond *cond,
                                  struct ossdl_lock *lock)
{
    pthread_condattr_t attributes;
    int failed;

    if (pthread_condattr_init(&attributes) != 0) {
        return OSSDL_EMEMORY;
    }
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
             pthread_cond_init(&cond->cond, &attributes) != 0;
    pthread_condattr_destroy(&attributes);
    if (failed) {
        return OSSDL_EMEMORY;
    }
    attach(cond, lock);
    return OSSDL_OK;
}

void ossdl_cond_cleanup(struct ossdl_cond *cond)
{
    for (int i = 0; i < OSSDL_LOCK_CONDS_MAX; i++) {
        if (cond->lock->conds[i] == cond) {
            cond->lock->conds[i] = NULL;
        }
    }
    pthread_cond_destroy(&cond->cond);
}

void ossdl_cond_wake_one(struct ossdl_cond *cond)
{
    assert(ossdl_lock_held(cond->lock));
    if (cond->due < UINT_MAX) {
        cond->due++;
    }
}

void ossdl_cond_wake_all(struct ossdl_cond *cond)
{
    assert(ossdl_lock_held(cond->lock));
    cond->due = UINT_MAX;
}

/* The lock is dropped here, too, so what was noted happens first. */
static void wake_due(struct ossdl_lock *lock)
{
    for (int i = 0; i < OSSDL_LOCK_CONDS_MAX; i++) {
        unsigned due = take_due(lock->conds[i]);

        if (due > 0) {
            wake(lock->conds[i], due);
        }
    }
}

bool ossdl_cond_wait(struct ossdl_cond *cond, int64_t until_ms)
{
    struct ossdl_lock *lock = cond->lock;
    int result;

    assert(ossdl_lock_held(lock));
    wake_due(lock);
    mark_free(lock);
    if (until_ms == OSSDL_FOREVER) {
        result = pthread_cond_wait(&cond->cond, &lock->mutex);
    } else {
        struct timespec until = {
            .tv_sec = (time_t) (until_ms / 1000),
            .tv_nsec = (long) (until_ms % 1000) * 1000000,
        };
        result = pthread_cond_timedwait(&cond->cond, &lock->mutex, &until);
    }
    mark_held(lock);
    return result == 0;
}

int64_t ossdl_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t ossdl_now_ms(void)
{
    return ossdl_now_us() / 1000;
}

int64_t ossdl_wall_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec;
}
