/*
 * commit.h - the last job of a transfer: the finished file, or a tidy end
 *
 * Threads: runs on a worker's thread, alone in its transfer.
 * Memory:  none of its own. Errors: in the worker's report.
 */
#ifndef OSSDL_CORE_COMMIT_H
#define OSSDL_CORE_COMMIT_H

#include "transfer.h"
#include "worker.h"

OSSDL_BEGIN_DECLS

/*
 * Compares the CRC-64 of the whole, makes sure that the file was not touched,
 * gives it its name and removes the checkpoint.
 */
void ossdl_commit_run(struct ossdl_worker *worker, struct ossdl_job *job);

/*
 * Closes the files of a transfer that ends without success. What can be
 * resumed stays; what cannot, or would poison the next run, goes.
 */
void ossdl_commit_abandon(struct ossdl_worker *worker, struct ossdl_job *job);

OSSDL_END_DECLS

#endif
