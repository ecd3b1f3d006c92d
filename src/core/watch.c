#include "watch.h"

#ifdef __linux__

#include "alloc.h"
#include "lock.h"

#include <pthread.h>
#include <sys/inotify.h>
#include <unistd.h>

struct watched {
    int number; /* inotify's; -1: the slot is free */
    bool opened;
};

static struct {
    struct ossdl_lock lock;
    /* under the lock: */
    bool forks_handled;
    int fd; /* inotify's; -1: nothing is watched */
    struct watched *items;
    size_t count; /* of items */
    size_t used;  /* of them */
} watch = {.lock = OSSDL_LOCK_INITIALIZER, .fd = -1};

/* The descriptor is one with the parent's: what is read here is lost there.
 * The parent may have held the lock at the moment of the fork. */
static void start_over_in_child(void)
{
    static const struct ossdl_lock fresh = OSSDL_LOCK_INITIALIZER;

    watch.lock = fresh;
    if (watch.fd >= 0) {
        close(watch.fd);
    }
    watch.fd = -1;
    watch.count = 0;
    watch.used = 0;
    watch.items = NULL;
}

static bool open_locked(void)
{
    if (!watch.forks_handled) {
        watch.forks_handled =
            pthread_atfork(NULL, NULL, start_over_in_child) == 0;
    }
    if (watch.fd < 0) {
        watch.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    }
    return watch.fd >= 0;
}

static void close_unused_locked(void)
{
    if (watch.used == 0 && watch.fd >= 0) {
        close(watch.fd);
        watch.fd = -1;
        ossdl_free(watch.items);
        watch.items = NULL;
        watch.count = 0;
    }
}

static struct watched *find_locked(int number)
{
    for (size_t i = 0; i < watch.count; i++) {
        if (watch.items[i].number == number) {
            return &watch.items[i];
        }
    }
    return NULL;
}

static struct watched *slot_locked(void)
{
    struct watched *slot = find_locked(-1);
    struct watched *grown;

    if (slot) {
        return slot;
    }
    grown = ossdl_realloc(watch.items, (watch.count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    watch.items = grown;
    return &grown[watch.count++];
}

/* An overflowing queue has lost events: then everything may be touched. */
static void note_locked(const struct inotify_event *event)
{
    for (size_t i = 0; i < watch.count; i++) {
        if (watch.items[i].number == event->wd ||
            (event->mask & IN_Q_OVERFLOW)) {
            watch.items[i].opened = true;
        }
    }
}

static void drain_locked(void)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t got;

    while ((got = read(watch.fd, events, sizeof events)) > 0) {
        size_t at = 0;

        while (at + sizeof(struct inotify_event) <= (size_t) got) {
            const struct inotify_event *event =
                (const struct inotify_event *) (const void *) (events + at);

            note_locked(event);
            at += sizeof *event + event->len;
        }
    }
}

static int add_locked(const char *path)
{
    struct watched *slot;

    if (!open_locked()) {
        return -1;
    }
    drain_locked();
    slot = slot_locked();
    if (!slot) {
        return -1;
    }
    slot->number = inotify_add_watch(watch.fd, path,
                                     IN_OPEN | IN_CLOSE_WRITE | IN_DONT_FOLLOW);
    slot->opened = false;
    watch.used += slot->number >= 0;
    return slot->number;
}

int ossdl_watch_add(const char *path)
{
    int number;

    ossdl_lock_take(&watch.lock);
    number = add_locked(path);
    close_unused_locked();
    ossdl_lock_drop(&watch.lock);
    return number;
}

void ossdl_watch_remove(int number)
{
    struct watched *slot;

    if (number < 0) {
        return;
    }
    ossdl_lock_take(&watch.lock);
    slot = find_locked(number);
    if (slot) {
        inotify_rm_watch(watch.fd, number);
        drain_locked();
        slot->number = -1;
        watch.used--;
        close_unused_locked();
    }
    ossdl_lock_drop(&watch.lock);
}

bool ossdl_watch_opened(int number)
{
    struct watched *slot;
    bool opened = false;

    if (number < 0) {
        return false;
    }
    ossdl_lock_take(&watch.lock);
    slot = find_locked(number);
    if (slot) {
        drain_locked();
        opened = slot->opened;
        slot->opened = false;
    }
    ossdl_lock_drop(&watch.lock);
    return opened;
}

#else

int ossdl_watch_add(const char *path)
{
    (void) path;
    return -1;
}

void ossdl_watch_remove(int number)
{
    (void) number;
}

bool ossdl_watch_opened(int number)
{
    (void) number;
    return false;
}

#endif
