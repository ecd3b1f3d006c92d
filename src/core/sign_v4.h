/*
 * sign_v4.h - OSS4-HMAC-SHA256, the signature that OSS asks for today
 *
 * Threads: none of its own; time is a parameter.
 * Memory:  the caller's; everybody else includes sign.h.
 * Errors:  OSSDL_EMEMORY; OSSDL_EINVALID for a time that cannot be written or
 *          lists beyond the bounds. sign.c has checked all else before, and
 *          explains what is returned.
 *
 * CanonicalRequest = method \n path \n query \n headers \n names \n payload
 * StringToSign: algorithm, time, scope and the hex SHA-256 of the above, a
 * line each. The scope is day/region/product/aliyun_v4_request; the key is a
 * chain of HMACs over its four parts that begins with "aliyun_v4" + secret.
 */
#ifndef OSSDL_CORE_SIGN_V4_H
#define OSSDL_CORE_SIGN_V4_H

#include "sign.h"

OSSDL_BEGIN_DECLS

enum ossdl_status
ossdl_sign_v4_headers(const struct ossdl_sign_request *request,
                      struct ossdl_sign_cache *cache,
                      struct ossdl_pairs *out) OSSDL_MUST_CHECK;

/* Fills *query, which holds the request's parameters, up with those of a
 * signed URL. */
enum ossdl_status
ossdl_sign_v4_query(const struct ossdl_sign_request *request, int64_t expires_s,
                    struct ossdl_pairs *query) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
