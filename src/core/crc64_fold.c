#include "crc64_fold.h"

/*
 * A vector of 16 bytes is a polynomial of degree 127, the first bit of the
 * first byte being x^127: so the low half is the upper one. Moving it D bits
 * ahead, to be added to bytes that come D bits later, multiplies it by x^D;
 * modulo the CRC's polynomial, that is
 *
 *     low * (x^(D + 64) mod P) + high * (x^D mod P)
 *
 * and each product again fits in 16 bytes. The exponents below are one less,
 * because the product of two bit-reversed numbers comes out times x.
 */

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)

#include <immintrin.h>

#define TARGET_128 __attribute__((__target__("pclmul")))
#define TARGET_256 __attribute__((__target__("avx2,pclmul,vpclmulqdq")))
#define TARGET_512 __attribute__((__target__("avx512f,pclmul,vpclmulqdq")))

/* {x^(D + 63) mod P, x^(D - 1) mod P} */
static const uint64_t by_128[2] = {0xe05dd497ca393ae4, 0xdabe95afc7875f40};
static const uint64_t by_256[2] = {0x60095b008a9efa44, 0x3be653a30fe1af51};
static const uint64_t by_512[2] = {0x6ae3efbb9dd441f3, 0x081f6054a7842df4};
static const uint64_t by_1024[2] = {0x8757d71d4fcc1000, 0xd7d86b2af73de740};
static const uint64_t by_2048[2] = {0x8260adf2381ad81c, 0xf31fd9271e228b79};

TARGET_128 static inline __m128i load_128(const void *bytes)
{
    return _mm_loadu_si128((const __m128i *) bytes);
}

/* The register that follows `crc`, placed where the first byte comes in. */
TARGET_128 static inline __m128i register_128(uint64_t crc)
{
    return _mm_cvtsi64_si128((long long) ~crc);
}

TARGET_128 static inline __m128i fold_128(__m128i sum, __m128i factors,
                                          __m128i bytes)
{
    __m128i low = _mm_clmulepi64_si128(sum, factors, 0x00);
    __m128i high = _mm_clmulepi64_si128(sum, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), bytes);
}

/* Takes the whole vectors of what is left; returns the rest in bytes. */
TARGET_128 static size_t finish(__m128i sum, const unsigned char *bytes,
                                size_t len, unsigned char *out_residue)
{
    const __m128i factors = load_128(by_128);

    for (; len >= 16; bytes += 16, len -= 16) {
        sum = fold_128(sum, factors, load_128(bytes));
    }
    _mm_storeu_si128((__m128i *) out_residue, sum);
    return len;
}

/* len is at least 64, here and below the size of four vectors. */
TARGET_128 static size_t run_128(uint64_t crc, const unsigned char *bytes,
                                 size_t len, unsigned char *out_residue)
{
    __m128i factors = load_128(by_512);
    __m128i a = _mm_xor_si128(load_128(bytes), register_128(crc));
    __m128i b = load_128(bytes + 16);
    __m128i c = load_128(bytes + 32);
    __m128i d = load_128(bytes + 48);

    for (bytes += 64, len -= 64; len >= 64; bytes += 64, len -= 64) {
        a = fold_128(a, factors, load_128(bytes));
        b = fold_128(b, factors, load_128(bytes + 16));
        c = fold_128(c, factors, load_128(bytes + 32));
        d = fold_128(d, factors, load_128(bytes + 48));
    }
    factors = load_128(by_128);
    b = fold_128(a, factors, b);
    c = fold_128(b, factors, c);
    d = fold_128(c, factors, d);
    return finish(d, bytes, len, out_residue);
}

TARGET_256 static inline __m256i load_256(const void *bytes)
{
    return _mm256_loadu_si256((const __m256i *) bytes);
}

TARGET_256 static inline __m256i factors_256(const uint64_t *factors)
{
    return _mm256_broadcastsi128_si256(load_128(factors));
}

TARGET_256 static inline __m256i fold_256(__m256i sum, __m256i factors,
                                          __m256i bytes)
{
    __m256i low = _mm256_clmulepi64_epi128(sum, factors, 0x00);
    __m256i high = _mm256_clmulepi64_epi128(sum, factors, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(low, high), bytes);
}

TARGET_256 static size_t run_256(uint64_t crc, const unsigned char *bytes,
                                 size_t len, unsigned char *out_residue)
{
    __m256i factors = factors_256(by_1024);
    __m256i start =
        _mm256_inserti128_si256(_mm256_setzero_si256(), register_128(crc), 0);
    __m256i a = _mm256_xor_si256(load_256(bytes), start);
    __m256i b = load_256(bytes + 32);
    __m256i c = load_256(bytes + 64);
    __m256i d = load_256(bytes + 96);
    __m128i sum;

    for (bytes += 128, len -= 128; len >= 128; bytes += 128, len -= 128) {
        a = fold_256(a, factors, load_256(bytes));
        b = fold_256(b, factors, load_256(bytes + 32));
        c = fold_256(c, factors, load_256(bytes + 64));
        d = fold_256(d, factors, load_256(bytes + 96));
    }
    factors = factors_256(by_256);
    b = fold_256(a, factors, b);
    c = fold_256(b, factors, c);
    d = fold_256(c, factors, d);
    for (; len >= 32; bytes += 32, len -= 32) {
        d = fold_256(d, factors, load_256(bytes));
    }
    sum = fold_128(_mm256_extracti128_si256(d, 0), load_128(by_128),
                   _mm256_extracti128_si256(d, 1));
    return finish(sum, bytes, len, out_residue);
}

