/* Literal sets first, then random operations against a map of bytes. */
#include "test.h"

#include "alloc.h"
#include "ranges.h"

/* "0-10 30-100", half-open; "" for the empty set. */
static const char *show(const struct ossdl_ranges *set)
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

static bool refuse(void *context, size_t size)
{
    (void) context;
    (void) size;
    return false;
}

TEST("a new set is empty")
{
    struct ossdl_ranges set;
    struct ossdl_range range;

    ossdl_ranges_init(&set);
    CHECK(ossdl_ranges_empty(&set));
    CHECK_U64(ossdl_ranges_total(&set), 0);
    CHECK(!ossdl_ranges_first(&set, &range));
    CHECK(!ossdl_ranges_take_first(&set, 10, &range));
    CHECK_OK(ossdl_ranges_subtract(&set, 0, UINT64_MAX));
    CHECK_STR(show(&set), "");
    ossdl_ranges_cleanup(&set);
    ossdl_ranges_cleanup(NULL);
}

TEST("a single range needs no memory, whatever happens to it")
{
    struct ossdl_ranges set;
    struct ossdl_range range;

    ossdl_ranges_init(&set);
    ossdl_alloc_set_hook(refuse, NULL);
    CHECK_OK(ossdl_ranges_add(&set, 10, 20));
    CHECK_OK(ossdl_ranges_add(&set, 20, 30));
    CHECK_OK(ossdl_ranges_add(&set, 5, 12));
    CHECK_OK(ossdl_ranges_subtract(&set, 0, 7));
    CHECK_STR(show(&set), "7-30");
    CHECK(ossdl_ranges_take_first(&set, 3, &range));
    CHECK_STR(show(&set), "10-30");
    ossdl_ranges_reset_to(&set, 1, 2);
    CHECK_STR(show(&set), "1-2");
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK(!set.heap);
    ossdl_ranges_cleanup(&set);
}

TEST("neighbours and overlaps merge")
{
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 30, 40));
    CHECK_OK(ossdl_ranges_add(&set, 10, 20));
    CHECK_OK(ossdl_ranges_add(&set, 50, 60));
    CHECK_STR(show(&set), "10-20 30-40 50-60");
    CHECK_OK(ossdl_ranges_add(&set, 20, 25));
    CHECK_STR(show(&set), "10-25 30-40 50-60");
    CHECK_OK(ossdl_ranges_add(&set, 45, 50));
    CHECK_STR(show(&set), "10-25 30-40 45-60");
    CHECK_OK(ossdl_ranges_add(&set, 24, 46));
    CHECK_STR(show(&set), "10-60");
    CHECK_U64(ossdl_ranges_total(&set), 50);
    ossdl_ranges_cleanup(&set);
}

TEST("an addition that is there already changes nothing")
{
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 10, 40));
    CHECK_OK(ossdl_ranges_add(&set, 20, 30));
    CHECK_OK(ossdl_ranges_add(&set, 10, 40));
    CHECK_STR(show(&set), "10-40");
    CHECK_U64(ossdl_ranges_total(&set), 30);
    ossdl_ranges_cleanup(&set);
}

TEST("an empty or reversed range changes nothing")
{
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 5, 5));
    CHECK_OK(ossdl_ranges_add(&set, 9, 5));
    CHECK_STR(show(&set), "");
    CHECK_OK(ossdl_ranges_add(&set, 0, 10));
    CHECK_OK(ossdl_ranges_subtract(&set, 5, 5));
    CHECK_OK(ossdl_ranges_subtract(&set, 9, 5));
    CHECK_STR(show(&set), "0-10");
    ossdl_ranges_reset_to(&set, 7, 7);
    CHECK(ossdl_ranges_empty(&set));
    ossdl_ranges_cleanup(&set);
}

