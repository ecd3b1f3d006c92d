/*
 * client.h - the inside of a client: the lock, the workers, the transfers
 *
 * Threads: one lock guards everything mutable of a client and of its
 *          transfers. Under it there is no I/O and no callback.
 * Memory:  see ossdl.h; a client outlives its workers and transfers.
 * Errors:  see ossdl.h.
 */
#ifndef OSSDL_CORE_CLIENT_H
#define OSSDL_CORE_CLIENT_H

#include "backoff.h"
#include "endpoint.h"
#include "http.h"
#include "lock.h"
#include "ossdl.h"
#include "pace.h"
#include "process.h"
#include "queue.h"

OSSDL_BEGIN_DECLS

struct ossdl_worker;

struct ossdl_client {
    /* Fixed by ossdl_client_new(); any thread may read. */
    struct ossdl_endpoint endpoint;
    enum ossdl_signature signature;
    bool refreshable;
    unsigned max_threads;
    struct ossdl_http_options http; /* its strings are ours */
    int64_t process;                /* id of the one it was made in */
    struct ossdl_process_entry entry;

    atomic_uint references;
    atomic_bool limited; /* max_rate is set: worth taking the lock for */

    struct ossdl_lock lock;
    struct ossdl_cond work;    /* something for an idle worker to look at */
    struct ossdl_cond ends;    /* something for the closer to look at */
    struct ossdl_cond changed; /* something for who waits for a transfer */

    /* Guarded by the lock. */
    struct {
        struct ossdl_queue waiting;   /* not begun, in their order */
        struct ossdl_queue active;    /* they take turns: rotated */
        bool opened_last;             /* the last turn went to a new one */
        struct ossdl_worker *workers; /* and the closer */
        unsigned worker_count;        /* without the closer */
        bool closer_wanted;
        bool closer_started;
        unsigned idle_count; /* workers that look for work, or wait for it */
        unsigned parked;     /* active transfers that wait for others' files */
        bool closing; /* no new transfers; workers leave when all is done */
        struct ossdl_credentials *credentials;
        bool credentials_wanted;
        bool credentials_denied;      /* the service refused these very ones */
        unsigned credentials_refused; /* how many in a row it has refused */
        int64_t renew_at;             /* ms; good ones are not renewed before */
        int64_t clock_offset_s;
        struct ossdl_pace pace;
        struct ossdl_admission admission;
        uint64_t random;
    } locked;
};

/* OSSDL_EFORKED in a child of the process that made the client. */
enum ossdl_status ossdl_client_check(const struct ossdl_client *client,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;
/* The error of whoever comes after the close. */
enum ossdl_status ossdl_client_closed(struct ossdl_error *err);
/* Another reference, or NULL when the last one is being given back. */
struct ossdl_client *ossdl_client_acquire_alive(struct ossdl_client *client);
/* Asks whoever polls the transfers for new credentials. */
void ossdl_client_want_credentials_locked(struct ossdl_client *client);

OSSDL_END_DECLS

#endif
