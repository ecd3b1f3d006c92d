#include "buf.h"

#include "alloc.h"
#include "test.h"

static bool refuse(void *context, size_t size)
{
    (void) context;
    (void) size;
    return false;
}

TEST("appended bytes stand one after the other and end in a NUL")
{
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 1000);
    CHECK_STR(ossdl_buf_str(&buf), "");
    CHECK_OK(ossdl_buf_append_str(&buf, "ab"));
    CHECK_OK(ossdl_buf_append_char(&buf, 'c'));
    CHECK_OK(ossdl_buf_append_slice(&buf, ossdl_slice_of("def", 2)));
    CHECK_OK(ossdl_buf_printf(&buf, "%d", 42));
    CHECK_OK(ossdl_buf_append(&buf, NULL, 0));
    CHECK_STR(ossdl_buf_str(&buf), "abcde42");
    CHECK(ossdl_slice_is(ossdl_buf_slice(&buf), "abcde42"));
    ossdl_buf_cleanup(&buf);
    ossdl_buf_cleanup(&buf);
}

TEST("the maximum is exact, and passing it sticks until reset")
{
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 4);
    CHECK_OK(ossdl_buf_append_str(&buf, "abcd"));
    CHECK_U64(ossdl_buf_append_char(&buf, 'e'), OSSDL_EMEMORY);
    CHECK_U64(ossdl_buf_append(&buf, "", 0), OSSDL_EMEMORY);
    CHECK_U64(ossdl_buf_check(&buf), OSSDL_EMEMORY);
    CHECK_STR(ossdl_buf_str(&buf), "abcd");
    ossdl_buf_reset(&buf);
    CHECK_OK(ossdl_buf_check(&buf));
    CHECK_U64(ossdl_buf_printf(&buf, "%s", "abcde"), OSSDL_EMEMORY);
    ossdl_buf_cleanup(&buf);
}

TEST("a secret buffer grows without realloc and keeps its content")
{
    struct ossdl_buf buf;
    char expected[301] = "";

    ossdl_buf_init_secret(&buf, 1000);
    for (int i = 0; i < 100; i++) {
        CHECK_OK(ossdl_buf_append_str(&buf, "abc"));
        memcpy(expected + 3 * i, "abc", 4);
    }
    CHECK_STR(ossdl_buf_str(&buf), expected);
    ossdl_buf_reset(&buf);
    CHECK_STR(ossdl_buf_str(&buf), "");
    ossdl_buf_cleanup(&buf);
}

TEST("a failed allocation leaves the content and sticks")
{
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 1000);
    CHECK_OK(ossdl_buf_append_str(&buf, "abc"));
    ossdl_alloc_set_hook(refuse, NULL);
    CHECK_U64(ossdl_buf_printf(&buf, "%200d", 1), OSSDL_EMEMORY);
    ossdl_alloc_set_hook(NULL, NULL);
    CHECK_STR(ossdl_buf_str(&buf), "abc");
    CHECK_U64(ossdl_buf_append_char(&buf, 'd'), OSSDL_EMEMORY);
    ossdl_buf_cleanup(&buf);
}

TEST_MAIN()
