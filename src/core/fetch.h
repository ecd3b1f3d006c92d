/*
 * fetch.h - one ranged request, and its bytes on their way to the disk
 *
 * Threads: runs on a worker's thread, without the lock but for moments.
 * Memory:  the worker's block buffer.
 * Errors:  in the worker's report.
 *
 * Bytes are collected into a block, which is written when it is full, or when
 * the exchange ends, however it ends; then a record goes to the journal. So a
 * failure loses nothing that has come, and a killed process at most one block
 * per connection.
 */
#ifndef OSSDL_CORE_FETCH_H
#define OSSDL_CORE_FETCH_H

#include "reply.h"
#include "transfer.h"
#include "worker.h"

OSSDL_BEGIN_DECLS

/*
 * Judges the answer's headers, before any byte of its body is taken. Not
 * OSSDL_OK: the body is not wanted; the reason is in the worker's report.
 */
typedef enum ossdl_status(ossdl_fetch_accept_fn)(
    struct ossdl_worker *worker, struct ossdl_job *job,
    const struct ossdl_reply *reply);

/* Asks for [job->start, job->asked_end), and takes what `accept` lets pass. */
void ossdl_fetch_exchange(struct ossdl_worker *worker, struct ossdl_job *job,
                          ossdl_fetch_accept_fn *accept);

/* A FETCH job. */
void ossdl_fetch_run(struct ossdl_worker *worker, struct ossdl_job *job);

OSSDL_END_DECLS

#endif
