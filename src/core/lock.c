#include "lock.h"

#include <assert.h>
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
    return pthread_mutex_init(&lock->mutex, NULL) == 0 ? OSSDL_OK
                                                       : OSSDL_EMEMORY;
}

void ossdl_lock_cleanup(struct ossdl_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

void ossdl_lock_take(struct ossdl_lock *lock)
{
    assert(!ossdl_lock_held(lock));
    pthread_mutex_lock(&lock->mutex);
    atomic_store_explicit(&lock->holder, self(), memory_order_relaxed);
}

void ossdl_lock_drop(struct ossdl_lock *lock)
{
    assert(ossdl_lock_held(lock));
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    pthread_mutex_unlock(&lock->mutex);
}

bool ossdl_lock_held(const struct ossdl_lock *lock)
{
    return atomic_load_explicit(&lock->holder, memory_order_relaxed) == self();
}

enum ossdl_status ossdl_cond_init(struct ossdl_cond *cond)
{
    pthread_condattr_t attributes;
    int failed;

    if (pthread_condattr_init(&attributes) != 0) {
        return OSSDL_EMEMORY;
    }
    failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
             pthread_cond_init(&cond->cond, &attributes) != 0;
    pthread_condattr_destroy(&attributes);
    return failed ? OSSDL_EMEMORY : OSSDL_OK;
}

void ossdl_cond_cleanup(struct ossdl_cond *cond)
{
    pthread_cond_destroy(&cond->cond);
}

void ossdl_cond_wake_one(struct ossdl_cond *cond)
{
    pthread_cond_signal(&cond->cond);
}

void ossdl_cond_wake_all(struct ossdl_cond *cond)
{
    pthread_cond_broadcast(&cond->cond);
}

bool ossdl_cond_wait(struct ossdl_cond *cond, struct ossdl_lock *lock,
                     int64_t until_ms)
{
    int result;

    assert(ossdl_lock_held(lock));
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    if (until_ms == OSSDL_FOREVER) {
        result = pthread_cond_wait(&cond->cond, &lock->mutex);
    } else {
        struct timespec until = {
            .tv_sec = (time_t) (until_ms / 1000),
            .tv_nsec = (long) (until_ms % 1000) * 1000000,
        };
        result = pthread_cond_timedwait(&cond->cond, &lock->mutex, &until);
    }
    atomic_store_explicit(&lock->holder, self(), memory_order_relaxed);
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
