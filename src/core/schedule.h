/*
 * schedule.h - who does what next
 *
 * Threads: all functions need the client's lock; nothing here blocks.
 * Memory:  none of its own. Errors: a transfer whose books cannot be kept for
 *          want of memory fails with OSSDL_EMEMORY.
 *
 * Transfers take turns; those that have only to be finished come first, and
 * only so many are open at once as can be of use. Within one, extents
 * are verified first (that costs no network), then missing bytes are fetched
 * from the lowest on; balance.h shares out the rest.
 */
#ifndef OSSDL_CORE_SCHEDULE_H
#define OSSDL_CORE_SCHEDULE_H

#include "extents.h"
#include "transfer.h"
#include "worker.h"

OSSDL_BEGIN_DECLS

/*
 * The next job for this worker, marked as running, or NULL; then *wake_at is
 * lowered to the time (ms) at which there may be one.
 */
struct ossdl_job *ossdl_schedule_next_locked(struct ossdl_worker *worker,
                                             int64_t now_ms, int64_t *wake_at);

/* Is there work for one more thread than there are? If one is idle, it is
 * woken instead. */
bool ossdl_schedule_wants_thread_locked(struct ossdl_client *client);

/*
 * Gives back what a job has not claimed when it has run for long and there is
 * somebody who has not begun. The next claim then tells the job to end.
 */
void ossdl_schedule_end_turn_locked(struct ossdl_job *job, int64_t now_ms);

/* Bytes that a running job has put on disk. */
enum ossdl_status ossdl_schedule_landed_locked(struct ossdl_job *job,
                                               struct ossdl_extent extent);

/*
 * The identity is known: `missing` and `unverified` are filled, and others
 * may begin. Nobody is woken: the caller brings another worker.
 */
void ossdl_schedule_publish_locked(struct ossdl_transfer *transfer);

/* It does not wait for somebody else's file any more. */
void ossdl_schedule_unpark_locked(struct ossdl_transfer *transfer);

/* To be called when a job has come back: what has only to be finished comes
 * before all other work. */
void ossdl_schedule_hasten_locked(struct ossdl_transfer *transfer);

/*
 * A transfer that is to end needs a thread to close its files. Where all are
 * at work for others, it is the closer; a caller that is no worker then calls
 * ossdl_worker_bring_closer() once it has dropped the lock.
 */
void ossdl_schedule_end_locked(struct ossdl_transfer *transfer);

/* The next END job, for the closer; NULL when there is none. */
struct ossdl_job *ossdl_schedule_next_end_locked(struct ossdl_worker *closer);

OSSDL_END_DECLS

#endif
