/*
 * notify.h - the wake-up descriptor of a transfer
 *
 * Threads: any thread raises; one thread at a time reads (fd and ack).
 * Memory:  in the caller's struct; one eventfd, or a pipe where there is none,
 *          made only when somebody asks for the descriptor.
 * Errors:  only making the descriptor can fail.
 *
 * No wake-up is lost, as long as both sides keep this order: a writer changes
 * the state and then raises; the reader acknowledges and then reads the state.
 * A wake-up for nothing is possible, so the reader looks at the state each
 * time and believes only that.
 */
#ifndef OSSDL_CORE_NOTIFY_H
#define OSSDL_CORE_NOTIFY_H

#include "status.h"

#include <stdatomic.h>

OSSDL_BEGIN_DECLS

struct ossdl_notify {
    atomic_bool pending;  /* raised and not yet acknowledged */
    atomic_int write_end; /* -1 until the descriptor is asked for */
    int read_end;         /* the reader's; the same number for an eventfd */
    bool use_pipe;
};

/* Opens nothing. */
void ossdl_notify_init(struct ossdl_notify *notify);

/* The same with a pipe, as on a system without eventfd. */
void ossdl_notify_init_pipe(struct ossdl_notify *notify);

/*
 * Closes the descriptor; the caller sees to it that no thread can raise any
 * more and that no event loop still watches it. Idempotent; accepts NULL.
 */
void ossdl_notify_cleanup(struct ossdl_notify *notify);

/*
 * The descriptor, made on the first call: readable while a wake-up is not
 * acknowledged, also one raised before the descriptor existed. It stays ours:
 * nobody else reads or closes it. -1 with *err filled when there is none
 * (OSSDL_EIO, for example EMFILE); a later call tries again.
 */
int ossdl_notify_fd(struct ossdl_notify *notify, struct ossdl_error *err);

/*
 * Makes the descriptor readable. Never blocks and never fails; until the next
 * acknowledgement all further calls cost one atomic exchange.
 */
void ossdl_notify_raise(struct ossdl_notify *notify);

/* Makes it unreadable again and arms it. Then read the state, not before. */
void ossdl_notify_ack(struct ossdl_notify *notify);

OSSDL_END_DECLS

#endif
