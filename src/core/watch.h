/*
 * watch.h - has another program opened a file that we are writing?
 *
 * Threads: any; it has a lock of its own, never held with another one.
 * Memory:  one inotify descriptor per client, a bit per watched file.
 * Errors:  none that matter: where the system cannot tell, the answer is no.
 *
 * The CRC-64 of a download is computed from the bytes that came, not from
 * those on the disk. Whoever writes into the unfinished file must open it
 * first, and that is what the kernel tells us here; then it is read back.
 */
#ifndef OSSDL_CORE_WATCH_H
#define OSSDL_CORE_WATCH_H

#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_watch;

/* NULL when there is no inotify: every function below accepts that. */
struct ossdl_watch *ossdl_watch_new(void);
void ossdl_watch_free(struct ossdl_watch *watch);
/* Starts watching the file; a number for it, or -1 if that cannot be done. */
int ossdl_watch_add(struct ossdl_watch *watch, const char *path);
/* Ends it. -1 is accepted. */
void ossdl_watch_remove(struct ossdl_watch *watch, int number);
/* Was it opened by anyone since the last answer? */
bool ossdl_watch_opened(struct ossdl_watch *watch, int number);

OSSDL_END_DECLS

#endif
