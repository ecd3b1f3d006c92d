/*
 * pairs.h - ordered list of (name, value): headers, query parameters
 *
 * Threads: none of its own; immutable lists may be read from any thread.
 * Memory:  owns a copy of each name and value. Values may hold tokens, so
 *          they are wiped before they are freed.
 * Errors:  OSSDL_EMEMORY; OSSDL_EINVALID for an empty name, a NUL byte or a
 *          pair beyond the bounds below. The list then stays as it was.
 */
#ifndef OSSDL_CORE_PAIRS_H
#define OSSDL_CORE_PAIRS_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_PAIRS_MAX 128
#define OSSDL_PAIR_NAME_MAX 1024
#define OSSDL_PAIR_VALUE_MAX 65536

struct ossdl_pair {
    char *name;  /* never empty */
    char *value; /* never NULL, may be empty */
};

struct ossdl_pairs {
    struct ossdl_pair *items;
    size_t count;
    size_t capacity;
};

/* No allocation; all zero bytes are an empty list, too. */
void ossdl_pairs_init(struct ossdl_pairs *pairs);
void ossdl_pairs_cleanup(struct ossdl_pairs *pairs);

/* Appends; a name may stand in the list more than once. */
enum ossdl_status ossdl_pairs_add(struct ossdl_pairs *pairs,
                                  struct ossdl_slice name,
                                  struct ossdl_slice value) OSSDL_MUST_CHECK;

/* The first value of this name, whatever its case; NULL when there is none.
 * Valid until the list changes. */
const char *ossdl_pairs_get(const struct ossdl_pairs *pairs, const char *name);

/* Fills *out, which must be empty. */
enum ossdl_status
ossdl_pairs_copy(struct ossdl_pairs *out,
                 const struct ossdl_pairs *from) OSSDL_MUST_CHECK;

/* Removes everything from index count on. */
void ossdl_pairs_truncate(struct ossdl_pairs *pairs, size_t count);

/* By the bytes of the name; equal names keep their order. */
void ossdl_pairs_sort(struct ossdl_pairs *pairs);

OSSDL_END_DECLS

#endif
