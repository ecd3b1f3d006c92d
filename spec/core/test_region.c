#include "guard.h"
#include "region.h"
#include "test.h"

static char found[OSSDL_REGION_BYTES];

/* "" when the host does not tell. */
static const char *region(const char *host)
{
    memset(found, 'x', sizeof found);
    if (!ossdl_region_from_host(guarded_str(host), found)) {
        return "";
    }
    return found;
}

TEST("public, internal and dual-stack hosts tell their region")
{
    CHECK_STR(region("oss-cn-hangzhou.aliyuncs.com"), "cn-hangzhou");
    CHECK_STR(region("oss-cn-hangzhou-internal.aliyuncs.com"), "cn-hangzhou");
    CHECK_STR(region("oss-ap-southeast-1.aliyuncs.com"), "ap-southeast-1");
    CHECK_STR(region("oss-us-west-1-internal.aliyuncs.com"), "us-west-1");
    CHECK_STR(region("cn-hangzhou.oss.aliyuncs.com"), "cn-hangzhou");
    CHECK_STR(region("eu-central-1.oss.aliyuncs.com"), "eu-central-1");
}

TEST("a cloudbox signs with its own id")
{
    CHECK_STR(region("cb-f8z7yvzgwfkl9q0h.cn-heyuan.oss-cloudbox.aliyuncs.com"),
              "cb-f8z7yvzgwfkl9q0h");
    CHECK_STR(region("cb-1.cn-heyuan.oss-cloudbox-control.aliyuncs.com"),
              "cb-1");
    CHECK(ossdl_region_is_cloudbox(
        guarded_str("cb-1.cn-heyuan.oss-cloudbox.aliyuncs.com")));
}

TEST("what is almost a cloudbox is none")
{
    static const char *const HOSTS[] = {
        "cn-heyuan.oss-cloudbox.aliyuncs.com",
        "cb-1.oss-cloudbox.aliyuncs.com",
        "cb-.cn-heyuan.oss-cloudbox.aliyuncs.com",
        "cb-1..oss-cloudbox.aliyuncs.com",
        "a.cb-1.cn-heyuan.oss-cloudbox.aliyuncs.com",
        "xb-1.cn-heyuan.oss-cloudbox.aliyuncs.com",
        ".oss-cloudbox.aliyuncs.com",
        "cb-1.cn-heyuan.oss-cloudbox.aliyuncs.com.example.com",
        "oss-cn-hangzhou.aliyuncs.com",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(HOSTS); i++) {
        CHECK(!ossdl_region_is_cloudbox(guarded_str(HOSTS[i])));
    }
}

TEST("hosts whose name is not the region do not tell one")
{
    static const char *const HOSTS[] = {
        "oss-accelerate.aliyuncs.com",
        "oss-accelerate-overseas.aliyuncs.com",
        "oss.aliyuncs.com",
        "oss-internal.aliyuncs.com",
        "vpc100-oss-cn-hangzhou.aliyuncs.com",
        "oss-data-acc-cn-hangzhou-internal.aliyuncs.com",
        "oss-cn-hzjbp-a-internal.aliyuncs.com",
        "oss-cn-hzjbp.aliyuncs.com",
        "oss-cn-hzfinance.aliyuncs.com",
        "oss-cn-hzfinance-internal.aliyuncs.com",
        "oss-cn-shanghai-finance-1-pub.aliyuncs.com",
        "oss-cn-shanghai-finance-1-pub-internal.aliyuncs.com",
        "oss-cn-north-2-gov-1.aliyuncs.com",
        "oss-rg-china-mainland.aliyuncs.com",
        "static.example.com",
        "localhost",
        "127.0.0.1",
        "",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(HOSTS); i++) {
        CHECK_STR(region(HOSTS[i]), "");
    }
}

TEST("hosts that only look like the service's do not tell one")
{
    static const char *const HOSTS[] = {
        "oss-cn-hangzhou.aliyuncs.com.example.com",
        "oss-cn-hangzhou.notaliyuncs.com",
        "oss-cn-hangzhou-aliyuncs.com",
        "oss-cn-hangzhou.aliyuncs.co",
        "xoss-cn-hangzhou.aliyuncs.com",
        "oss-c-hangzhou.aliyuncs.com",
        "oss-chn-hangzhou.aliyuncs.com",
        "oss-c{-hangzhou.aliyuncs.com",
        "oss-cn.aliyuncs.com",
        "oss-cn-.aliyuncs.com",
        "oss-cnx.aliyuncs.com",
        "oss-cn.x.aliyuncs.com",
        "oss-cn-1.aliyuncs.com",
        "oss-cn-hangzhou-.aliyuncs.com",
        "oss-cn-hangzhou-1a.aliyuncs.com",
        "oss-cn-hangzhou1.aliyuncs.com",
        "oss-.aliyuncs.com",
        "a.cn-hangzhou.oss.aliyuncs.com",
        ".oss.aliyuncs.com",
        ".aliyuncs.com",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(HOSTS); i++) {
        CHECK_STR(region(HOSTS[i]), "");
    }
}

TEST("an id that is too long is not taken")
{
    char host[200];
    char id[100];

    memset(id, 'a', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    snprintf(host, sizeof host, "oss-cn-%.*s.aliyuncs.com", 60, id);
    CHECK_U64(strlen(region(host)), 63);
    snprintf(host, sizeof host, "oss-cn-%.*s.aliyuncs.com", 61, id);
    CHECK_STR(region(host), "");
}

static struct ossdl_error error;

static enum ossdl_status check(const char *text)
{
    return ossdl_region_check(guarded_str(text), &error);
}

TEST("region ids pass the check")
{
    CHECK_OK(check("cn-hangzhou"));
    CHECK_OK(check("ap-southeast-1"));
    CHECK_OK(check("cn-shanghai-finance-1"));
    CHECK_OK(check("cb-f8z7yvzgwfkl9q0h"));
}

TEST("an id with the host's decoration is refused with the one to write")
{
    CHECK_U64(check("oss-cn-hangzhou"), OSSDL_EINVALID);
    CHECK_STR(error.code, "region");
    CHECK(strstr(error.message, "write region = \"cn-hangzhou\""));
    CHECK_U64(check("cn-hangzhou-internal"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "write region = \"cn-hangzhou\""));
    CHECK_U64(check("oss-us-west-1-internal"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "write region = \"us-west-1\""));
}

TEST("a region that is far too long is not printed whole")
{
    char text[1000];

    memset(text, 'a', sizeof text);
    CHECK_U64(ossdl_region_check(ossdl_slice_of(text, sizeof text), &error),
              OSSDL_EINVALID);
    CHECK(strlen(error.message) < 250);
}

TEST("what is no id is refused")
{
    static const char *const BAD[] = {
        "",
        "a",
        "CN-hangzhou",
        "cn hangzhou",
        "cn/hangzhou",
        "cn_hangzhou",
        "oss-cn-hangzhou.aliyuncs.com",
        "cn-hangzhou\n",
        "a234567890123456789012345678901234567890123456789012345678901234"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(BAD); i++) {
        CHECK_U64(check(BAD[i]), OSSDL_EINVALID);
        CHECK_STR(error.code, "region");
        CHECK(strstr(error.message, "like \"cn-hangzhou\""));
    }
    CHECK_U64(ossdl_region_check(ossdl_slice_str(NULL), NULL), OSSDL_EINVALID);
}

TEST_MAIN()
