#include "codec.h"
#include "guard.h"
#include "test.h"

/* The result of an append, compared and freed. */
#define CHECK_APPEND(call, expected)                            \
    do {                                                        \
        struct ossdl_buf buf;                                   \
        char text[256];                                         \
        ossdl_buf_init(&buf, 200);                              \
        enum ossdl_status status = (call);                      \
        snprintf(text, sizeof text, "%s", ossdl_buf_str(&buf)); \
        ossdl_buf_cleanup(&buf);                                \
        CHECK_OK(status);                                       \
        CHECK_STR(text, expected);                              \
    } while (0)

static bool utf8(const void *bytes, size_t len)
{
    return ossdl_utf8_valid(guarded(bytes, len));
}

#define UTF8(literal) utf8(literal, sizeof(literal) - 1)

TEST("hex is lower case and complete")
{
    char out[9];

    ossdl_hex_encode("\x00\x1f\xa0\xff", 4, out);
    CHECK_STR(out, "001fa0ff");
    ossdl_hex_encode("", 0, out);
    CHECK_STR(out, "");
}

TEST("base64 gives the examples of RFC 4648")
{
    CHECK_APPEND(ossdl_base64_append(&buf, "", 0), "");
    CHECK_APPEND(ossdl_base64_append(&buf, guarded("f", 1).ptr, 1), "Zg==");
    CHECK_APPEND(ossdl_base64_append(&buf, guarded("fo", 2).ptr, 2), "Zm8=");
    CHECK_APPEND(ossdl_base64_append(&buf, guarded("foo", 3).ptr, 3), "Zm9v");
    CHECK_APPEND(ossdl_base64_append(&buf, guarded("foob", 4).ptr, 4),
                 "Zm9vYg==");
    CHECK_APPEND(ossdl_base64_append(&buf, "\xfb\xff\xbf", 3), "+/+/");
}

TEST("percent encoding leaves the unreserved characters")
{
    const char *same = "AZaz09-._~";

    CHECK_APPEND(ossdl_percent_append(&buf, guarded_str(same), false), same);
}

TEST("percent encoding escapes everything else in upper case")
{
    CHECK_APPEND(ossdl_percent_append(&buf, guarded_str(" +%*!'()"), false),
                 "%20%2B%25%2A%21%27%28%29");
    CHECK_APPEND(
        ossdl_percent_append(&buf, guarded("\0\x7f\xe7\x9b\xae", 5), false),
        "%00%7F%E7%9B%AE");
    CHECK_APPEND(ossdl_percent_append(&buf, ossdl_slice_str(NULL), false), "");
}

TEST("percent encoding keeps slashes only when told")
{
    CHECK_APPEND(ossdl_percent_append(&buf, guarded_str("a//b"), true), "a//b");
    CHECK_APPEND(ossdl_percent_append(&buf, guarded_str("a/b"), false),
                 "a%2Fb");
}

TEST("a buffer that is too small is reported by both encodings")
{
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 3);
    CHECK_U64(ossdl_base64_append(&buf, "foo", 3), OSSDL_EMEMORY);
    ossdl_buf_cleanup(&buf);
    CHECK_U64(ossdl_percent_append(&buf, ossdl_slice_str("a  "), true),
              OSSDL_EMEMORY);
    ossdl_buf_cleanup(&buf);
}

TEST("lower-casing touches A to Z alone")
{
    char text[] = "@AZ[`az{\xc4";

    ossdl_ascii_lower(text, strlen(text));
    CHECK_STR(text, "@az[`az{\xc4");
}

TEST("trimming takes spaces and tabs from the ends")
{
    CHECK(ossdl_slice_is(ossdl_slice_trim(guarded_str(" \ta  b\t ")), "a  b"));
    CHECK(ossdl_slice_is(ossdl_slice_trim(guarded_str("a")), "a"));
    CHECK(ossdl_slice_is(ossdl_slice_trim(guarded_str("\n")), "\n"));
    CHECK_U64(ossdl_slice_trim(guarded_str(" \t ")).len, 0);
    CHECK_U64(ossdl_slice_trim(ossdl_slice_str(NULL)).len, 0);
}

TEST("UTF-8 of one to four bytes is valid up to the limits")
{
    CHECK(ossdl_utf8_valid(ossdl_slice_str(NULL)));
    CHECK(UTF8("\x00\x7f"));
    CHECK(UTF8("\xc2\x80\xdf\xbf"));
    CHECK(UTF8("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"));
    CHECK(UTF8("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
    CHECK(UTF8("\xe7\x9b\xae/\xf0\x9f\x98\x80.bin"));
}

TEST("UTF-8 that is cut short is invalid and not read past its end")
{
    CHECK(!UTF8("\xc2"));
    CHECK(!UTF8("\xe7\x9b"));
    CHECK(!UTF8("\xe7"));
    CHECK(!UTF8("abc\xf0\x9f\x98"));
    CHECK(!UTF8("\xf0"));
}

TEST("UTF-8 with a stray, missing or impossible byte is invalid")
{
    CHECK(!UTF8("\x80"));
    CHECK(!UTF8("\xbf"));
    CHECK(!UTF8("\xc2"
                "a"));
    CHECK(!UTF8("\xe7\x9b"
                "a"));
    CHECK(!UTF8("\xe7"
                "a"
                "\xae"));
    CHECK(!UTF8("\xf0\x9f\x98"
                "a"));
    CHECK(!UTF8("\xf5\x80\x80\x80"));
    CHECK(!UTF8("\xff"));
}

TEST("overlong UTF-8, surrogates and numbers too large are invalid")
{
    CHECK(!UTF8("\xc0\x80"));
    CHECK(!UTF8("\xc1\xbf"));
    CHECK(!UTF8("\xe0\x9f\xbf"));
    CHECK(!UTF8("\xf0\x8f\xbf\xbf"));
    CHECK(!UTF8("\xed\xa0\x80"));
    CHECK(!UTF8("\xf4\x90\x80\x80"));
}

TEST_MAIN()
