/*
 * names.h - what a user may name: buckets, objects, headers, parameters
 *
 * Threads: none of its own; no state. Memory: none.
 * Errors:  OSSDL_EINVALID with a message that says what to write instead.
 */
#ifndef OSSDL_CORE_NAMES_H
#define OSSDL_CORE_NAMES_H

#include "pairs.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_BUCKET_MIN 3
#define OSSDL_BUCKET_MAX 63
#define OSSDL_OBJECT_MAX 1023
/* Names and values of a whole list. The service takes less of both; these
 * bounds keep a URL below OSSDL_URL_MAX after encoding. */
#define OSSDL_LIST_BYTES_MAX 65536

/* 3 to 63 of a-z, 0-9 and "-", with a letter or digit at both ends. */
enum ossdl_status ossdl_bucket_check(struct ossdl_slice bucket,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/* 1 to 1023 bytes of UTF-8 without NUL, not starting with "/" or "\". */
enum ossdl_status ossdl_object_check(struct ossdl_slice object,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * What every header list must satisfy before it is signed or sent: legal
 * names, each at most once, values neither empty nor with a control
 * character (a line break would start a header of its own), and not more
 * than OSSDL_LIST_BYTES_MAX altogether.
 */
enum ossdl_status
ossdl_headers_check_form(const struct ossdl_pairs *headers,
                         struct ossdl_error *err) OSSDL_MUST_CHECK;

/* A user's extra headers: the form above, and none that the engine sets. */
enum ossdl_status ossdl_headers_check(const struct ossdl_pairs *headers,
                                      struct ossdl_error *err) OSSDL_MUST_CHECK;

/* A user's extra parameters: each at most once, valid UTF-8, none that signs
 * the request, names another version or changes what is sent. */
enum ossdl_status ossdl_query_check(const struct ossdl_pairs *query,
                                    struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Only the part about signing and the length, for whoever signs. */
enum ossdl_status
ossdl_query_check_unsigned(const struct ossdl_pairs *query,
                           struct ossdl_error *err) OSSDL_MUST_CHECK;

/* RFC 9110: one or more of the characters that a header name may have. */
bool ossdl_header_name_valid(struct ossdl_slice name);

OSSDL_END_DECLS

#endif
