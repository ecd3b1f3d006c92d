/*
 * plan.h - how much to ask for in one request, and other sizes
 *
 * Threads: pure functions. Memory: none. Errors: none; every result is in the
 * range its comment gives, whatever the arguments.
 */
#ifndef OSSDL_CORE_PLAN_H
#define OSSDL_CORE_PLAN_H

#include "base.h"

OSSDL_BEGIN_DECLS

/* The size of the first request, before the size of the object is known. An
 * object that fits is small: one round trip, no checkpoint. */
#define OSSDL_FIRST_REQUEST_BYTES OSSDL_MIB

/* Bounds of a request whose size we choose, and the choice without a clue. */
#define OSSDL_PART_BYTES_LEAST OSSDL_MIB
#define OSSDL_PART_BYTES_MOST (64 * OSSDL_MIB)
#define OSSDL_PART_BYTES_BLIND (8 * OSSDL_MIB)

/*
 * The length of the next request in bytes, at least 1.
 *
 * part_size_option is the user's part_size: used exactly as given, unless 0.
 * Otherwise the length is worth 3 s of its connection (connection_rate in
 * bytes per second; while 0, for unknown, 8 MiB), so that the cost of a round
 * trip vanishes and a lost connection is no drama. It is not above the fair
 * share, a quarter of what each connection would get of object_size, so that
 * all end together; then rounded down to a whole MiB, within 1 MiB to 64 MiB.
 * Passing what is left to fetch as object_size makes requests shrink towards
 * the end, which shortens the tail.
 */
uint64_t ossdl_plan_part_bytes(uint64_t part_size_option, uint64_t object_size,
                               unsigned threads, uint64_t connection_rate);

/*
 * Where to cut [start_of_rest, end), which a slow connection has yet to get,
 * so that an idle one takes [*out_middle, end): about the middle, on a 64 KiB
 * boundary if there is one that leaves both at least min_piece bytes (0 counts
 * as 1). False, with *out_middle unchanged, when the rest is too short.
 */
bool ossdl_plan_split(uint64_t start_of_rest, uint64_t end, uint64_t min_piece,
                      uint64_t *out_middle);

/*
 * The grain of the extents of an object (see extents.h): a power of two, at
 * least 1 MiB, and such that the object has at most 16384 of them.
 */
uint64_t ossdl_plan_grain(uint64_t size);

/*
 * The block buffer of one connection: from 1 MiB down to 128 KiB, so that all
 * together take 2 MiB for 8 threads, 8 MiB for 64, and 128 MiB for 1024. Larger
 * ones cost less CPU; the bench has the figures. A power of two, so that parts,
 * which begin at whole MiB, are made of whole blocks: a write is not free.
 */
size_t ossdl_plan_buffer_bytes(unsigned threads);

OSSDL_END_DECLS

#endif
