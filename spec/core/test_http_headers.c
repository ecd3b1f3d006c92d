#include "test.h"

#include "http_headers.h"

static struct ossdl_pairs pairs_of(const char *name, const char *value)
{
    struct ossdl_pairs pairs;

    ossdl_pairs_init(&pairs);
    if (ossdl_pairs_add(&pairs, ossdl_slice_str(name),
                        ossdl_slice_str(value)) != OSSDL_OK) {
        test_failures++;
    }
    return pairs;
}

TEST("without headers only ours is there")
{
    struct ossdl_buf out;
    size_t count;

    ossdl_buf_init_secret(&out, 1000);
    CHECK_OK(ossdl_http_headers_write(NULL, &out, &count));
    CHECK_U64(count, 1);
    CHECK_U64(out.len, sizeof("Accept:"));
    CHECK_STR(out.data, "Accept:");
    ossdl_buf_cleanup(&out);
}

TEST("each header is a string of its own")
{
    struct ossdl_pairs pairs = pairs_of("Range", "bytes=0-1");
    struct ossdl_buf out;
    size_t count;

    ossdl_buf_init_secret(&out, 1000);
    CHECK_OK(ossdl_pairs_add(&pairs, ossdl_slice_str("x-empty"),
                             ossdl_slice_str("")));
    CHECK_OK(ossdl_http_headers_write(&pairs, &out, &count));
    CHECK_U64(count, 3);
    CHECK_STR(out.data + sizeof("Accept:"), "Range: bytes=0-1");
    CHECK_STR(out.data + sizeof("Accept:") + sizeof("Range: bytes=0-1"),
              "x-empty;");
    ossdl_pairs_cleanup(&pairs);
    ossdl_buf_cleanup(&out);
}

static enum ossdl_status write_one(const char *name, const char *value)
{
    struct ossdl_pairs pairs = pairs_of(name, value);
    struct ossdl_buf out;
    size_t count;
    enum ossdl_status status;

    ossdl_buf_init_secret(&out, 100);
    status = ossdl_http_headers_write(&pairs, &out, &count);
    ossdl_pairs_cleanup(&pairs);
    ossdl_buf_cleanup(&out);
    return status;
}

TEST("a header with a line break is refused")
{
    CHECK_U64(write_one("a", "b\r\nc: d"), OSSDL_EINVALID);
    CHECK_U64(write_one("a", "b\n"), OSSDL_EINVALID);
    CHECK_U64(write_one("a", "\r"), OSSDL_EINVALID);
    CHECK_U64(write_one("a\nb", "c"), OSSDL_EINVALID);
    CHECK_OK(write_one("a", "b c"));
}

TEST("headers that do not fit the buffer are out of memory")
{
    char value[200];

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    CHECK_U64(write_one("a", value), OSSDL_EMEMORY);
}

TEST("more headers than a list may hold are refused")
{
    struct ossdl_pairs pairs = {NULL, OSSDL_PAIRS_MAX + 1, 0};
    struct ossdl_buf out;
    size_t count;

    ossdl_buf_init_secret(&out, 100);
    CHECK_U64(ossdl_http_headers_write(&pairs, &out, &count), OSSDL_EINVALID);
    CHECK_U64(count, 0);
    ossdl_buf_cleanup(&out);
}

TEST_MAIN()
