/* CRC-64 and its combination; the known values are those of the format. */
#include "test.h"

#include "crc64.h"

#include <stdlib.h>

/* One bit at a time, straight from the definition. */
static uint64_t slow_crc64(uint64_t crc, const unsigned char *bytes, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((0 - (crc & 1)) & UINT64_C(0xC96C5795D7870F42));
        }
    }
    return ~crc;
}

static void fill(unsigned char *bytes, size_t len, uint64_t seed)
{
    for (size_t i = 0; i < len; i++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        bytes[i] = (unsigned char) (seed >> 56);
    }
}

TEST("the CRC of no bytes is 0, wherever they are")
{
    CHECK_U64(ossdl_crc64(0, NULL, 0), 0);
    CHECK_U64(ossdl_crc64(77, NULL, 0), 77);
}

TEST("known texts have their known CRC")
{
    CHECK_U64(ossdl_crc64(0, "123456789", 9), UINT64_C(0x995DC9BBDF1939FA));
    CHECK_U64(ossdl_crc64(0, "hello ", 6), UINT64_C(1796661072844795914));
    CHECK_U64(ossdl_crc64(0, "world", 5), UINT64_C(4472352582074980600));
    CHECK_U64(ossdl_crc64(0, "hello world", 11), UINT64_C(5981764153023615706));
}

TEST("a MiB of zeros has its known CRC")
{
    unsigned char *zeros = calloc(1, 1 << 20);

    CHECK(zeros);
    CHECK_U64(ossdl_crc64(0, zeros, 1 << 20), UINT64_C(6947770692288575170));
    free(zeros);
}

TEST("every length up to 1200 bytes agrees with the definition")
{
    unsigned char bytes[1200];

    fill(bytes, sizeof bytes, 1);
    for (size_t len = 0; len <= sizeof bytes; len++) {
        CHECK_U64(ossdl_crc64(len, bytes, len), slow_crc64(len, bytes, len));
    }
}

TEST("a CRC is continued where it stopped")
{
    unsigned char bytes[3000];
    uint64_t whole;

    fill(bytes, sizeof bytes, 2);
    whole = ossdl_crc64(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut += 7) {
        uint64_t crc = ossdl_crc64(0, bytes, cut);
        CHECK_U64(ossdl_crc64(crc, bytes + cut, sizeof bytes - cut), whole);
    }
}

TEST("two CRCs combine to that of both texts")
{
    CHECK_U64(ossdl_crc64_combine(UINT64_C(1796661072844795914),
                                  UINT64_C(4472352582074980600), 5),
              UINT64_C(5981764153023615706));
}

TEST("combining with nothing changes nothing")
{
    CHECK_U64(ossdl_crc64_combine(123, 0, 0), 123);
    CHECK_U64(ossdl_crc64_combine(0, 456, 1000), 456);
}

TEST("combining agrees with the CRC of the whole at every cut")
{
    unsigned char bytes[2100];
    uint64_t whole;

    fill(bytes, sizeof bytes, 3);
    whole = ossdl_crc64(0, bytes, sizeof bytes);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        uint64_t a = ossdl_crc64(0, bytes, cut);
        uint64_t b = ossdl_crc64(0, bytes + cut, sizeof bytes - cut);
        CHECK_U64(ossdl_crc64_combine(a, b, sizeof bytes - cut), whole);
    }
}

/* Appending 2^k zeros twice is appending 2^(k+1) of them, for every entry of
 * the table; b is then the CRC of the zeros alone, built up the same way. */
TEST("every power of two of a length is as good as two halves of it")
{
    unsigned char zero = 0;
    uint64_t zeros = ossdl_crc64(0, &zero, 1);
    uint64_t a = UINT64_C(0x123456789ABCDEF0);

    for (int k = 0; k < 63; k++) {
        uint64_t half = UINT64_C(1) << k;
        uint64_t once = ossdl_crc64_combine(a, zeros, half);
        uint64_t twice = ossdl_crc64_combine(once, zeros, half);

        zeros = ossdl_crc64_combine(zeros, zeros, half);
        CHECK_U64(ossdl_crc64_combine(a, zeros, half * 2), twice);
    }
}

TEST("combining is associative for lengths up to 64 bits")
{
    uint64_t seed = 5;

    for (int i = 0; i < 1000; i++) {
        uint64_t v[5];

        fill((unsigned char *) v, sizeof v, seed++);
        v[3] >>= 1 + i % 63;
        v[4] >>= 1 + i % 61;
        CHECK_U64(ossdl_crc64_combine(ossdl_crc64_combine(v[0], v[1], v[3]),
                                      v[2], v[4]),
                  ossdl_crc64_combine(v[0],
                                      ossdl_crc64_combine(v[1], v[2], v[4]),
                                      v[3] + v[4]));
    }
}

TEST_MAIN()
