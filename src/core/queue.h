/*
 * queue.h - transfers in a row
 *
 * Threads: needs the client's lock. Memory: the links are in the transfers.
 * Errors:  none.
 *
 * A transfer is in one queue at a time, from its start to its end.
 */
#ifndef OSSDL_CORE_QUEUE_H
#define OSSDL_CORE_QUEUE_H

#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_transfer;

struct ossdl_queue {
    struct ossdl_transfer *first;
    struct ossdl_transfer *last;
    size_t count;
};

void ossdl_queue_append(struct ossdl_queue *queue,
                        struct ossdl_transfer *transfer);
void ossdl_queue_prepend(struct ossdl_queue *queue,
                         struct ossdl_transfer *transfer);
/* It must be in this queue. */
void ossdl_queue_remove(struct ossdl_queue *queue,
                        struct ossdl_transfer *transfer);

OSSDL_END_DECLS

#endif
