/*
 * opening.h - the first job of a transfer: files, first request, identity
 *
 * Threads: runs on a worker's thread; no other job of the transfer runs until
 *          it has published what it found.
 * Memory:  the transfer's. Errors: in the worker's report.
 *
 * There is no HEAD: the first ranged GET tells everything, and brings the
 * first bytes that are missing. A checkpoint is believed only as far as this
 * answer shows the same version of the object.
 */
#ifndef OSSDL_CORE_OPENING_H
#define OSSDL_CORE_OPENING_H

#include "transfer.h"
#include "worker.h"

OSSDL_BEGIN_DECLS

void ossdl_opening_run(struct ossdl_worker *worker, struct ossdl_job *job);

OSSDL_END_DECLS

#endif
