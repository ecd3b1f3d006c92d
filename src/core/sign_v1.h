/*
 * sign_v1.h - HMAC-SHA1, the older signature of OSS
 *
 * Threads: none of its own; time is a parameter.
 * Memory:  the caller's; everybody else includes sign.h.
 * Errors:  OSSDL_EMEMORY; OSSDL_EINVALID for a time that cannot be written or
 *          lists beyond the bounds. sign.c has checked all else before, and
 *          explains what is returned.
 *
 * StringToSign = method \n Content-MD5 \n Content-Type \n date \n
 *                x-oss-headers path[?sub-resources]
 *
 * The path and the sub-resources are not percent-encoded. In a URL the date
 * is the moment it expires, in seconds since 1970.
 */
#ifndef OSSDL_CORE_SIGN_V1_H
#define OSSDL_CORE_SIGN_V1_H

#include "sign.h"

OSSDL_BEGIN_DECLS

enum ossdl_status
ossdl_sign_v1_headers(const struct ossdl_sign_request *request,
                      struct ossdl_pairs *out) OSSDL_MUST_CHECK;

/* Fills *query, which holds the request's parameters, up with those of a
 * signed URL. */
enum ossdl_status
ossdl_sign_v1_query(const struct ossdl_sign_request *request, int64_t expires_s,
                    struct ossdl_pairs *query) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
