#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/eventfd.h>
#endif

static void init(struct ossdl_notify *notify, bool use_pipe)
{
    atomic_init(&notify->pending, false);
    atomic_init(&notify->write_end, -1);
    notify->read_end = -1;
    notify->use_pipe = use_pipe;
}

void ossdl_notify_init(struct ossdl_notify *notify)
{
#if defined(__linux__)
    init(notify, false);
#else
    init(notify, true);
#endif
}

void ossdl_notify_init_pipe(struct ossdl_notify *notify)
{
    init(notify, true);
}

void ossdl_notify_cleanup(struct ossdl_notify *notify)
{
    int write_end;

    if (!notify) {
        return;
    }
    write_end = atomic_exchange(&notify->write_end, -1);
    if (write_end >= 0 && write_end != notify->read_end) {
        close(write_end);
    }
    if (notify->read_end >= 0) {
        close(notify->read_end);
        notify->read_end = -1;
    }
}

/* Both ends close on exec and do not block. errno tells what went wrong. */
static bool open_pipe(int ends[2])
{
#if defined(__linux__)
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0;
#else
    if (pipe(ends) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (fcntl(ends[i], F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(ends[i], F_SETFL, O_NONBLOCK) != 0) {
            int saved = errno;
            close(ends[0]);
            close(ends[1]);
            errno = saved;
            return false;
        }
    }
    return true;
#endif
}

static bool open_ends(bool use_pipe, int ends[2])
{
#if defined(__linux__)
    if (!use_pipe) {
        ends[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        ends[1] = ends[0];
        return ends[0] >= 0;
    }
#else
    (void) use_pipe;
#endif
    return open_pipe(ends);
}

/*
 * Eight bytes suit both kinds: an eventfd takes exactly that many. EAGAIN
 * means that it is readable already, which is all that was wanted.
 */
static void signal_end(int write_end)
{
    uint64_t one = 1;

    while (write(write_end, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

int ossdl_notify_fd(struct ossdl_notify *notify, struct ossdl_error *err)
{
    int ends[2];

    if (notify->read_end >= 0) {
        return notify->read_end;
    }
    if (!open_ends(notify->use_pipe, ends)) {
        /* The message is in *err; the status is told by the -1. */
        (void) ossdl_error_errno(err, errno,
                                 "cannot make the wake-up descriptor");
        return -1;
    }
    notify->read_end = ends[0];
    atomic_store(&notify->write_end, ends[1]);
    /*
     * A thread that raised a moment ago set pending first and looked for the
     * descriptor then. Here it is the other way round, so at least one of the
     * two sees the other and signals.
     */
    if (atomic_load(&notify->pending)) {
        signal_end(ends[1]);
    }
    return notify->read_end;
}

void ossdl_notify_raise(struct ossdl_notify *notify)
{
    int write_end;

    if (atomic_exchange(&notify->pending, true)) {
        return;
    }
    write_end = atomic_load(&notify->write_end);
    if (write_end >= 0) {
        signal_end(write_end);
    }
}

/*
 * First emptied, then armed: the other way round, the signal of a raise in
 * between would be read here, and every raise after it coalesced into nothing.
 */
void ossdl_notify_ack(struct ossdl_notify *notify)
{
    char sink[64];

    if (notify->read_end >= 0) {
        ssize_t got;

        do {
            got = read(notify->read_end, sink, sizeof sink);
        } while (got == (ssize_t) sizeof sink || (got < 0 && errno == EINTR));
    }
    (void) atomic_exchange(&notify->pending, false);
}
