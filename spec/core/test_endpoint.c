#include "endpoint.h"
#include "guard.h"
#include "test.h"

static struct ossdl_error error;
static struct ossdl_endpoint endpoint;

static enum ossdl_status parse_as(const char *text, const char *region,
                                  bool path_style, bool cname)
{
    memset(&error, 0, sizeof error);
    return ossdl_endpoint_parse(guarded_str(text), ossdl_slice_str(region),
                                path_style, cname, &endpoint, &error);
}

static enum ossdl_status parse(const char *text)
{
    return parse_as(text, "", false, false);
}

static char built[2048];

static const char *url_of(const char *bucket, const char *object,
                          const struct ossdl_pairs *query)
{
    struct ossdl_buf buf;
    enum ossdl_status status;

    ossdl_buf_init(&buf, sizeof built - 1);
    status = ossdl_endpoint_url(&endpoint, ossdl_slice_str(bucket),
                                ossdl_slice_str(object), query, &buf);
    snprintf(built, sizeof built, "%s",
             status == OSSDL_OK ? ossdl_buf_str(&buf) : "failed");
    ossdl_buf_cleanup(&buf);
    return built;
}

TEST("a bare host is https, virtual-host style, with a derived region")
{
    CHECK_OK(parse("oss-cn-hangzhou.aliyuncs.com"));
    CHECK(endpoint.tls);
    CHECK_STR(endpoint.host, "oss-cn-hangzhou.aliyuncs.com");
    CHECK_U64(endpoint.port, 0);
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_VIRTUAL);
    CHECK_STR(endpoint.region, "cn-hangzhou");
    CHECK_STR(endpoint.product, "oss");
    CHECK_OK(ossdl_endpoint_check_region(&endpoint, &error));
}

TEST("scheme, case, port and a closing slash are understood")
{
    CHECK_OK(parse("HTTP://OSS-cn-Hangzhou.Aliyuncs.com:8080/"));
    CHECK(!endpoint.tls);
    CHECK_STR(endpoint.host, "oss-cn-hangzhou.aliyuncs.com");
    CHECK_U64(endpoint.port, 8080);
    CHECK_STR(endpoint.region, "cn-hangzhou");
    CHECK_OK(parse("https://oss-cn-hangzhou.aliyuncs.com"));
    CHECK(endpoint.tls);
}

TEST("a scheme's own port needs no mention")
{
    CHECK_OK(parse("https://a.example.com:443"));
    CHECK_U64(endpoint.port, 0);
    CHECK_OK(parse("http://a.example.com:80"));
    CHECK_U64(endpoint.port, 0);
    CHECK_OK(parse("https://a.example.com:80"));
    CHECK_U64(endpoint.port, 80);
    CHECK_OK(parse("a.example.com:65535"));
    CHECK_U64(endpoint.port, 65535);
}

TEST("addresses and localhost mean path style")
{
    CHECK_OK(parse("http://127.0.0.1:9000"));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_PATH);
    CHECK_STR(endpoint.host, "127.0.0.1");
    CHECK_OK(parse("http://[::1]:9000/"));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_PATH);
    CHECK_STR(endpoint.host, "[::1]");
    CHECK_U64(endpoint.port, 9000);
    CHECK_OK(parse("[2001:DB8::1]"));
    CHECK_STR(endpoint.host, "[2001:db8::1]");
    CHECK_OK(parse("[::ffff:127.0.0.1]:81"));
    CHECK_OK(parse("localhost"));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_PATH);
    CHECK_OK(parse("oss.localhost"));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_VIRTUAL);
}

TEST("the style can be chosen, but not twice")
{
    CHECK_OK(parse_as("oss-cn-hangzhou.aliyuncs.com", "", true, false));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_PATH);
    CHECK_OK(parse_as("static.example.com", "cn-hangzhou", false, true));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_CNAME);
    CHECK_OK(parse_as("127.0.0.1", "cn-hangzhou", false, true));
    CHECK_U64(endpoint.style, OSSDL_ENDPOINT_CNAME);
    CHECK_U64(parse_as("static.example.com", "", true, true), OSSDL_EINVALID);
    CHECK_STR(error.code, "cname");
}

TEST("a given region counts more than the host")
{
    CHECK_OK(
        parse_as("oss-cn-hangzhou.aliyuncs.com", "cn-shanghai", false, false));
    CHECK_STR(endpoint.region, "cn-shanghai");
    CHECK_U64(parse_as("oss-cn-hangzhou.aliyuncs.com", "oss-cn-hangzhou", false,
                       false),
              OSSDL_EINVALID);
    CHECK_STR(error.code, "region");
}

TEST("an unknown region is asked for when it is needed")
{
    CHECK_OK(parse("oss-accelerate.aliyuncs.com"));
    CHECK_STR(endpoint.region, "");
    CHECK_U64(ossdl_endpoint_check_region(&endpoint, &error), OSSDL_EINVALID);
    CHECK_STR(error.code, "region");
    CHECK(strstr(error.message, "oss-accelerate.aliyuncs.com"));
    CHECK(strstr(error.message, "option region"));
}

