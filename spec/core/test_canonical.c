#include "alloc.h"
#include "canonical.h"
#include "guard.h"
#include "test.h"

static char result[4096];

static const char *query(const char *const *names_and_values)
{
    struct ossdl_pairs pairs = {0};
    struct ossdl_buf buf;
    enum ossdl_status status = OSSDL_OK;

    ossdl_buf_init(&buf, sizeof result - 1);
    for (; status == OSSDL_OK && *names_and_values; names_and_values += 2) {
        status = ossdl_pairs_add(&pairs, ossdl_slice_str(names_and_values[0]),
                                 ossdl_slice_str(names_and_values[1]));
    }
    if (status == OSSDL_OK) {
        status = ossdl_canonical_query(&pairs, &buf);
    }
    snprintf(result, sizeof result, "%s",
             status == OSSDL_OK ? ossdl_buf_str(&buf) : "failed");
    ossdl_buf_cleanup(&buf);
    ossdl_pairs_cleanup(&pairs);
    return result;
}

#define QUERY(...) query((const char *const[]){__VA_ARGS__, NULL, NULL})

static const char *path(const char *bucket, const char *object, bool encoded)
{
    struct ossdl_buf buf;
    enum ossdl_status status;

    ossdl_buf_init(&buf, sizeof result - 1);
    status = ossdl_canonical_path(ossdl_slice_str(bucket), guarded_str(object),
                                  encoded, &buf);
    snprintf(result, sizeof result, "%s",
             status == OSSDL_OK ? ossdl_buf_str(&buf) : "failed");
    ossdl_buf_cleanup(&buf);
    return result;
}

TEST("a query has its names sorted and both sides encoded")
{
    CHECK_STR(QUERY("b", "2", "a", "x y/+"), "a=x%20y%2F%2B&b=2");
    CHECK_STR(QUERY("a/b c", "1"), "a%2Fb%20c=1");
}

TEST("an empty value leaves the equals sign out")
{
    CHECK_STR(QUERY("acl", "", "b", "1"), "acl&b=1");
}

TEST("names are sorted alone, and not together with their values")
{
    CHECK_STR(QUERY("a-b", "1", "a", "1"), "a=1&a-b=1");
    CHECK_STR(QUERY("aa", "1", "a", ""), "a&aa=1");
}

TEST("names are sorted by their encoded bytes")
{
    CHECK_STR(QUERY("a-", "2", "a:", "1"), "a%3A=1&a-=2");
    CHECK_STR(QUERY("~", "1", "\xc3\xa9", "2"), "%C3%A9=2&~=1");
    CHECK_STR(QUERY("\xe4", "1", "!", "2", "\xc3", "3"), "%21=2&%C3=3&%E4=1");
    CHECK_STR(QUERY("b", "1", "B", "2", "_", "3", "1", "4"), "1=4&B=2&_=3&b=1");
}

TEST("equal names keep their order")
{
    CHECK_STR(QUERY("a", "2", "a", "1", "A", "3"), "A=3&a=2&a=1");
}

/* The order must be that of the finished text, for any byte. */
TEST("every pair of single bytes is in the order of its encoding")
{
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            char names[2][2] = {{(char) a, 0}, {(char) b, 0}};
            const char *text = QUERY(names[0], "", names[1], "");
            const char *second = strchr(text, '&') + 1;

            CHECK(strncmp(text, second, strlen(second)) <= 0);
        }
    }
}

TEST("a path is encoded for V4 and left alone for V1")
{
    CHECK_STR(path("bucket-1", "a b/+%.bin", true),
              "/bucket-1/a%20b/%2B%25.bin");
    CHECK_STR(path("bucket-1", "a b/+%.bin", false), "/bucket-1/a b/+%.bin");
    CHECK_STR(path("b?", "", true), "/b%3F/");
}

TEST("a path without object or bucket ends in a slash")
{
    CHECK_STR(path("bucket-1", "", true), "/bucket-1/");
    CHECK_STR(path("", "", true), "/");
    CHECK_STR(path("", "", false), "/");
}

TEST("a path is not tidied up")
{
    CHECK_STR(path("b", "/x//../y", true), "/b//x//../y");
}

TEST("headers come sorted, in lower case and trimmed")
{
    struct ossdl_pairs headers = {0};
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 100);
    CHECK_OK(ossdl_canonical_header_add(&headers, "X-OSS-Meta-B",
                                        ossdl_slice_str(" 1  2 \t")));
    CHECK_OK(ossdl_canonical_header_add(&headers, "x-oss-meta-A",
                                        ossdl_slice_str("3")));
    CHECK_OK(ossdl_canonical_headers(&headers, &buf));
    CHECK_STR(ossdl_buf_str(&buf), "x-oss-meta-a:3\nx-oss-meta-b:1  2\n");
    CHECK_U64(ossdl_canonical_header_add(&headers, "", ossdl_slice_str("x")),
              OSSDL_EINVALID);
    ossdl_pairs_cleanup(&headers);
    ossdl_buf_cleanup(&buf);
}

TEST("no headers are no text")
{
    struct ossdl_pairs headers = {0};
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 100);
    CHECK_OK(ossdl_canonical_headers(&headers, &buf));
    CHECK_U64(buf.len, 0);
    ossdl_buf_cleanup(&buf);
}

TEST("a full buffer is reported")
{
    struct ossdl_pairs pairs = {0};
    struct ossdl_buf buf;

    CHECK_OK(ossdl_pairs_add(&pairs, ossdl_slice_str("name"),
                             ossdl_slice_str("value")));
    ossdl_buf_init(&buf, 6);
    CHECK_U64(ossdl_canonical_query(&pairs, &buf), OSSDL_EMEMORY);
    ossdl_buf_reset(&buf);
    CHECK_U64(ossdl_canonical_headers(&pairs, &buf), OSSDL_EMEMORY);
    ossdl_buf_reset(&buf);
    CHECK_U64(ossdl_canonical_path(ossdl_slice_str("bucket"),
                                   ossdl_slice_str("o"), true, &buf),
              OSSDL_EMEMORY);
    ossdl_buf_cleanup(&buf);
    ossdl_pairs_cleanup(&pairs);
}

TEST_MAIN()
