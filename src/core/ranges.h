/*
 * ranges.h - a set of bytes, as half-open ranges [start, end)
 *
 * Threads: none of its own; the owner's lock.
 * Memory:  one array, none while the set is a single range; it only grows,
 *          until ossdl_ranges_cleanup().
 * Errors:  OSSDL_EMEMORY, and then the set is as it was.
 *
 * Ranges are sorted, not empty, and never touch: neighbours are merged. A
 * range whose start is not below its end is empty: adding or subtracting it
 * changes nothing. The struct may be copied by assignment to hand it over.
 */
#ifndef OSSDL_CORE_RANGES_H
#define OSSDL_CORE_RANGES_H

#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_range {
    uint64_t start;
    uint64_t end;
};

struct ossdl_ranges {
    struct ossdl_range *heap;  /* owned; NULL while `single` is enough */
    struct ossdl_range single; /* the only range, as long as heap is NULL */
    size_t count;
    size_t capacity; /* ranges that fit without an allocation, at least 1 */
    uint64_t total;  /* bytes in the set */
};

/* The empty set; no allocation. */
void ossdl_ranges_init(struct ossdl_ranges *set);
/* Leaves the empty set; NULL is fine. */
void ossdl_ranges_cleanup(struct ossdl_ranges *set);

/*
 * Makes room for `more` ranges beyond those in the set now, so that this many
 * calls of ossdl_ranges_add() cannot fail. Who takes a range to give it back
 * later reserves first: what is in the set plus what is out never exceeds it.
 */
enum ossdl_status ossdl_ranges_reserve(struct ossdl_ranges *set,
                                       size_t more) OSSDL_MUST_CHECK;

/* Union with [start, end). Bytes that are there already stay there once. */
enum ossdl_status ossdl_ranges_add(struct ossdl_ranges *set, uint64_t start,
                                   uint64_t end) OSSDL_MUST_CHECK;

/* Difference with [start, end). Needs memory only to split a range in two. */
enum ossdl_status ossdl_ranges_subtract(struct ossdl_ranges *set,
                                        uint64_t start,
                                        uint64_t end) OSSDL_MUST_CHECK;

/* Makes it exactly [start, end). Keeps the array, needs no memory. */
void ossdl_ranges_reset_to(struct ossdl_ranges *set, uint64_t start,
                           uint64_t end);

bool ossdl_ranges_empty(const struct ossdl_ranges *set);
size_t ossdl_ranges_count(const struct ossdl_ranges *set);
/* Bytes in the set; does not walk it. */
uint64_t ossdl_ranges_total(const struct ossdl_ranges *set);
/* index is below ossdl_ranges_count(). */
struct ossdl_range ossdl_ranges_at(const struct ossdl_ranges *set,
                                   size_t index);

/* The lowest range; false when the set is empty. */
bool ossdl_ranges_first(const struct ossdl_ranges *set,
                        struct ossdl_range *out_range);

/*
 * Removes the first bytes, at most max_bytes and never across a gap, and
 * gives them. False when the set is empty or max_bytes is 0.
 */
bool ossdl_ranges_take_first(struct ossdl_ranges *set, uint64_t max_bytes,
                             struct ossdl_range *out_range);

OSSDL_END_DECLS

#endif
