/*
 * An endpoint, a region, a bucket and a key, each up to a line end: what is
 * accepted makes a URL without an odd byte, whose host is the endpoint's.
 */
#include "buf.h"
#include "endpoint.h"
#include "fuzz.h"

static void require_url(const struct ossdl_endpoint *endpoint,
                        struct ossdl_slice bucket, struct ossdl_slice object)
{
    const char *scheme = endpoint->tls ? "https://" : "http://";
    struct ossdl_buf url;

    ossdl_buf_init(&url, OSSDL_URL_MAX);
    if (ossdl_endpoint_url(endpoint, bucket, object, NULL, &url) == OSSDL_OK) {
        struct ossdl_slice text = ossdl_buf_slice(&url);

        REQUIRE(ossdl_slice_starts(text, scheme));
        REQUIRE(strstr(ossdl_buf_str(&url), endpoint->host));
        REQUIRE(strlen(ossdl_buf_str(&url)) == text.len);
        for (size_t i = 0; i < text.len; i++) {
            REQUIRE(text.ptr[i] > 0x20 && text.ptr[i] < 0x7f);
        }
    }
    ossdl_buf_cleanup(&url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ossdl_slice input = ossdl_slice_of(data, size);
    uint8_t flags = take_byte(&input);
    struct ossdl_slice text = take_until(&input, '\n');
    struct ossdl_slice region = take_until(&input, '\n');
    struct ossdl_endpoint endpoint;
    struct ossdl_error error;

    if (ossdl_endpoint_parse(text, region, flags & 1, flags & 2, &endpoint,
                             &error)) {
        REQUIRE(error.message[0]);
        REQUIRE(is_line(error.message, sizeof error.message));
        return 0;
    }
    REQUIRE(endpoint.host[0] && is_line(endpoint.host, sizeof endpoint.host));
    REQUIRE(!strpbrk(endpoint.host, " /?#@\\%"));
    REQUIRE(endpoint.port <= 65535);
    REQUIRE(is_line(endpoint.region, sizeof endpoint.region));
    require_url(&endpoint, ossdl_slice_str("bucket"), input);
    return 0;
}
