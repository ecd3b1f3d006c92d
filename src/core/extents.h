/*
 * extents.h - which bytes are on disk, and the CRC-64 of each run of them
 *
 * Threads: none of its own; the owner's lock.
 * Memory:  one array. Neighbours merge as long as the result is not above the
 *          grain, so there are at most about 2 * size / grain + gaps.
 * Errors:  OSSDL_EMEMORY, and then the set is as it was.
 *
 * Extents are half-open, sorted, not empty, and never overlap. A CRC cannot
 * be cut in two: what overlaps goes as a whole.
 */
#ifndef OSSDL_CORE_EXTENTS_H
#define OSSDL_CORE_EXTENTS_H

#include "ranges.h"
#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_extent {
    uint64_t start;
    uint64_t end;
    uint64_t crc64; /* of the bytes [start, end) */
};

struct ossdl_extents {
    struct ossdl_extent *items; /* owned */
    size_t count;
    size_t capacity;
    uint64_t grain; /* largest merged extent in bytes; 0 for no limit */
    uint64_t total; /* bytes in the set */
};

/* The empty set; no allocation. */
void ossdl_extents_init(struct ossdl_extents *set, uint64_t grain);
/* Leaves the empty set with the same grain; NULL is fine. */
void ossdl_extents_cleanup(struct ossdl_extents *set);
/* Empties it and keeps the array. */
void ossdl_extents_clear(struct ossdl_extents *set);

/*
 * Makes room for `more` extents beyond those in the set now, so that this
 * many calls of ossdl_extents_add() cannot fail.
 */
enum ossdl_status ossdl_extents_reserve(struct ossdl_extents *set,
                                        size_t more) OSSDL_MUST_CHECK;

/*
 * Adds an extent. Earlier ones that it overlaps are dropped whole, since the
 * later is right; their bytes outside it are missing from then on. An extent
 * whose start is not below its end changes nothing.
 */
enum ossdl_status
ossdl_extents_add(struct ossdl_extents *set,
                  struct ossdl_extent extent) OSSDL_MUST_CHECK;

size_t ossdl_extents_count(const struct ossdl_extents *set);
/* Bytes in the set; does not walk it. */
uint64_t ossdl_extents_total(const struct ossdl_extents *set);
/* index is below ossdl_extents_count(). */
struct ossdl_extent ossdl_extents_at(const struct ossdl_extents *set,
                                     size_t index);

/*
 * Whether the set is exactly [0, size) without a gap; if so, the CRC of it
 * all. True with 0 for a size of 0 and an empty set.
 */
bool ossdl_extents_whole(const struct ossdl_extents *set, uint64_t size,
                         uint64_t *out_crc);

/*
 * Makes *out (initialised by the caller) the part of [0, size) that is not in
 * the set. On OSSDL_EMEMORY *out is only good for cleanup.
 */
enum ossdl_status
ossdl_extents_missing(const struct ossdl_extents *set, uint64_t size,
                      struct ossdl_ranges *out) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
