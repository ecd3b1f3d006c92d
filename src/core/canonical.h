/*
 * canonical.h - the parts of a request in the one spelling that is signed
 *
 * Threads: none of its own; no state.
 * Memory:  appends to the caller's buffer or list. No allocation of its own.
 * Errors:  OSSDL_EMEMORY, which also sticks to the buffer; OSSDL_EINVALID for
 *          a list beyond the bounds of pairs.h.
 */
#ifndef OSSDL_CORE_CANONICAL_H
#define OSSDL_CORE_CANONICAL_H

#include "buf.h"
#include "pairs.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

/* "a=1&b&c=2": percent-encoded, "=" only before a value, sorted by the bytes
 * of the encoded name; equal names keep their order. */
enum ossdl_status ossdl_canonical_query(const struct ossdl_pairs *query,
                                        struct ossdl_buf *out);

/* "/", "/<bucket>/" or "/<bucket>/<key>", percent-encoded (V4) or as it is
 * (V1). */
enum ossdl_status ossdl_canonical_path(struct ossdl_slice bucket,
                                       struct ossdl_slice object, bool encoded,
                                       struct ossdl_buf *out);

/* Adds the header with its name in lower case and its value trimmed. */
enum ossdl_status
ossdl_canonical_header_add(struct ossdl_pairs *headers, const char *name,
                           struct ossdl_slice value) OSSDL_MUST_CHECK;

/* Sorts the list and appends "name:value\n" for each. */
enum ossdl_status ossdl_canonical_headers(struct ossdl_pairs *headers,
                                          struct ossdl_buf *out);

OSSDL_END_DECLS

#endif
