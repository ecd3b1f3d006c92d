#include "watch.h"

#include "alloc.h"
#include "lock.h"

#include <string.h>
#include <unistd.h>

#ifdef __linux__

#include <sys/inotify.h>

struct watched {
    int number; /* inotify's; -1: the slot is free */
    bool opened;
};

struct ossdl_watch {
    struct ossdl_lock lock;
    int fd;
    struct watched *items; /* guarded by the lock */
    size_t count;
};

struct ossdl_watch *ossdl_watch_new(void)
{
    struct ossdl_watch *watch = ossdl_alloc_zero(1, sizeof *watch);

    if (!watch) {
        return NULL;
    }
    watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (watch->fd < 0 || ossdl_lock_init(&watch->lock) != OSSDL_OK) {
        if (watch->fd >= 0) {
            close(watch->fd);
        }
        ossdl_free(watch);
        return NULL;
    }
    return watch;
}

void ossdl_watch_free(struct ossdl_watch *watch)
{
    if (watch) {
        close(watch->fd);
        ossdl_lock_cleanup(&watch->lock);
        ossdl_free(watch->items);
        ossdl_free(watch);
    }
}

static struct watched *find_locked(struct ossdl_watch *watch, int number)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->items[i].number == number) {
            return &watch->items[i];
        }
    }
    return NULL;
}

static struct watched *slot_locked(struct ossdl_watch *watch)
{
    struct watched *slot = find_locked(watch, -1);
    struct watched *grown;

    if (slot) {
        return slot;
    }
    grown = ossdl_realloc(watch->items, (watch->count + 1) * sizeof *grown);
    if (!grown) {
        return NULL;
    }
    watch->items = grown;
    return &grown[watch->count++];
}

/* An overflowing queue has lost events: then everything may be touched. */
static void note_locked(struct ossdl_watch *watch,
                        const struct inotify_event *event)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->items[i].number == event->wd ||
            (event->mask & IN_Q_OVERFLOW)) {
            watch->items[i].opened = true;
        }
    }
}

static void drain_locked(struct ossdl_watch *watch)
{
    _Alignas(struct inotify_event) char events[4096];
    ssize_t got;

    while ((got = read(watch->fd, events, sizeof events)) > 0) {
        size_t at = 0;

        while (at + sizeof(struct inotify_event) <= (size_t) got) {
            const struct inotify_event *event =
                (const struct inotify_event *) (const void *) (events + at);

            note_locked(watch, event);
            at += sizeof *event + event->len;
        }
    }
}

int ossdl_watch_add(struct ossdl_watch *watch, const char *path)
{
    int number = -1;

    if (!watch) {
        return -1;
    }
    ossdl_lock_take(&watch->lock);
    drain_locked(watch);
    struct watched *slot = slot_locked(watch);
    if (slot) {
        number = inotify_add_watch(watch->fd, path,
                                   IN_OPEN | IN_CLOSE_WRITE | IN_DONT_FOLLOW);
        slot->number = number;
        slot->opened = false;
    }
    ossdl_lock_drop(&watch->lock);
    return number;
}

void ossdl_watch_remove(struct ossdl_watch *watch, int number)
{
    struct watched *slot;

    if (!watch || number < 0) {
        return;
    }
    ossdl_lock_take(&watch->lock);
    inotify_rm_watch(watch->fd, number);
    drain_locked(watch);
    slot = find_locked(watch, number);
    if (slot) {
        slot->number = -1;
    }
    ossdl_lock_drop(&watch->lock);
}

bool ossdl_watch_opened(struct ossdl_watch *watch, int number)
{
    struct watched *slot;
    bool opened = false;

    if (!watch || number < 0) {
        return false;
    }
    ossdl_lock_take(&watch->lock);
    drain_locked(watch);
    slot = find_locked(watch, number);
    if (slot) {
        opened = slot->opened;
        slot->opened = false;
    }
    ossdl_lock_drop(&watch->lock);
    return opened;
}

#else

struct ossdl_watch *ossdl_watch_new(void)
{
    return NULL;
}

void ossdl_watch_free(struct ossdl_watch *watch)
{
    (void) watch;
}

int ossdl_watch_add(struct ossdl_watch *watch, const char *path)
{
    (void) watch;
    (void) path;
    return -1;
}

void ossdl_watch_remove(struct ossdl_watch *watch, int number)
{
    (void) watch;
    (void) number;
}

bool ossdl_watch_opened(struct ossdl_watch *watch, int number)
{
    (void) watch;
    (void) number;
    return false;
}

#endif
