/* The CRCs are those of a known pattern, so every merge can be checked. */
#include "test.h"

#include "alloc.h"
#include "crc64.h"
#include "extents.h"

#define SIZE 600

static unsigned char pattern[SIZE];

static struct ossdl_extent extent(uint64_t start, uint64_t end)
{
    struct ossdl_extent made = {start, end, 0};

    for (size_t i = 0; i < SIZE; i++) {
        pattern[i] = (unsigned char) (i * 7 + i / 13);
    }
    made.crc64 = ossdl_crc64(0, pattern + start, (size_t) (end - start));
    return made;
}

static uint64_t crc_of(uint64_t start, uint64_t end)
{
    return extent(start, end).crc64;
}

static const char *show_ranges(const struct ossdl_ranges *set)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ossdl_ranges_count(set); i++) {
        struct ossdl_range range = ossdl_ranges_at(set, i);
        int more =
            snprintf(text + len, sizeof text - len, "%s%" PRIu64 "-%" PRIu64,
                     i ? " " : "", range.start, range.end);
        len += (size_t) more;
    }
    return text;
}

/* "0-10 10-20"; says so if a CRC is not that of the pattern. */
static const char *show(const struct ossdl_extents *set)
{
    static char text[4096];
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < ossdl_extents_count(set); i++) {
        struct ossdl_extent item = ossdl_extents_at(set, i);
        bool right = item.crc64 == crc_of(item.start, item.end);
        int more = snprintf(text + len, sizeof text - len,
                            "%s%" PRIu64 "-%" PRIu64 "%s", i ? " " : "",
                            item.start, item.end, right ? "" : "(bad CRC)");
        len += (size_t) more;
    }
    return text;
}

static bool refuse(void *context, size_t size)
{
    (void) context;
    (void) size;
    return false;
}

TEST("a new set is empty, and the whole of an empty object")
{
    struct ossdl_extents set;
    uint64_t crc = 1;

    ossdl_extents_init(&set, 0);
    CHECK_U64(ossdl_extents_count(&set), 0);
    CHECK_U64(ossdl_extents_total(&set), 0);
    CHECK(ossdl_extents_whole(&set, 0, &crc));
    CHECK_U64(crc, 0);
    CHECK(!ossdl_extents_whole(&set, 1, &crc));
    ossdl_extents_cleanup(&set);
    ossdl_extents_cleanup(NULL);
}

TEST("neighbours merge, on either side and on both")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 0);
    CHECK_OK(ossdl_extents_add(&set, extent(10, 20)));
    CHECK_OK(ossdl_extents_add(&set, extent(20, 33)));
    CHECK_STR(show(&set), "10-33");
    CHECK_OK(ossdl_extents_add(&set, extent(4, 10)));
    CHECK_STR(show(&set), "4-33");
    CHECK_OK(ossdl_extents_add(&set, extent(50, 60)));
    CHECK_OK(ossdl_extents_add(&set, extent(34, 50)));
    CHECK_STR(show(&set), "4-33 34-60");
    CHECK_OK(ossdl_extents_add(&set, extent(33, 34)));
    CHECK_STR(show(&set), "4-60");
    CHECK_U64(ossdl_extents_total(&set), 56);
    ossdl_extents_cleanup(&set);
}

TEST("merging stops at the grain")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 16);
    CHECK_OK(ossdl_extents_add(&set, extent(0, 8)));
    CHECK_OK(ossdl_extents_add(&set, extent(8, 16)));
    CHECK_OK(ossdl_extents_add(&set, extent(16, 24)));
    CHECK_STR(show(&set), "0-16 16-24");
    CHECK_OK(ossdl_extents_add(&set, extent(33, 40)));
    CHECK_OK(ossdl_extents_add(&set, extent(24, 33)));
    CHECK_STR(show(&set), "0-16 16-24 24-40");
    CHECK_OK(ossdl_extents_add(&set, extent(40, 100)));
    CHECK_STR(show(&set), "0-16 16-24 24-40 40-100");
    ossdl_extents_cleanup(&set);
}

TEST("the number of extents is bounded by the grain, whatever the pieces")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 32);
    for (uint64_t i = 0; i < SIZE; i++) {
        uint64_t at = i * 7 % SIZE;
        CHECK_OK(ossdl_extents_add(&set, extent(at, at + 1)));
    }
    CHECK(ossdl_extents_count(&set) <= 2 * SIZE / 32 + 1);
    CHECK_U64(ossdl_extents_total(&set), SIZE);
    ossdl_extents_cleanup(&set);
}

