/*
 * http_headers.h - a request's headers in the form that libcurl takes
 *
 * Threads: none of its own. Memory: into the caller's buffer, which should be
 * a secret one. Errors: OSSDL_EMEMORY; OSSDL_EINVALID for a header that would
 * become two.
 */
#ifndef OSSDL_CORE_HTTP_HEADERS_H
#define OSSDL_CORE_HTTP_HEADERS_H

#include "buf.h"
#include "pairs.h"

OSSDL_BEGIN_DECLS

/* Lines that ossdl_http_headers_write() puts before those of the caller. */
#define OSSDL_HTTP_HEADERS_OWN 1u
#define OSSDL_HTTP_HEADERS_MAX (OSSDL_PAIRS_MAX + OSSDL_HTTP_HEADERS_OWN)

/*
 * Appends the lines one after the other, each with its NUL and no line end:
 * our own, which takes back what libcurl would add, then those of headers
 * (NULL: none). *out_count is their number, at most OSSDL_HTTP_HEADERS_MAX.
 */
enum ossdl_status ossdl_http_headers_write(const struct ossdl_pairs *headers,
                                           struct ossdl_buf *out,
                                           size_t *out_count) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
