#include "lock.h"

#include "test.h"

struct shared {
    struct ossdl_lock lock;
    struct ossdl_cond cond;
    bool ready;
};

static void *make_ready(void *argument)
{
    struct shared *shared = argument;

    ossdl_lock_take(&shared->lock);
    shared->ready = true;
    ossdl_cond_wake_one(&shared->cond);
    ossdl_lock_drop(&shared->lock);
    return NULL;
}

TEST("a lock knows whether this thread holds it")
{
    struct ossdl_lock lock;

    CHECK_OK(ossdl_lock_init(&lock));
    CHECK(!ossdl_lock_held(&lock));
    ossdl_lock_take(&lock);
    CHECK(ossdl_lock_held(&lock));
    ossdl_lock_drop(&lock);
    CHECK(!ossdl_lock_held(&lock));
    ossdl_lock_cleanup(&lock);
}

TEST("a wait ends when another thread wakes it, and holds the lock again")
{
    struct shared shared = {.ready = false};
    pthread_t thread;

    CHECK_OK(ossdl_lock_init(&shared.lock));
    CHECK_OK(ossdl_cond_init(&shared.cond, &shared.lock));
    ossdl_lock_take(&shared.lock);
    CHECK_OK(pthread_create(&thread, NULL, make_ready, &shared));
    while (!shared.ready) {
        ossdl_cond_wait(&shared.cond, OSSDL_FOREVER);
    }
    CHECK(ossdl_lock_held(&shared.lock));
    ossdl_lock_drop(&shared.lock);
    pthread_join(thread, NULL);
    ossdl_cond_cleanup(&shared.cond);
    ossdl_lock_cleanup(&shared.lock);
}

TEST("a wait whose time has passed says so")
{
    struct shared shared;

    CHECK_OK(ossdl_lock_init(&shared.lock));
    CHECK_OK(ossdl_cond_init(&shared.cond, &shared.lock));
    ossdl_lock_take(&shared.lock);
    CHECK(!ossdl_cond_wait(&shared.cond, ossdl_now_ms() - 5));
    ossdl_lock_drop(&shared.lock);
    ossdl_cond_cleanup(&shared.cond);
    ossdl_lock_cleanup(&shared.lock);
}

TEST("the clocks go forward and agree")
{
    int64_t us = ossdl_now_us();
    int64_t ms = ossdl_now_ms();

    CHECK(ms >= us / 1000);
    CHECK(ossdl_wall_seconds() > 1700000000);
}

TEST_MAIN()
