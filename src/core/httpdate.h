/*
 * httpdate.h - dates in answers, as seconds since 1970
 *
 * Threads: pure functions. Memory: none.
 * Errors:  false for anything but exactly the format; *out is then untouched.
 *
 * Calendar arithmetic is our own: the C library's depends on the locale and
 * the time zone, and is not always thread-safe.
 */
#ifndef OSSDL_CORE_HTTPDATE_H
#define OSSDL_CORE_HTTPDATE_H

#include "slice.h"

OSSDL_BEGIN_DECLS

/*
 * "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 IMF-fixdate), years 1970 to 9999.
 * The day of the week must be one but is not compared with the date.
 */
bool ossdl_httpdate_parse(struct ossdl_slice text, int64_t *out_seconds);

/* "2024-03-05T07:08:09Z" or "...09.000Z" (UTC), as OSS writes in bodies. */
bool ossdl_isodate_parse(struct ossdl_slice text, int64_t *out_seconds);

OSSDL_END_DECLS

#endif