TEST("a later extent replaces, whole, the earlier ones that it overlaps")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 20);
    CHECK_OK(ossdl_extents_add(&set, extent(0, 15)));
    CHECK_OK(ossdl_extents_add(&set, extent(15, 30)));
    CHECK_OK(ossdl_extents_add(&set, extent(30, 45)));
    CHECK_OK(ossdl_extents_add(&set, extent(14, 31)));
    CHECK_STR(show(&set), "14-31");
    CHECK_U64(ossdl_extents_total(&set), 17);
    CHECK_OK(ossdl_extents_add(&set, extent(20, 21)));
    CHECK_STR(show(&set), "20-21");
    CHECK_OK(ossdl_extents_add(&set, extent(20, 21)));
    CHECK_STR(show(&set), "20-21");
    CHECK_OK(ossdl_extents_add(&set, extent(10, 40)));
    CHECK_STR(show(&set), "10-40");
    ossdl_extents_cleanup(&set);
}

TEST("a replacement merges with what it touches")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 0);
    CHECK_OK(ossdl_extents_add(&set, extent(0, 10)));
    CHECK_OK(ossdl_extents_add(&set, extent(12, 20)));
    CHECK_OK(ossdl_extents_add(&set, extent(25, 30)));
    CHECK_OK(ossdl_extents_add(&set, extent(10, 25)));
    CHECK_STR(show(&set), "0-30");
    ossdl_extents_cleanup(&set);
}

TEST("an empty or reversed extent changes nothing")
{
    struct ossdl_extents set;
    struct ossdl_extent reversed = {9, 4, 1};
    struct ossdl_extent empty = {12, 12, 1};

    ossdl_extents_init(&set, 0);
    CHECK_OK(ossdl_extents_add(&set, extent(10, 20)));
    CHECK_OK(ossdl_extents_add(&set, reversed));
    CHECK_OK(ossdl_extents_add(&set, empty));
    CHECK_STR(show(&set), "10-20");
    ossdl_extents_cleanup(&set);
}

TEST("clearing leaves the empty set, which takes extents again")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 10);
    CHECK_OK(ossdl_extents_add(&set, extent(0, 10)));
    CHECK_OK(ossdl_extents_add(&set, extent(20, 30)));
    ossdl_extents_clear(&set);
    CHECK_STR(show(&set), "");
    CHECK_U64(ossdl_extents_total(&set), 0);
    CHECK_OK(ossdl_extents_add(&set, extent(5, 15)));
    CHECK_STR(show(&set), "5-15");
    CHECK_U64(ossdl_extents_total(&set), 10);
    ossdl_extents_cleanup(&set);
}

TEST("whole is true without a gap only, and gives the CRC of it all")
{
    struct ossdl_extents set;
    uint64_t crc = 5;

    ossdl_extents_init(&set, 100);
    CHECK_OK(ossdl_extents_add(&set, extent(90, 180)));
    CHECK_OK(ossdl_extents_add(&set, extent(180, 300)));
    CHECK(!ossdl_extents_whole(&set, 300, &crc));
    CHECK_OK(ossdl_extents_add(&set, extent(0, 89)));
    CHECK(!ossdl_extents_whole(&set, 300, &crc));
    CHECK_U64(crc, 5);
    CHECK_OK(ossdl_extents_add(&set, extent(89, 90)));
    CHECK(!ossdl_extents_whole(&set, 299, &crc));
    CHECK(!ossdl_extents_whole(&set, 301, &crc));
    CHECK(!ossdl_extents_whole(&set, 0, &crc));
    CHECK(ossdl_extents_whole(&set, 300, &crc));
    CHECK_U64(crc, crc_of(0, 300));
    ossdl_extents_cleanup(&set);
}

TEST("missing is the rest of the object")
{
    struct ossdl_extents set;
    struct ossdl_ranges missing;

    ossdl_extents_init(&set, 10);
    ossdl_ranges_init(&missing);
    CHECK_OK(ossdl_extents_missing(&set, 100, &missing));
    CHECK_STR(show_ranges(&missing), "0-100");
    CHECK_OK(ossdl_extents_add(&set, extent(0, 10)));
    CHECK_OK(ossdl_extents_add(&set, extent(10, 20)));
    CHECK_OK(ossdl_extents_add(&set, extent(40, 50)));
    CHECK_OK(ossdl_extents_missing(&set, 100, &missing));
    CHECK_STR(show_ranges(&missing), "20-40 50-100");
    CHECK_OK(ossdl_extents_missing(&set, 45, &missing));
    CHECK_STR(show_ranges(&missing), "20-40");
    CHECK_OK(ossdl_extents_missing(&set, 30, &missing));
    CHECK_STR(show_ranges(&missing), "20-30");
    CHECK_OK(ossdl_extents_missing(&set, 0, &missing));
    CHECK_STR(show_ranges(&missing), "");
    ossdl_ranges_cleanup(&missing);
    ossdl_extents_cleanup(&set);
}

