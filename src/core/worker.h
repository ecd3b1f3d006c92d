/*
 * worker.h - a thread of a client: takes a job, carries it out, reports
 *
 * Threads: all fields but `next` and `thread` are the worker's own.
 * Memory:  freed by the client after the thread was joined.
 * Errors:  OSSDL_EMEMORY or OSSDL_EIO when a thread cannot be started.
 */
#ifndef OSSDL_CORE_WORKER_H
#define OSSDL_CORE_WORKER_H

#include "client.h"
#include "job.h"
#include "sign.h"

OSSDL_BEGIN_DECLS

struct ossdl_worker {
    struct ossdl_client *client; /* no reference: it joins us before it goes */
    struct ossdl_worker *next;   /* client's list, under its lock */
    pthread_t thread;
    struct ossdl_http *http;
    struct ossdl_sign_cache sign_cache;
    char *buffer; /* one block, aligned for direct I/O; NULL while idle */
    size_t buffer_bytes;
    struct ossdl_report report; /* of the job at hand */
    int64_t idle_since;         /* ms; 0: at work */
    bool connected;             /* it may have connections that are kept */
};

/* Starts one more thread. The caller does not hold the lock. */
enum ossdl_status ossdl_worker_start(struct ossdl_client *client,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;
/*
 * Starts one more if there is work for it. Each worker brings the next, so
 * that no lock is held while threads start; the caller does not hold it.
 */
void ossdl_worker_bring_another(struct ossdl_client *client);
/*
 * Starts the thread that closes the files of a transfer which is to end while
 * all workers are busy with others, if that is the case: they may be so for
 * long. It makes no requests and is not counted in max_threads. Where it
 * cannot be started, the next worker that is free does it. The caller does not
 * hold the lock.
 */
void ossdl_worker_bring_closer(struct ossdl_client *client);
/* A buffer of so many bytes, aligned; kept from job to job. */
enum ossdl_status ossdl_worker_buffer(struct ossdl_worker *worker, size_t bytes,
                                      struct ossdl_error *err) OSSDL_MUST_CHECK;
/* Joins and frees every worker of a client that is closing. */
void ossdl_worker_join_all(struct ossdl_client *client);

OSSDL_END_DECLS

#endif