TARGET_512 static inline __m512i load_512(const void *bytes)
{
    return _mm512_loadu_si512(bytes);
}

TARGET_512 static inline __m512i factors_512(const uint64_t *factors)
{
    return _mm512_broadcast_i32x4(load_128(factors));
}

TARGET_512 static inline __m512i fold_512(__m512i sum, __m512i factors,
                                          __m512i bytes)
{
    __m512i low = _mm512_clmulepi64_epi128(sum, factors, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(sum, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, bytes, 0x96); /* xor of all */
}

/* The four lanes of a vector as one. */
TARGET_512 static inline __m128i join_512(__m512i sum)
{
    const __m128i factors = load_128(by_128);
    __m128i joined = _mm512_extracti32x4_epi32(sum, 0);

    joined = fold_128(joined, factors, _mm512_extracti32x4_epi32(sum, 1));
    joined = fold_128(joined, factors, _mm512_extracti32x4_epi32(sum, 2));
    return fold_128(joined, factors, _mm512_extracti32x4_epi32(sum, 3));
}

TARGET_512 static size_t run_512(uint64_t crc, const unsigned char *bytes,
                                 size_t len, unsigned char *out_residue)
{
    __m512i factors = factors_512(by_2048);
    __m512i start =
        _mm512_inserti32x4(_mm512_setzero_si512(), register_128(crc), 0);
    __m512i a = _mm512_xor_si512(load_512(bytes), start);
    __m512i b = load_512(bytes + 64);
    __m512i c = load_512(bytes + 128);
    __m512i d = load_512(bytes + 192);

    for (bytes += 256, len -= 256; len >= 256; bytes += 256, len -= 256) {
        a = fold_512(a, factors, load_512(bytes));
        b = fold_512(b, factors, load_512(bytes + 64));
        c = fold_512(c, factors, load_512(bytes + 128));
        d = fold_512(d, factors, load_512(bytes + 192));
    }
    factors = factors_512(by_512);
    b = fold_512(a, factors, b);
    c = fold_512(b, factors, c);
    d = fold_512(c, factors, d);
    for (; len >= 64; bytes += 64, len -= 64) {
        d = fold_512(d, factors, load_512(bytes));
    }
    return finish(join_512(d), bytes, len, out_residue);
}

/* Reads flags that are filled in before main() or dlopen() returns. */
bool ossdl_fold_supported(enum ossdl_fold fold)
{
    switch (fold) {
    case OSSDL_FOLD_NONE:
        return true;
    case OSSDL_FOLD_128:
        return __builtin_cpu_supports("pclmul");
    case OSSDL_FOLD_256:
        return __builtin_cpu_supports("pclmul") &&
               __builtin_cpu_supports("avx2") &&
               __builtin_cpu_supports("vpclmulqdq");
    case OSSDL_FOLD_512:
        return __builtin_cpu_supports("pclmul") &&
               __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("vpclmulqdq");
    default:
        return false;
    }
}

size_t ossdl_fold_bytes(enum ossdl_fold fold, uint64_t crc, const void *bytes,
                        size_t len,
                        unsigned char out_residue[OSSDL_FOLD_RESIDUE_BYTES])
{
    if (len < 64 || fold == OSSDL_FOLD_NONE || !ossdl_fold_supported(fold)) {
        return 0;
    }
    if (fold == OSSDL_FOLD_512 && len >= 256) {
        return len - run_512(crc, bytes, len, out_residue);
    }
    if (fold == OSSDL_FOLD_256 && len >= 128) {
        return len - run_256(crc, bytes, len, out_residue);
    }
    return len - run_128(crc, bytes, len, out_residue);
}

#else

bool ossdl_fold_supported(enum ossdl_fold fold)
{
    return fold == OSSDL_FOLD_NONE;
}

size_t ossdl_fold_bytes(enum ossdl_fold fold, uint64_t crc, const void *bytes,
                        size_t len,
                        unsigned char out_residue[OSSDL_FOLD_RESIDUE_BYTES])
{
    (void) fold;
    (void) crc;
    (void) bytes;
    (void) len;
    (void) out_residue;
    return 0;
}

#endif

enum ossdl_fold ossdl_fold_best(void)
{
    enum ossdl_fold fold = OSSDL_FOLD_512;

    while (!ossdl_fold_supported(fold)) {
        fold--;
    }
    return fold;
}
