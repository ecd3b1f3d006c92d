/*
 * watch.h - has another program opened a file that we are writing?
 *
 * Threads: any; it has a lock of its own, never held with another one.
 * Memory:  one inotify descriptor per process while any file is watched, for a
 *          user has few of them (128 on Linux); a bit per watched file.
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

/*
 * Starts watching a file that is not watched yet; a number for it, or -1 if
 * that cannot be done. The number means nothing in a forked child.
 */
int ossdl_watch_add(const char *path);
/* Ends it. -1 is accepted. */
void ossdl_watch_remove(int number);
/* Was it opened by anyone since the last answer? Not, for -1. */
bool ossdl_watch_opened(int number);

OSSDL_END_DECLS

#endif
