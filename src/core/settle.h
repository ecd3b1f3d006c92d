/*
 * settle.h - what follows from a worker's report
 *
 * Threads: needs the client's lock; never blocks.
 * Memory:  none of its own. Errors: they become the transfer's.
 *
 * This is the one place that spends the budget for retries. classify.c says
 * what a failure means; here it is decided when to try again, and when enough
 * is enough. The budget is of failures in a row without a byte of progress,
 * and failures of several connections at the same moment are one: a flaky
 * link that moves is never given up, and an outage ends the transfer after
 * max_retries rounds, however many connections it has: from the first failure
 * on one request at a time looks whether it is over (schedule.c).
 */
#ifndef OSSDL_CORE_SETTLE_H
#define OSSDL_CORE_SETTLE_H

#include "job.h"
#include "worker.h"

OSSDL_BEGIN_DECLS

/* Takes the job back. The transfer may be gone when this returns. */
void ossdl_settle_locked(struct ossdl_worker *worker, struct ossdl_job *job);

/* Ends one that was never opened; may free it. */
void ossdl_settle_unopened_locked(struct ossdl_transfer *transfer);

OSSDL_END_DECLS

#endif
