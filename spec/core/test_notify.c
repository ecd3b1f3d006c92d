#include "test.h"

#include "notify.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROUNDS 20000u
#define PATIENCE_MS 60000

typedef void(init_fn)(struct ossdl_notify *notify);

static init_fn *const kinds[] = {ossdl_notify_init, ossdl_notify_init_pipe};

static bool readable(int fd, int timeout_ms)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};

    return poll(&poll_fd, 1, timeout_ms) == 1 &&
           (poll_fd.revents & POLLIN) != 0;
}

TEST("no descriptor is opened until somebody asks")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct ossdl_notify notify;

        kinds[i](&notify);
        ossdl_notify_raise(&notify);
        ossdl_notify_ack(&notify);
        CHECK(notify.read_end < 0 && atomic_load(&notify.write_end) < 0);
        ossdl_notify_cleanup(&notify);
    }
}

TEST("raise makes it readable and acknowledging makes it unreadable")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct ossdl_notify notify;
        int fd;

        kinds[i](&notify);
        fd = ossdl_notify_fd(&notify, NULL);
        CHECK(fd >= 0);
        CHECK_U64(ossdl_notify_fd(&notify, NULL), fd);
        for (int round = 0; round < 3; round++) {
            CHECK(!readable(fd, 0));
            ossdl_notify_raise(&notify);
            CHECK(readable(fd, PATIENCE_MS));
            CHECK(readable(fd, 0));
            ossdl_notify_ack(&notify);
        }
        CHECK(!readable(fd, 0));
        ossdl_notify_cleanup(&notify);
    }
}

TEST("what was raised before the descriptor existed is not lost")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct ossdl_notify notify;

        kinds[i](&notify);
        ossdl_notify_raise(&notify);
        CHECK(readable(ossdl_notify_fd(&notify, NULL), PATIENCE_MS));
        ossdl_notify_ack(&notify);
        CHECK(!readable(ossdl_notify_fd(&notify, NULL), 0));
        ossdl_notify_cleanup(&notify);
    }
}

TEST("a million raises without a reader neither block nor fail")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct ossdl_notify notify;
        int fd;

        kinds[i](&notify);
        fd = ossdl_notify_fd(&notify, NULL);
        for (int round = 0; round < 1000000; round++) {
            ossdl_notify_raise(&notify);
        }
        CHECK(readable(fd, PATIENCE_MS));
        ossdl_notify_ack(&notify);
        CHECK(!readable(fd, 0));
        ossdl_notify_cleanup(&notify);
    }
}

TEST("a descriptor that is full counts as raised")
{
    struct ossdl_notify notify;
    char bytes[4096] = {0};
    int fd;

    ossdl_notify_init_pipe(&notify);
    fd = ossdl_notify_fd(&notify, NULL);
    while (write(atomic_load(&notify.write_end), bytes, sizeof(bytes)) > 0) {
    }
    ossdl_notify_raise(&notify);
    ossdl_notify_ack(&notify);
    CHECK(!readable(fd, 0));
    ossdl_notify_raise(&notify);
    CHECK(readable(fd, PATIENCE_MS));
    ossdl_notify_cleanup(&notify);
}

TEST("the descriptor is closed on exec and does not block")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct ossdl_notify notify;
        int ends[2];

        kinds[i](&notify);
        ends[0] = ossdl_notify_fd(&notify, NULL);
        ends[1] = atomic_load(&notify.write_end);
        for (int end = 0; end < 2; end++) {
            CHECK(fcntl(ends[end], F_GETFD) & FD_CLOEXEC);
            CHECK(fcntl(ends[end], F_GETFL) & O_NONBLOCK);
        }
        ossdl_notify_cleanup(&notify);
        CHECK(fcntl(ends[0], F_GETFD) < 0 && fcntl(ends[1], F_GETFD) < 0);
    }
}

TEST("cleanup may be called twice and without anything")
{
    struct ossdl_notify notify;

    ossdl_notify_init(&notify);
    ossdl_notify_cleanup(&notify);
    CHECK(ossdl_notify_fd(&notify, NULL) >= 0);
    ossdl_notify_cleanup(&notify);
    ossdl_notify_cleanup(&notify);
    ossdl_notify_cleanup(NULL);
}

TEST("without a free descriptor it says so, and a later call succeeds")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct ossdl_notify notify;
        struct ossdl_error err;
        struct rlimit limit;
        struct rlimit none;
        int fd;

        CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        none = limit;
        none.rlim_cur = 0;
        kinds[i](&notify);
        CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
        fd = ossdl_notify_fd(&notify, &err);
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        CHECK(fd == -1);
        CHECK_U64(err.status, OSSDL_EIO);
        CHECK_STR(err.code, "EMFILE");
        CHECK(ossdl_notify_fd(&notify, &err) >= 0);
        ossdl_notify_cleanup(&notify);
    }
}

struct race {
    struct ossdl_notify notify;
    atomic_uint state; /* counts up; the reader must see the last value */
};

static void *raise_often(void *argument)
{
    struct race *race = argument;

    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_fetch_add_explicit(&race->state, 1, memory_order_relaxed);
        ossdl_notify_raise(&race->notify);
    }
    return NULL;
}

TEST("no wake-up is lost between two writers and a reader")
{
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(kinds); i++) {
        struct race race;
        pthread_t writers[2];
        unsigned seen = 0;
        bool woken = true;

        kinds[i](&race.notify);
        atomic_init(&race.state, 0);
        for (int w = 0; w < 2; w++) {
            CHECK(pthread_create(&writers[w], NULL, raise_often, &race) == 0);
        }
        /* The descriptor is made while the writers are at it. */
        while (seen < 2 * ROUNDS && woken) {
            woken = readable(ossdl_notify_fd(&race.notify, NULL), PATIENCE_MS);
            ossdl_notify_ack(&race.notify);
            seen = atomic_load_explicit(&race.state, memory_order_relaxed);
        }
        for (int w = 0; w < 2; w++) {
            pthread_join(writers[w], NULL);
        }
        CHECK_U64(seen, 2 * ROUNDS);
        ossdl_notify_cleanup(&race.notify);
    }
}

TEST_MAIN()