TEST("without memory the set stays as it was, and merging still works")
{
    struct ossdl_extents set;
    struct ossdl_ranges missing;

    ossdl_extents_init(&set, 0);
    ossdl_ranges_init(&missing);
    CHECK_OK(ossdl_extents_reserve(&set, 1));
    CHECK_OK(ossdl_extents_add(&set, extent(0, 10)));
    for (uint64_t at = 20; ossdl_extents_count(&set) < set.capacity; at += 5) {
        CHECK_OK(ossdl_extents_add(&set, extent(at, at + 1)));
    }
    ossdl_alloc_set_hook(refuse, NULL);
    CHECK_U64(ossdl_extents_add(&set, extent(500, 501)), OSSDL_EMEMORY);
    CHECK_U64(ossdl_extents_reserve(&set, 1), OSSDL_EMEMORY);
    CHECK_U64(ossdl_extents_missing(&set, SIZE, &missing), OSSDL_EMEMORY);
    CHECK_OK(ossdl_extents_add(&set, extent(10, 12)));
    CHECK_OK(ossdl_extents_add(&set, extent(19, 30)));
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK(strncmp(show(&set), "0-12 19-31 35-36", 16) == 0);
    ossdl_ranges_cleanup(&missing);
    ossdl_extents_cleanup(&set);
}

TEST("a reservation is kept, and an impossible one refused")
{
    struct ossdl_extents set;

    ossdl_extents_init(&set, 0);
    CHECK_U64(ossdl_extents_reserve(&set, SIZE_MAX), OSSDL_EMEMORY);
    CHECK_OK(ossdl_extents_reserve(&set, 100));
    ossdl_alloc_set_hook(refuse, NULL);
    for (uint64_t i = 0; i < 100; i++) {
        CHECK_OK(ossdl_extents_add(&set, extent(i * 3, i * 3 + 2)));
    }
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK_U64(ossdl_extents_count(&set), 100);
    ossdl_extents_cleanup(&set);
}

TEST("offsets may go up to the end of 64 bits")
{
    struct ossdl_extents set;
    struct ossdl_ranges missing;
    struct ossdl_extent low = {0, UINT64_MAX - 9, 3};
    struct ossdl_extent high = {UINT64_MAX - 9, UINT64_MAX, 4};
    uint64_t crc;

    ossdl_extents_init(&set, 0);
    ossdl_ranges_init(&missing);
    CHECK_OK(ossdl_extents_add(&set, high));
    CHECK_OK(ossdl_extents_missing(&set, UINT64_MAX, &missing));
    CHECK_U64(ossdl_ranges_total(&missing), UINT64_MAX - 9);
    CHECK_OK(ossdl_extents_add(&set, low));
    CHECK(ossdl_extents_whole(&set, UINT64_MAX, &crc));
    CHECK_U64(crc, ossdl_crc64_combine(3, 4, 9));
    CHECK_OK(ossdl_extents_missing(&set, UINT64_MAX, &missing));
    CHECK(ossdl_ranges_empty(&missing));
    ossdl_ranges_cleanup(&missing);
    ossdl_extents_cleanup(&set);
}

/* What a step drops is read off the set before it: which bytes have been
 * merged into one extent is the set's own affair. */
TEST("random operations agree with a map of bytes")
{
    uint64_t seed = 31;
    bool present[SIZE] = {false};
    struct ossdl_extents set;
    struct ossdl_ranges missing;

    ossdl_extents_init(&set, 24);
    ossdl_ranges_init(&missing);
    for (int i = 0; i < 8000; i++) {
        uint64_t start = ossdl_crc64(seed++, "a", 1) % SIZE;
        uint64_t end = start + ossdl_crc64(seed++, "b", 1) % 20;
        uint64_t total = 0;

        if (i % 400 == 0) {
            ossdl_extents_clear(&set);
            memset(present, 0, sizeof present);
        }
        end = end < SIZE ? end : SIZE;
        for (size_t k = 0; start < end && k < ossdl_extents_count(&set); k++) {
            struct ossdl_extent item = ossdl_extents_at(&set, k);
            if (item.start < end && start < item.end) {
                memset(present + item.start, 0,
                       (size_t) (item.end - item.start));
            }
        }
        CHECK_OK(ossdl_extents_add(&set, extent(start, end)));
        memset(present + start, 1, (size_t) (end - start));
        CHECK(!strstr(show(&set), "bad"));
        CHECK_OK(ossdl_extents_missing(&set, SIZE, &missing));
        for (size_t k = 0; k < ossdl_ranges_count(&missing); k++) {
            struct ossdl_range gap = ossdl_ranges_at(&missing, k);
            for (uint64_t at = gap.start; at < gap.end; at++) {
                CHECK(!present[at]);
            }
        }
        for (size_t at = 0; at < SIZE; at++) {
            total += present[at];
        }
        CHECK_U64(ossdl_extents_total(&set), total);
        CHECK_U64(ossdl_ranges_total(&missing), SIZE - total);
    }
    ossdl_ranges_cleanup(&missing);
    ossdl_extents_cleanup(&set);
}

TEST_MAIN()
