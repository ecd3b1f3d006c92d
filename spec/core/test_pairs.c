#include "alloc.h"
#include "guard.h"
#include "pairs.h"
#include "test.h"

static enum ossdl_status add(struct ossdl_pairs *pairs, const char *name,
                             const char *value)
{
    return ossdl_pairs_add(pairs, ossdl_slice_str(name),
                           ossdl_slice_str(value));
}

/* Fails the allocation with this number, counted from 0. */
static bool fail_at(void *context, size_t size)
{
    int *left = context;

    (void) size;
    return (*left)-- != 0;
}

TEST("pairs keep their order, and a name may come twice")
{
    struct ossdl_pairs pairs;

    ossdl_pairs_init(&pairs);
    CHECK_OK(ossdl_pairs_add(&pairs, guarded_str("b"), ossdl_slice_str("1")));
    CHECK_OK(ossdl_pairs_add(&pairs, ossdl_slice_str("a"), guarded_str("2")));
    CHECK_OK(add(&pairs, "b", NULL));
    CHECK_U64(pairs.count, 3);
    CHECK_STR(pairs.items[0].name, "b");
    CHECK_STR(pairs.items[1].value, "2");
    CHECK_STR(pairs.items[2].value, "");
    ossdl_pairs_cleanup(&pairs);
    CHECK_U64(pairs.count, 0);
}

TEST("a list of all zero bytes is empty, and NULL is no list to clean up")
{
    struct ossdl_pairs pairs = {0};

    CHECK(!ossdl_pairs_get(&pairs, "a"));
    ossdl_pairs_cleanup(&pairs);
    ossdl_pairs_cleanup(&pairs);
    ossdl_pairs_cleanup(NULL);
}

TEST("values are found whatever the case of the name")
{
    struct ossdl_pairs pairs = {0};

    CHECK_OK(add(&pairs, "Range", "bytes=0-1"));
    CHECK_OK(add(&pairs, "x", "2"));
    CHECK_STR(ossdl_pairs_get(&pairs, "rAnge"), "bytes=0-1");
    CHECK(!ossdl_pairs_get(&pairs, "rang"));
    ossdl_pairs_cleanup(&pairs);
}

TEST("empty names and NUL bytes are refused")
{
    struct ossdl_pairs pairs = {0};

    CHECK_U64(add(&pairs, "", "x"), OSSDL_EINVALID);
    CHECK_U64(
        ossdl_pairs_add(&pairs, ossdl_slice_of("a\0", 2), ossdl_slice_str("x")),
        OSSDL_EINVALID);
    CHECK_U64(
        ossdl_pairs_add(&pairs, ossdl_slice_str("a"), ossdl_slice_of("\0", 1)),
        OSSDL_EINVALID);
    CHECK_U64(pairs.count, 0);
    ossdl_pairs_cleanup(&pairs);
}

TEST("names, values and the list have an end")
{
    static char long_text[OSSDL_PAIR_VALUE_MAX + 1];
    struct ossdl_pairs pairs = {0};
    struct ossdl_slice text = {long_text, sizeof long_text};
    struct ossdl_slice name = {long_text, OSSDL_PAIR_NAME_MAX + 1};

    memset(long_text, 'a', sizeof long_text);
    CHECK_U64(ossdl_pairs_add(&pairs, name, name), OSSDL_EINVALID);
    CHECK_U64(ossdl_pairs_add(&pairs, ossdl_slice_str("a"), text),
              OSSDL_EINVALID);
    name.len--;
    text.len--;
    CHECK_OK(ossdl_pairs_add(&pairs, name, text));
    for (size_t i = 1; i < OSSDL_PAIRS_MAX; i++) {
        CHECK_OK(add(&pairs, "n", "v"));
    }
    CHECK_U64(add(&pairs, "n", "v"), OSSDL_EINVALID);
    CHECK_U64(pairs.count, OSSDL_PAIRS_MAX);
    ossdl_pairs_cleanup(&pairs);
}

TEST("a copy is deep, and truncating leaves the first pairs")
{
    struct ossdl_pairs pairs = {0};
    struct ossdl_pairs copy = {0};

    CHECK_OK(add(&pairs, "a", "1"));
    CHECK_OK(add(&pairs, "b", "2"));
    CHECK_OK(ossdl_pairs_copy(&copy, &pairs));
    ossdl_pairs_truncate(&pairs, 1);
    CHECK_U64(pairs.count, 1);
    ossdl_pairs_truncate(&pairs, 5);
    CHECK_U64(pairs.count, 1);
    CHECK_STR(pairs.items[0].name, "a");
    ossdl_pairs_cleanup(&pairs);
    CHECK_STR(copy.items[1].value, "2");
    ossdl_pairs_cleanup(&copy);
}

TEST("sorting goes by the bytes of the name and is stable")
{
    static const char *const NAMES[] = {"b", "a-", "a", "B", "b", "\xc3"};
    struct ossdl_pairs pairs = {0};
    char order[8] = "";

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(NAMES); i++) {
        char value[2] = {(char) ('0' + i), '\0'};
        CHECK_OK(add(&pairs, NAMES[i], value));
    }
    ossdl_pairs_sort(&pairs);
    for (size_t i = 0; i < pairs.count; i++) {
        order[i] = pairs.items[i].value[0];
    }
    CHECK_STR(order, "321045");
    ossdl_pairs_cleanup(&pairs);
}

TEST("without memory a list stays as it was")
{
    struct ossdl_pairs pairs = {0};
    struct ossdl_pairs copy = {0};
    int left;

    for (int at = 0; at < 3; at++) {
        left = at;
        ossdl_alloc_set_hook(fail_at, &left);
        enum ossdl_status status = add(&pairs, "a", "1");
        ossdl_alloc_set_hook(NULL, NULL);
        CHECK_U64(status, OSSDL_EMEMORY);
        CHECK_U64(pairs.count, 0);
        ossdl_pairs_cleanup(&pairs);
    }
    CHECK_OK(add(&pairs, "a", "1"));
    left = 1;
    ossdl_alloc_set_hook(fail_at, &left);
    enum ossdl_status copy_status = ossdl_pairs_copy(&copy, &pairs);
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK_U64(copy_status, OSSDL_EMEMORY);
    CHECK_U64(copy.count, 0);
    ossdl_pairs_cleanup(&copy);
    ossdl_pairs_cleanup(&pairs);
}

TEST_MAIN()
