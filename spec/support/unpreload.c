/*
 * unpreload.c - keeps a preloaded sanitizer to the process it is meant for
 *
 * Preloaded together with the sanitizer's run-time into an interpreter under
 * test. What that starts in its turn, nginx for one, is not instrumented, and
 * must not inherit LD_PRELOAD.
 */
#include <stdlib.h>

__attribute__((constructor)) static void unpreload(void)
{
    unsetenv("LD_PRELOAD");
}