TEST("subtracting cuts, splits and removes")
{
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 10, 100));
    CHECK_OK(ossdl_ranges_subtract(&set, 40, 50));
    CHECK_STR(show(&set), "10-40 50-100");
    CHECK_OK(ossdl_ranges_subtract(&set, 40, 50));
    CHECK_STR(show(&set), "10-40 50-100");
    CHECK_OK(ossdl_ranges_subtract(&set, 0, 20));
    CHECK_STR(show(&set), "20-40 50-100");
    CHECK_OK(ossdl_ranges_subtract(&set, 90, 200));
    CHECK_STR(show(&set), "20-40 50-90");
    CHECK_OK(ossdl_ranges_subtract(&set, 30, 60));
    CHECK_STR(show(&set), "20-30 60-90");
    CHECK_OK(ossdl_ranges_subtract(&set, 20, 30));
    CHECK_STR(show(&set), "60-90");
    CHECK_U64(ossdl_ranges_total(&set), 30);
    ossdl_ranges_cleanup(&set);
}

TEST("the first bytes are taken, never across a gap")
{
    struct ossdl_ranges set;
    struct ossdl_range range;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 10, 20));
    CHECK_OK(ossdl_ranges_add(&set, 30, 90));
    CHECK(!ossdl_ranges_take_first(&set, 0, &range));
    CHECK(ossdl_ranges_take_first(&set, 4, &range));
    CHECK_U64(range.start, 10);
    CHECK_U64(range.end, 14);
    CHECK(ossdl_ranges_first(&set, &range));
    CHECK_U64(range.start, 14);
    CHECK_U64(range.end, 20);
    CHECK(ossdl_ranges_take_first(&set, 100, &range));
    CHECK_U64(range.end, 20);
    CHECK_STR(show(&set), "30-90");
    CHECK(ossdl_ranges_take_first(&set, UINT64_MAX, &range));
    CHECK_U64(ossdl_ranges_total(&set), 0);
    CHECK(ossdl_ranges_empty(&set));
    ossdl_ranges_cleanup(&set);
}

TEST("the whole of 64 bits can be a range")
{
    struct ossdl_ranges set;
    struct ossdl_range range;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 0, UINT64_MAX));
    CHECK_U64(ossdl_ranges_total(&set), UINT64_MAX);
    CHECK_OK(ossdl_ranges_subtract(&set, UINT64_MAX - 1, UINT64_MAX));
    CHECK_U64(ossdl_ranges_total(&set), UINT64_MAX - 1);
    CHECK_OK(ossdl_ranges_add(&set, UINT64_MAX - 1, UINT64_MAX));
    CHECK_U64(ossdl_ranges_count(&set), 1);
    CHECK(ossdl_ranges_take_first(&set, UINT64_MAX - 5, &range));
    CHECK_U64(range.end, UINT64_MAX - 5);
    CHECK_OK(ossdl_ranges_subtract(&set, 0, UINT64_MAX));
    CHECK(ossdl_ranges_empty(&set));
    ossdl_ranges_cleanup(&set);
}

TEST("without memory the set stays as it was")
{
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 10, 20));
    ossdl_alloc_set_hook(refuse, NULL);
    CHECK_U64(ossdl_ranges_add(&set, 30, 40), OSSDL_EMEMORY);
    CHECK_U64(ossdl_ranges_subtract(&set, 14, 16), OSSDL_EMEMORY);
    CHECK_U64(ossdl_ranges_reserve(&set, 1), OSSDL_EMEMORY);
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK_STR(show(&set), "10-20");
    CHECK_U64(ossdl_ranges_total(&set), 10);
    ossdl_ranges_cleanup(&set);
}

TEST("a reservation no machine could keep is refused")
{
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    CHECK_U64(ossdl_ranges_reserve(&set, SIZE_MAX), OSSDL_EMEMORY);
    CHECK_OK(ossdl_ranges_add(&set, 10, 20));
    CHECK_U64(ossdl_ranges_reserve(&set, SIZE_MAX), OSSDL_EMEMORY);
    CHECK_OK(ossdl_ranges_reserve(&set, 0));
    CHECK_STR(show(&set), "10-20");
    ossdl_ranges_cleanup(&set);
}

