/*
 * balance.h - which connection of a transfer gets which bytes
 *
 * Threads: all functions need the client's lock; nothing here blocks.
 * Memory:  none. Errors: none.
 *
 * A running job claims its range piece by piece, and what it has not claimed
 * can be taken from it: when nothing is left to hand out, an idle connection
 * takes half of what the latest one has left. Connections are compared from
 * time to time; one that is far slower than its sisters is replaced, so that
 * the end does not wait for it.
 */
#ifndef OSSDL_CORE_BALANCE_H
#define OSSDL_CORE_BALANCE_H

#include "transfer.h"

OSSDL_BEGIN_DECLS

/* How often the connections of a transfer are compared. */
#define OSSDL_BALANCE_MS 250

/* How many connections this transfer should have now. */
unsigned ossdl_balance_threads_locked(const struct ossdl_transfer *transfer);

/* What one connection brings per second, as far as it is known; or 0. */
uint64_t ossdl_balance_rate_locked(const struct ossdl_transfer *transfer);

/*
 * Compares the connections when it is time to: relieves those that are far too
 * slow, and wakes a worker when more of them may be worth it.
 */
void ossdl_balance_watch_locked(struct ossdl_transfer *transfer,
                                int64_t now_ms);

/*
 * Allows a running job to receive more: raises its claim, by what is worth a
 * quarter of a second, and returns how far it may go. The current position
 * when there is nothing more: its tail was taken, or it is complete.
 */
uint64_t ossdl_balance_claim_locked(struct ossdl_job *job, int64_t now_ms);

/*
 * Takes half of what the latest job has left, for an idle connection. False
 * when that is not worth a request.
 */
bool ossdl_balance_steal_locked(struct ossdl_transfer *transfer,
                                struct ossdl_range *out);

OSSDL_END_DECLS

#endif
