/*
 * timefmt.h - a moment as OSS writes it, in UTC
 *
 * Threads: none of its own; the moment is a parameter, no clock is read.
 * Memory:  the caller's arrays.
 * Errors:  OSSDL_EINVALID for a moment outside the years 1970 to 9999.
 */
#ifndef OSSDL_CORE_TIMEFMT_H
#define OSSDL_CORE_TIMEFMT_H

#include "status.h"

OSSDL_BEGIN_DECLS

/* Sizes with the NUL. */
#define OSSDL_TIME_DAY_BYTES 9 /* of "20240305" */
#define OSSDL_TIME_ISO_BYTES 17
#define OSSDL_TIME_HTTP_BYTES 30

/* "20240305T070809Z", the value of x-oss-date. Its first eight bytes are the
 * day. */
enum ossdl_status
ossdl_time_iso(int64_t unix_s, char out[OSSDL_TIME_ISO_BYTES]) OSSDL_MUST_CHECK;

/* "Tue, 05 Mar 2024 07:08:09 GMT", the value of Date (RFC 9110, 5.6.7). */
enum ossdl_status
ossdl_time_http(int64_t unix_s,
                char out[OSSDL_TIME_HTTP_BYTES]) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
