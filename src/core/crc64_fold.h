/*
 * crc64_fold.h - shortens bytes without changing their CRC-64
 *
 * Threads: pure functions; there is no state, so nothing to set up.
 * Memory:  none. Errors: a machine that cannot do it consumes 0 bytes.
 *
 * Carry-less multiplication replaces a long run of bytes by 16 that have the
 * same remainder. Several independent streams keep the multiplier busy, so
 * the speed is that of memory. crc64.c alone uses this; on a processor without
 * the instructions it asks liblzma for everything.
 */
#ifndef OSSDL_CORE_CRC64_FOLD_H
#define OSSDL_CORE_CRC64_FOLD_H

#include "base.h"

OSSDL_BEGIN_DECLS

#define OSSDL_FOLD_RESIDUE_BYTES 16

/* Ways to do it, slowest first; a wider one needs a newer processor. */
enum ossdl_fold {
    OSSDL_FOLD_NONE,
    OSSDL_FOLD_128, /* PCLMULQDQ: x86-64 since 2010 */
    OSSDL_FOLD_256, /* VPCLMULQDQ with AVX2 */
    OSSDL_FOLD_512, /* VPCLMULQDQ with AVX-512 */
    OSSDL_FOLD_COUNT
};

/* Whether this processor and this build can do it; NONE always can. */
bool ossdl_fold_supported(enum ossdl_fold fold);

/* The fastest supported one. A few loads: there is no need to keep it. */
enum ossdl_fold ossdl_fold_best(void);

/*
 * Consumes a multiple of 16 bytes from the front, leaving less than 16 of
 * them, or none at all when that is not worth while; returns how many. crc is
 * the CRC of what came before. Unless 0 is returned, out_residue holds 16
 * bytes, and the CRC of everything so far is that of the residue, computed
 * from an all-zero register: with ossdl_crc64(), from UINT64_MAX.
 */
size_t ossdl_fold_bytes(enum ossdl_fold fold, uint64_t crc, const void *bytes,
                        size_t len,
                        unsigned char out_residue[OSSDL_FOLD_RESIDUE_BYTES]);

OSSDL_END_DECLS

#endif
