#include "queue.h"

#include "transfer.h"

/* Either neighbour may be NULL: an end of the queue. */
static void insert(struct ossdl_queue *queue, struct ossdl_transfer *transfer,
                   struct ossdl_transfer *previous, struct ossdl_transfer *next)
{
    transfer->locked.previous = previous;
    transfer->locked.next = next;
    *(previous ? &previous->locked.next : &queue->first) = transfer;
    *(next ? &next->locked.previous : &queue->last) = transfer;
    queue->count++;
}

void ossdl_queue_append(struct ossdl_queue *queue,
                        struct ossdl_transfer *transfer)
{
    insert(queue, transfer, queue->last, NULL);
}

void ossdl_queue_prepend(struct ossdl_queue *queue,
                         struct ossdl_transfer *transfer)
{
    insert(queue, transfer, NULL, queue->first);
}

void ossdl_queue_remove(struct ossdl_queue *queue,
                        struct ossdl_transfer *transfer)
{
    struct ossdl_transfer *previous = transfer->locked.previous;
    struct ossdl_transfer *next = transfer->locked.next;

    *(previous ? &previous->locked.next : &queue->first) = next;
    *(next ? &next->locked.previous : &queue->last) = previous;
    transfer->locked.previous = NULL;
    transfer->locked.next = NULL;
    queue->count--;
}