TEST("what was reserved for can be given back without memory")
{
    struct ossdl_ranges set;
    struct ossdl_range out[16];

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 0, 1000));
    CHECK_OK(ossdl_ranges_reserve(&set, 16));
    ossdl_alloc_set_hook(refuse, NULL);
    for (int i = 0; i < 16; i++) {
        CHECK(ossdl_ranges_take_first(&set, 10, &out[i]));
    }
    for (int i = 15; i >= 0; i -= 2) {
        CHECK_OK(ossdl_ranges_add(&set, out[i].start + 1, out[i].end));
    }
    for (int i = 14; i >= 0; i -= 2) {
        CHECK_OK(ossdl_ranges_add(&set, out[i].start + 1, out[i].end));
    }
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK_U64(ossdl_ranges_count(&set), 16);
    CHECK_U64(ossdl_ranges_total(&set), 1000 - 16);
    ossdl_ranges_cleanup(&set);
}

TEST("a set can be handed over by assignment")
{
    struct ossdl_ranges set;
    struct ossdl_ranges other;

    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&set, 1, 2));
    other = set;
    ossdl_ranges_init(&set);
    CHECK_OK(ossdl_ranges_add(&other, 3, 4));
    CHECK_STR(show(&other), "1-2 3-4");
    CHECK(ossdl_ranges_empty(&set));
    ossdl_ranges_cleanup(&other);
}

#define MODEL 257

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *seed >> 33;
}

/* "" when the set is exactly the marked bytes, in canonical form. */
static const char *difference(const struct ossdl_ranges *set,
                              const bool *marked)
{
    bool seen[MODEL + 1] = {false};
    uint64_t total = 0;
    uint64_t last = 0;

    for (size_t i = 0; i < ossdl_ranges_count(set); i++) {
        struct ossdl_range range = ossdl_ranges_at(set, i);

        if (range.start >= range.end || (i > 0 && range.start <= last)) {
            return "not sorted and merged";
        }
        for (uint64_t at = range.start; at < range.end; at++) {
            seen[at] = true;
            total++;
        }
        last = range.end;
    }
    if (memcmp(seen, marked, MODEL) != 0) {
        return "wrong bytes";
    }
    return total == ossdl_ranges_total(set) ? "" : "wrong total";
}

TEST("random operations agree with a map of bytes")
{
    uint64_t seed = 21;
    bool marked[MODEL] = {false};
    struct ossdl_ranges set;

    ossdl_ranges_init(&set);
    for (int i = 0; i < 60000; i++) {
        uint64_t start = next(&seed) % MODEL;
        uint64_t end = start + next(&seed) % (i % 500 < 250 ? 6 : 60);
        uint64_t kind = next(&seed) % 8;
        struct ossdl_range range = {0, 0};

        end = end < MODEL ? end : MODEL - 1;
        if (kind < 4) {
            CHECK_OK(ossdl_ranges_add(&set, start, end));
        } else if (kind < 7) {
            CHECK_OK(ossdl_ranges_subtract(&set, start, end));
        } else if (ossdl_ranges_take_first(&set, end - start, &range)) {
            CHECK(range.end - range.start <= end - start);
            start = range.start;
            end = range.end;
            for (uint64_t at = 0; at < start; at++) {
                CHECK(!marked[at]);
            }
            for (uint64_t at = start; at < end; at++) {
                CHECK(marked[at]);
            }
        } else {
            continue;
        }
        for (uint64_t at = start; at < end; at++) {
            marked[at] = kind < 4;
        }
        CHECK_STR(difference(&set, marked), "");
    }
    ossdl_ranges_cleanup(&set);
}

TEST_MAIN()
