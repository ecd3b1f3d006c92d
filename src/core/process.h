/*
 * process.h - what a library owes to the process it is loaded into
 *
 * Threads: any. Memory: one static list of the clients alive.
 * Errors:  none.
 *
 * Two events reach into every client at once: fork(), after which the child
 * has our memory but none of our threads, and exit(), which runs the
 * destructors of other libraries under threads that still use them.
 */
#ifndef OSSDL_CORE_PROCESS_H
#define OSSDL_CORE_PROCESS_H

#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_client;

/* An entry in the list; lives in the client. */
struct ossdl_process_entry {
    struct ossdl_process_entry *next;
    struct ossdl_client *client;
};

/* The process id now; cheap. */
int64_t ossdl_process_id(void);
/* Registers a client to be closed by exit(), unless it is removed before. */
void ossdl_process_add(struct ossdl_process_entry *entry,
                       struct ossdl_client *client);
void ossdl_process_remove(struct ossdl_process_entry *entry);

OSSDL_END_DECLS

#endif
