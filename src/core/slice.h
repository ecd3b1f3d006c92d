/*
 * slice.h - a borrowed run of bytes, passed by value
 *
 * Threads: plain data. Memory: owns nothing; the bytes live as long as their
 * owner says. Errors: none. A slice need not end in a NUL byte and may hold
 * one; ptr may be NULL only when len is 0.
 */
#ifndef OSSDL_CORE_SLICE_H
#define OSSDL_CORE_SLICE_H

#include "base.h"

#include <string.h>
#include <strings.h>

OSSDL_BEGIN_DECLS

struct ossdl_slice {
    const char *ptr;
    size_t len;
};

static inline struct ossdl_slice ossdl_slice_of(const void *ptr, size_t len)
{
    struct ossdl_slice slice = {ptr, len};
    return slice;
}

/* The bytes of a C string without its NUL; NULL gives the empty slice. */
static inline struct ossdl_slice ossdl_slice_str(const char *string)
{
    return ossdl_slice_of(string, string ? strlen(string) : 0);
}

static inline bool ossdl_slice_equal(struct ossdl_slice a, struct ossdl_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool ossdl_slice_is(struct ossdl_slice slice, const char *string)
{
    return ossdl_slice_equal(slice, ossdl_slice_str(string));
}

/* Compares ASCII letters without regard to case: for header names. */
static inline bool ossdl_slice_is_nocase(struct ossdl_slice slice,
                                         const char *string)
{
    return slice.len == strlen(string) &&
           (slice.len == 0 || strncasecmp(slice.ptr, string, slice.len) == 0);
}

static inline bool ossdl_slice_starts(struct ossdl_slice slice,
                                      const char *prefix)
{
    size_t len = strlen(prefix);
    return slice.len >= len && memcmp(slice.ptr, prefix, len) == 0;
}

OSSDL_END_DECLS

#endif
