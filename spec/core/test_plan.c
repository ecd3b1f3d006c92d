/* The rules of plan.h, at and around their edges. */
#include "test.h"

#include "plan.h"

#define MIB OSSDL_MIB
#define GIB OSSDL_GIB

TEST("a part size that was asked for is used exactly")
{
    CHECK_U64(ossdl_plan_part_bytes(1, GIB, 8, 0), 1);
    CHECK_U64(ossdl_plan_part_bytes(1234567, 10, 8, 1), 1234567);
    CHECK_U64(ossdl_plan_part_bytes(UINT64_MAX, 10, 0, 0), UINT64_MAX);
}

TEST("without a clue about speed a part is 8 MiB")
{
    CHECK_U64(ossdl_plan_part_bytes(0, 10 * GIB, 8, 0), 8 * MIB);
}

TEST("a part is worth three seconds of its connection, in whole MiB")
{
    CHECK_U64(ossdl_plan_part_bytes(0, 10 * GIB, 8, 4 * MIB), 12 * MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, 10 * GIB, 8, 5000000), 14 * MIB);
}

TEST("a part is at least 1 MiB and at most 64 MiB")
{
    CHECK_U64(ossdl_plan_part_bytes(0, 10 * GIB, 8, 1), MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, 0, 8, 0), MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, 100 * GIB, 8, GIB), 64 * MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, UINT64_MAX, 1, UINT64_MAX), 64 * MIB);
}

TEST("a part is not above the fair share of its connection")
{
    CHECK_U64(ossdl_plan_part_bytes(0, 128 * MIB, 8, GIB), 4 * MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, 128 * MIB, 8, 0), 4 * MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, 24 * MIB, 64, 0), MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, 128 * MIB, 0, GIB), 32 * MIB);
    CHECK_U64(ossdl_plan_part_bytes(0, GIB, UINT32_MAX, GIB), MIB);
}

TEST("a rest is split in the middle, on a 64 KiB boundary if one fits")
{
    uint64_t middle = 0;

    CHECK(ossdl_plan_split(0, 8 * MIB, MIB, &middle));
    CHECK_U64(middle, 4 * MIB);
    CHECK(ossdl_plan_split(1, 8 * MIB, MIB, &middle));
    CHECK_U64(middle, 4 * MIB);
    CHECK(ossdl_plan_split(1000, 8 * MIB - 1000, MIB, &middle));
    CHECK_U64(middle, 4 * MIB);
    CHECK(ossdl_plan_split(1000, 3000, 1000, &middle));
    CHECK_U64(middle, 2000);
    CHECK(ossdl_plan_split(65000, 67000, 500, &middle));
    CHECK_U64(middle, 65536);
    CHECK(ossdl_plan_split(65000, 67000, 600, &middle));
    CHECK_U64(middle, 66000);
}

TEST("a rest that is too short is not split")
{
    uint64_t middle = 7;

    CHECK(!ossdl_plan_split(0, 2 * MIB - 1, MIB, &middle));
    CHECK(!ossdl_plan_split(5, 5, 0, &middle));
    CHECK(!ossdl_plan_split(5, 6, 0, &middle));
    CHECK(!ossdl_plan_split(6, 5, 1, &middle));
    CHECK(!ossdl_plan_split(0, UINT64_MAX, UINT64_MAX, &middle));
    CHECK_U64(middle, 7);
    CHECK(ossdl_plan_split(5, 7, 0, &middle));
    CHECK_U64(middle, 6);
}

TEST("a split at the end of 64 bits does not wrap around")
{
    uint64_t middle;

    CHECK(ossdl_plan_split(0, UINT64_MAX, 1, &middle));
    CHECK_U64(middle, UINT64_C(0x7FFFFFFFFFFF0000));
    CHECK(ossdl_plan_split(UINT64_MAX - 10, UINT64_MAX, 5, &middle));
    CHECK_U64(middle, UINT64_MAX - 5);
}

TEST("any split leaves both pieces the least length")
{
    uint64_t seed = 1;

    for (int i = 0; i < 20000; i++) {
        uint64_t middle = 0;
        uint64_t start = (seed = seed * 6364136223846793005u + 11) >> 40;
        uint64_t end =
            start + ((seed = seed * 6364136223846793005u + 11) >> 42);
        uint64_t piece = (seed = seed * 6364136223846793005u + 11) >> 44;

        if (ossdl_plan_split(start, end, piece, &middle)) {
            CHECK(middle > start && middle < end);
            CHECK(middle - start >= piece);
            CHECK(end - middle >= piece);
        } else {
            CHECK(end - start < 2 * piece || end - start < 2);
        }
    }
}

TEST("the grain is a power of two that bounds the number of extents")
{
    CHECK_U64(ossdl_plan_grain(0), MIB);
    CHECK_U64(ossdl_plan_grain(16 * GIB), MIB);
    CHECK_U64(ossdl_plan_grain(16 * GIB + 1), 2 * MIB);
    CHECK_U64(ossdl_plan_grain(48800 * GIB), 4096 * MIB);
    CHECK_U64(ossdl_plan_grain(UINT64_MAX), UINT64_C(1) << 50);
}

TEST("the buffers of all connections together stay small")
{
    for (unsigned threads = 1; threads <= 1024; threads++) {
        size_t bytes = ossdl_plan_buffer_bytes(threads);

        CHECK_U64(MIB % bytes, 0); /* whole blocks in every part */
        CHECK(bytes >= 128 * OSSDL_KIB);
        CHECK(threads * (uint64_t) bytes <= (threads <= 64 ? 8 : 128) * MIB);
    }
    CHECK_U64(ossdl_plan_buffer_bytes(0), MIB);
    CHECK_U64(ossdl_plan_buffer_bytes(2), MIB);
    CHECK_U64(ossdl_plan_buffer_bytes(3), 512 * OSSDL_KIB);
    CHECK_U64(ossdl_plan_buffer_bytes(8), 256 * OSSDL_KIB);
    CHECK_U64(ossdl_plan_buffer_bytes(9), 256 * OSSDL_KIB);
    CHECK_U64(ossdl_plan_buffer_bytes(33), 128 * OSSDL_KIB);
    CHECK_U64(ossdl_plan_buffer_bytes(64), 128 * OSSDL_KIB);
    CHECK_U64(ossdl_plan_buffer_bytes(65), 128 * OSSDL_KIB);
    CHECK_U64(ossdl_plan_buffer_bytes(UINT32_MAX), 128 * OSSDL_KIB);
}

TEST_MAIN()
