/*
 * verify.h - reading back what is said to be on disk
 *
 * Threads: runs on a worker's thread; several at once for one transfer.
 * Memory:  the worker's block buffer. Errors: in the worker's report.
 *
 * An extent whose bytes do not have its CRC-64 is simply missing again.
 */
#ifndef OSSDL_CORE_VERIFY_H
#define OSSDL_CORE_VERIFY_H

#include "transfer.h"
#include "worker.h"

OSSDL_BEGIN_DECLS

void ossdl_verify_run(struct ossdl_worker *worker, struct ossdl_job *job);

OSSDL_END_DECLS

#endif
