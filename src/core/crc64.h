/*
 * crc64.h - the CRC-64 that OSS keeps of every object
 *
 * Threads: pure functions. Memory: none. Errors: none.
 *
 * It is CRC-64/XZ (reflected polynomial 0xC96C5795D7870F42, all-ones start
 * and final xor), sent as x-oss-hash-crc64ecma. The CRC of no bytes is 0.
 */
#ifndef OSSDL_CORE_CRC64_H
#define OSSDL_CORE_CRC64_H

#include "base.h"

OSSDL_BEGIN_DECLS

/*
 * The CRC of A followed by these bytes, given the CRC of A. Start with 0.
 * bytes may be NULL when len is 0, and need no alignment.
 */
uint64_t ossdl_crc64(uint64_t crc, const void *bytes, size_t len);

/*
 * The CRC of A followed by B, given both CRCs and the length of B in bytes.
 * Costs one 64-step multiplication per bit set in len_b.
 */
uint64_t ossdl_crc64_combine(uint64_t a, uint64_t b, uint64_t len_b);

OSSDL_END_DECLS

#endif
