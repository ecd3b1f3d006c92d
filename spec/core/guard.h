/*
 * guard.h - input that ends where the memory ends
 *
 * A copy of the bytes, placed right before a page that may not be touched: a
 * parser that reads one byte too far crashes, in any build. One at a time: the
 * next call takes the place of the last.
 */
#ifndef OSSDL_SPEC_GUARD_H
#define OSSDL_SPEC_GUARD_H

#include "slice.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES ((size_t) 512 * 1024)

static char *guard_end(void)
{
    static char *end;

    if (!end) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        char *memory = mmap(NULL, GUARD_BYTES + page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED ||
            mprotect(memory + GUARD_BYTES, page, PROT_NONE) != 0) {
            abort();
        }
        end = memory + GUARD_BYTES;
    }
    return end;
}

static struct ossdl_slice guarded(const void *bytes, size_t len)
{
    char *start = guard_end() - len;

    if (len > GUARD_BYTES) {
        abort();
    }
    if (len > 0) {
        memmove(start, bytes, len);
    }
    return ossdl_slice_of(start, len);
}

/* The bytes of a C string without its NUL. */
static inline struct ossdl_slice guarded_str(const char *string)
{
    return guarded(string, strlen(string));
}

#endif
