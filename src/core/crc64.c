#include "crc64.h"

#include "crc64_fold.h"

#include <lzma.h>

/* Reflected: bit 63 is the coefficient of x^0, bit 0 that of x^63. */
#define POLYNOMIAL UINT64_C(0xC96C5795D7870F42)

/* Below this, liblzma alone is faster than folding and then calling it. */
#define FOLD_LEAST_BYTES 256

/* powers[k] is x^(8 * 2^k): what 2^k bytes of zeros multiply a CRC by. */
static const uint64_t powers[64] = {
    0x0080000000000000, 0x0000800000000000, 0x0000000080000000,
    0xc96c5795d7870f42, 0x6d5f4ad7e3c3afa0, 0xd49f7e445077d8ea,
    0x040fb02a53c216fa, 0x6bec35957b9ef3a0, 0xb0e3bb0658964afe,
    0x218578c7a2dff638, 0x6dbb920f24dd5cf2, 0x7a140cfcdb4d5eb5,
    0x41b3705ecbc4057b, 0xd46ab656accac1ea, 0x329beda6fc34fb73,
    0x51a4fcd4350b9797, 0x314fa85637efae9d, 0xacf27e9a1518d512,
    0xffe2a3388a4d8ce7, 0x48b9697e60cc2e4e, 0xada73cb78dd62460,
    0x3ea5454d8ce5c1bb, 0x5e84e3a6c70feaf1, 0x90fd49b66cbd81d1,
    0xe2943e0c1db254e8, 0xecfa6adeca8834a1, 0xf513e212593ee321,
    0xf36ae57331040916, 0x63fbd333b87b6717, 0xbd60f8e152f50b8b,
    0xa5ce4a8299c1567d, 0x0bd445f0cbdb55ee, 0xfdd6824e20134285,
    0xcead8b6ebda2227a, 0xe44b17e4f5d4fb5c, 0x9b29c81ad01ca7c5,
    0x1b4366e40fea4055, 0x27bca1551aae167b, 0xaa57bcd1b39a5690,
    0xd7fce83fa1234db9, 0xcce4986efea3ff8e, 0x3602a4d9e65341f1,
    0x722b1da2df516145, 0xecfc3ddd3a08da83, 0x0fb96dcca83507e6,
    0x125f2fe78d70f080, 0x842f50b7651aa516, 0x09bc34188cd9836f,
    0xf43666c84196d909, 0xb56feb30c0df6ccb, 0xaa66e04ce7f30958,
    0xb7b1187e9af29547, 0x113255f8476495de, 0x8fb19f783095d77e,
    0xaec4aacc7c82b133, 0xf64e6d09218428cf, 0x036a72ea5ac258a0,
    0x5235ef12eb7aaa6a, 0x2fed7b1685657853, 0x8ef8951d46606fb5,
    0x9d58c1090f034d14, 0x36f6c59a9fdaa97b, 0xbe2d517d98682592,
    0x7bcd738fef5729f1,
};

uint64_t ossdl_crc64(uint64_t crc, const void *bytes, size_t len)
{
    unsigned char residue[OSSDL_FOLD_RESIDUE_BYTES];
    const unsigned char *rest = bytes;
    size_t folded;

    if (len == 0) {
        return crc;
    }
    if (len >= FOLD_LEAST_BYTES) {
        folded = ossdl_fold_bytes(ossdl_fold_best(), crc, rest, len, residue);
        if (folded > 0) {
            crc = lzma_crc64(residue, sizeof residue, UINT64_MAX);
            rest += folded;
            len -= folded;
        }
    }
    return lzma_crc64(rest, len, crc);
}

/* The product of two polynomials, modulo the polynomial of the CRC. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;

    for (; a != 0; a <<= 1) {
        product ^= b & (0 - (a >> 63));
        b = (b >> 1) ^ (POLYNOMIAL & (0 - (b & 1)));
    }
    return product;
}

uint64_t ossdl_crc64_combine(uint64_t a, uint64_t b, uint64_t len_b)
{
    /* The all-ones start and the final xor of the three CRCs cancel out. */
    for (size_t k = 0; len_b != 0; len_b >>= 1, k++) {
        if (len_b & 1) {
            a = multiply(powers[k], a);
        }
    }
    return a ^ b;
}