TEST("a cloudbox has its own product in the scope")
{
    CHECK_OK(parse("cb-1.cn-heyuan.oss-cloudbox.aliyuncs.com"));
    CHECK_STR(endpoint.product, "oss-cloudbox");
    CHECK_STR(endpoint.region, "cb-1");
}

TEST("a bucket in the endpoint is noticed")
{
    CHECK_U64(parse("models.oss-cn-hangzhou.aliyuncs.com"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "endpoint = \"oss-cn-hangzhou.aliyuncs.com\""));
    CHECK_U64(parse("models.cn-hangzhou.oss.aliyuncs.com"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "endpoint = \"cn-hangzhou.oss.aliyuncs.com\""));
    CHECK_U64(parse("https://models.oss-accelerate.aliyuncs.com/"),
              OSSDL_EINVALID);
    CHECK_OK(parse_as("models.oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou",
                      false, true));
    CHECK_OK(parse("cn-hangzhou.oss.aliyuncs.com"));
    CHECK_OK(parse("a.b.c.example.com"));
    CHECK_OK(parse("a.b.x.oss-y.aliyuncs.com"));
}

TEST("what is more than host and port is refused and not shown")
{
    static const char *const BAD[] = {
        "https://user:hunter2@oss-cn-hangzhou.aliyuncs.com",
        "user@oss-cn-hangzhou.aliyuncs.com",
        "https://oss-cn-hangzhou.aliyuncs.com/hunter2",
        "oss-cn-hangzhou.aliyuncs.com//",
        "oss-cn-hangzhou.aliyuncs.com?Signature=hunter2",
        "oss-cn-hangzhou.aliyuncs.com#hunter2",
        "oss-cn-hangzhou.aliyuncs.com\\hunter2",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(BAD); i++) {
        CHECK_U64(parse(BAD[i]), OSSDL_EINVALID);
        CHECK_STR(error.code, "endpoint");
        CHECK(!strstr(error.message, "hunter2"));
        CHECK(strstr(error.message, "write only host[:port]"));
    }
}

TEST("an unknown scheme or no host is refused")
{
    CHECK_U64(parse("ftp://a.example.com"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "scheme"));
    CHECK_U64(parse("://a"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "scheme"));
    CHECK_U64(parse(""), OSSDL_EINVALID);
    CHECK(strstr(error.message, "no host"));
    CHECK_U64(parse("https://"), OSSDL_EINVALID);
    CHECK_U64(parse("http:///"), OSSDL_EINVALID);
    CHECK_U64(parse("/"), OSSDL_EINVALID);
    CHECK_U64(ossdl_endpoint_parse(ossdl_slice_str(NULL), ossdl_slice_str(NULL),
                                   false, false, &endpoint, &error),
              OSSDL_EINVALID);
}

TEST("ports outside of 1 to 65535 are refused")
{
    static const char *const BAD[] = {
        "a.example.com:",      "a.example.com:0",
        "a.example.com:65536", "a.example.com:99999999999999999999",
        "a.example.com:-1",    "a.example.com:80x",
        "a.example.com: 80",   "[::1]:",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(BAD); i++) {
        CHECK_U64(parse(BAD[i]), OSSDL_EINVALID);
        CHECK(strstr(error.message, "1 to 65535"));
    }
}

TEST("an IPv6 address needs its brackets and must be one")
{
    CHECK_U64(parse("::1"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "brackets"));
    CHECK_U64(parse("a:1:2"), OSSDL_EINVALID);
    CHECK_U64(parse("[::1]x"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "brackets"));
    CHECK_U64(parse("[::1"), OSSDL_EINVALID);
    CHECK_U64(parse("["), OSSDL_EINVALID);
    CHECK_U64(parse("[]"), OSSDL_EINVALID);
    CHECK_U64(parse("[::g]"), OSSDL_EINVALID);
    CHECK_U64(parse("[127.0.0.1]"), OSSDL_EINVALID);
    CHECK_U64(parse("[fe80::1%eth0]"), OSSDL_EINVALID);
    CHECK_U64(parse("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"),
              OSSDL_EINVALID);
}

TEST("host names follow the rules of DNS")
{
    static const char *const BAD[] = {
        ".",
        ".a",
        "a..b",
        "a.",
        "-a.com",
        "a-.com",
        "a.com-",
        "a b.com",
        "a\n.com",
        "a%2f.com",
        "caf\xc3\xa9.com",
        "a*.com",
        "a,b",
        "a{b",
        "a234567890123456789012345678901234567890123456789012345678901234.com",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(BAD); i++) {
        CHECK_U64(parse(BAD[i]), OSSDL_EINVALID);
        CHECK(strstr(error.message, "is no host name"));
        CHECK(!strchr(error.message, '\n'));
    }
    CHECK_OK(parse("oss_mock.internal-net.example.com"));
    CHECK_OK(parse("xn--caf-dma.com"));
    CHECK_OK(parse(
        "a23456789012345678901234567890123456789012345678901234567890123.com"));
}

TEST("a host that is missing or far too long is not printed whole")
{
    char host[200];

    CHECK_U64(parse(":80"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "\"\" is no host name"));
    memset(host, 'a', sizeof host);
    CHECK_U64(ossdl_endpoint_parse(ossdl_slice_of(host, sizeof host),
                                   ossdl_slice_str(""), false, false, &endpoint,
                                   &error),
              OSSDL_EINVALID);
    CHECK(strlen(error.message) < 250);
}

TEST("numbers that are no IPv4 address are refused")
{
    static const char *const BAD[] = {"127.1", "256.1.1.1", "2130706433",
                                      "1.2.3.4.5"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(BAD); i++) {
        CHECK_U64(parse(BAD[i]), OSSDL_EINVALID);
        CHECK(strstr(error.message, "four numbers"));
    }
}

TEST("a host that is too long or has a NUL byte is refused")
{
    char host[260];

    for (size_t i = 0; i < sizeof host; i++) {
        host[i] = i % 50 == 49 ? '.' : 'a';
    }
    CHECK_OK(ossdl_endpoint_parse(ossdl_slice_of(host, 253),
                                  ossdl_slice_str(""), false, false, &endpoint,
                                  &error));
    CHECK_U64(ossdl_endpoint_parse(ossdl_slice_of(host, 254),
                                   ossdl_slice_str(""), false, false, &endpoint,
                                   &error),
              OSSDL_EINVALID);
    CHECK_U64(ossdl_endpoint_parse(guarded("a.com\0.b", 8), ossdl_slice_str(""),
                                   false, false, &endpoint, &error),
              OSSDL_EINVALID);
}

TEST("a URL in each style has bucket and key in their places")
{
    CHECK_OK(parse("oss-cn-hangzhou.aliyuncs.com"));
    CHECK_STR(url_of("models", "a b/c+d", NULL),
              "https://models.oss-cn-hangzhou.aliyuncs.com/a%20b/c%2Bd");
    CHECK_OK(parse("http://127.0.0.1:9000"));
    CHECK_STR(url_of("models", "../x", NULL),
              "http://127.0.0.1:9000/models/../x");
    CHECK_OK(parse("http://[::1]:9000"));
    CHECK_STR(url_of("models", "x", NULL), "http://[::1]:9000/models/x");
    CHECK_OK(parse_as("static.example.com", "", false, true));
    CHECK_STR(url_of("models", "x", NULL), "https://static.example.com/x");
}

TEST("a URL of the bucket or the service ends in a slash")
{
    CHECK_OK(parse("oss-cn-hangzhou.aliyuncs.com"));
    CHECK_STR(url_of("models", "", NULL),
              "https://models.oss-cn-hangzhou.aliyuncs.com/");
    CHECK_STR(url_of("", "", NULL), "https://oss-cn-hangzhou.aliyuncs.com/");
    CHECK_OK(parse("http://127.0.0.1"));
    CHECK_STR(url_of("models", "", NULL), "http://127.0.0.1/models/");
    CHECK_STR(url_of("", "", NULL), "http://127.0.0.1/");
}

TEST("a URL carries the parameters encoded and sorted")
{
    struct ossdl_pairs query = {0};

    CHECK_OK(parse("oss-cn-hangzhou.aliyuncs.com"));
    CHECK_STR(url_of("b", "k", &query),
              "https://b.oss-cn-hangzhou.aliyuncs.com/k");
    CHECK_OK(ossdl_pairs_add(&query, ossdl_slice_str("versionId"),
                             ossdl_slice_str("a/+=")));
    CHECK_OK(
        ossdl_pairs_add(&query, ossdl_slice_str("acl"), ossdl_slice_str("")));
    CHECK_STR(url_of("b", "k", &query),
              "https://b.oss-cn-hangzhou.aliyuncs.com/"
              "k?acl&versionId=a%2F%2B%3D");
    ossdl_pairs_cleanup(&query);
}

TEST("a URL that does not fit is reported")
{
    struct ossdl_buf buf;

    CHECK_OK(parse("oss-cn-hangzhou.aliyuncs.com"));
    ossdl_buf_init(&buf, 20);
    CHECK_U64(ossdl_endpoint_url(&endpoint, ossdl_slice_str("b"),
                                 ossdl_slice_str("k"), NULL, &buf),
              OSSDL_EMEMORY);
    ossdl_buf_cleanup(&buf);
}

TEST("a region has a public endpoint")
{
    struct ossdl_buf buf;

    ossdl_buf_init(&buf, 100);
    CHECK_OK(ossdl_endpoint_from_region(ossdl_slice_str("us-west-1"), &buf));
    CHECK_STR(ossdl_buf_str(&buf), "https://oss-us-west-1.aliyuncs.com");
    CHECK_OK(parse(ossdl_buf_str(&buf)));
    CHECK_STR(endpoint.region, "us-west-1");
    ossdl_buf_reset(&buf);
    CHECK_U64(
        ossdl_endpoint_from_region(ossdl_slice_str("oss-us-west-1"), &buf),
        OSSDL_EINVALID);
    CHECK_U64(ossdl_endpoint_from_region(ossdl_slice_str("cb-1"), &buf),
              OSSDL_EINVALID);
    CHECK_U64(buf.len, 0);
    ossdl_buf_cleanup(&buf);
}

TEST_MAIN()
