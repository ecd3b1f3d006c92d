#include "guard.h"
#include "names.h"
#include "test.h"

static struct ossdl_error error;

static enum ossdl_status bucket(const char *name)
{
    memset(&error, 0, sizeof error);
    return ossdl_bucket_check(guarded_str(name), &error);
}

static enum ossdl_status object(const void *name, size_t len)
{
    memset(&error, 0, sizeof error);
    return ossdl_object_check(guarded(name, len), &error);
}

#define OBJECT(literal) object(literal, sizeof(literal) - 1)

typedef enum ossdl_status(check_fn)(const struct ossdl_pairs *pairs,
                                    struct ossdl_error *err);

/* Runs a check over a list of one or two pairs. */
static enum ossdl_status list(check_fn *check, const char *name,
                              const char *value, const char *second)
{
    struct ossdl_pairs pairs = {0};
    enum ossdl_status status;

    memset(&error, 0, sizeof error);
    status =
        ossdl_pairs_add(&pairs, ossdl_slice_str(name), ossdl_slice_str(value));
    if (status == OSSDL_OK && second) {
        status = ossdl_pairs_add(&pairs, ossdl_slice_str(second),
                                 ossdl_slice_str("x"));
    }
    if (status == OSSDL_OK) {
        status = check(&pairs, &error);
    }
    ossdl_pairs_cleanup(&pairs);
    return status;
}

static enum ossdl_status header(const char *name, const char *value)
{
    return list(ossdl_headers_check, name, value, NULL);
}

static enum ossdl_status parameter(const char *name, const char *value)
{
    return list(ossdl_query_check, name, value, NULL);
}

TEST("bucket names of 3 to 63 lower-case letters, digits and hyphens pass")
{
    CHECK_OK(bucket("abc"));
    CHECK_OK(bucket("0-9"));
    CHECK_OK(bucket("a--b"));
    CHECK_OK(bucket("a23456789012345678901234567890123456789012345678901234567"
                    "890123"));
}

TEST("other bucket names are refused with the rule")
{
    static const char *const BAD[] = {
        "ab",
        "-abc",
        "abc-",
        "aBc",
        "a_b",
        "a.b",
        "a b",
        "a{b",
        "a/b",
        "caf\xc3\xa9",
        "abc\n",
        "a234567890123456789012345678901234567890123456789012345678901234"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(BAD); i++) {
        CHECK_U64(bucket(BAD[i]), OSSDL_EINVALID);
        CHECK_STR(error.code, "bucket");
        CHECK(strstr(error.message, "3 to 63"));
    }
    CHECK_U64(bucket(""), OSSDL_EINVALID);
    CHECK(strstr(error.message, "empty"));
    CHECK_U64(ossdl_bucket_check(ossdl_slice_str(NULL), NULL), OSSDL_EINVALID);
}

TEST("a bucket name that is far too long is not printed whole")
{
    static char name[5000];

    memset(name, 'a', sizeof name);
    CHECK_U64(ossdl_bucket_check(ossdl_slice_of(name, sizeof name), &error),
              OSSDL_EINVALID);
    CHECK(strlen(error.message) < 250);
    CHECK(strstr(error.message, "3 to 63"));
}

TEST("object names may be almost anything")
{
    CHECK_OK(OBJECT("a"));
    CHECK_OK(OBJECT("a//b/../c "));
    CHECK_OK(OBJECT("tab\there\nline\x7f?#%*"));
    CHECK_OK(OBJECT("\xe7\x9b\xae\xe5\xbd\x95/\xf0\x9f\x98\x80"));
    CHECK_OK(OBJECT("folder/"));
    CHECK_OK(OBJECT("."));
}

TEST("object names have 1 to 1023 bytes")
{
    static char name[1024];

    memset(name, 'k', sizeof name);
    CHECK_OK(object(name, 1023));
    CHECK_U64(object(name, 1024), OSSDL_EINVALID);
    CHECK(strstr(error.message, "1024 bytes; OSS allows 1023"));
    CHECK_U64(object("", 0), OSSDL_EINVALID);
    CHECK(strstr(error.message, "empty"));
}

TEST("object names that OSS forbids are refused")
{
    CHECK_U64(OBJECT("/a"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "leave that character out"));
    CHECK_U64(OBJECT("\\a"), OSSDL_EINVALID);
    CHECK_U64(OBJECT("a\0b"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "NUL"));
    CHECK_U64(OBJECT("a\xff"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "UTF-8"));
    CHECK_U64(OBJECT("a\xe7\x9b"), OSSDL_EINVALID);
    CHECK_STR(error.code, "object");
}

TEST("header names are tokens")
{
    CHECK(ossdl_header_name_valid(guarded_str("X-a_9!#$%&'*+.^`|~")));
    CHECK(!ossdl_header_name_valid(ossdl_slice_str(NULL)));
    CHECK(!ossdl_header_name_valid(guarded_str("a b")));
    CHECK(!ossdl_header_name_valid(guarded_str("a:")));
    CHECK(!ossdl_header_name_valid(guarded_str("a\n")));
    CHECK(!ossdl_header_name_valid(guarded_str("\xc3\xa9")));
    CHECK(!ossdl_header_name_valid(guarded("a\0", 2)));
}

TEST("ordinary headers pass")
{
    CHECK_OK(header("x-oss-request-payer", "requester"));
    CHECK_OK(header("X-Trace", "a  b, \xe5\x90\x8d"));
    CHECK_OK(header("Content-Type", "text/plain"));
}

TEST("a line break in a header is refused by the header's name")
{
    static const char *const VALUES[] = {"a\r\nX-Evil: 1", "a\n",   "\ra",
                                         "a\tb",           "a\x7f", "\x01"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(VALUES); i++) {
        CHECK_U64(header("X-Trace", VALUES[i]), OSSDL_EINVALID);
        CHECK(strstr(error.message, "headers[\"X-Trace\"]"));
        CHECK(!strstr(error.message, "Evil"));
    }
    CHECK_U64(header("X-Trace\r\nX-Evil", "1"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "not a legal header name"));
    CHECK(!strpbrk(error.message, "\r\n"));
}

TEST("an empty header value is refused")
{
    CHECK_U64(header("X-Trace", ""), OSSDL_EINVALID);
    CHECK_U64(header("X-Trace", "  "), OSSDL_EINVALID);
    CHECK(strstr(error.message, "empty"));
}

TEST("a header given twice is refused whatever its case")
{
    CHECK_U64(list(ossdl_headers_check, "X-Trace", "1", "x-trACE"),
              OSSDL_EINVALID);
    CHECK(strstr(error.message, "twice"));
    CHECK_OK(list(ossdl_headers_check, "X-Trace", "1", "X-Other"));
}

TEST("headers that belong to the engine are refused with the way to go")
{
    static const char *const OWNED[][2] = {
        {"Range", "ranges"},
        {"if-match", "version_id"},
        {"If-None-Match", "conditions"},
        {"Authorization", "access_key_id"},
        {"HOST", "endpoint"},
        {"Accept-Encoding", "stored"},
        {"Content-Length", "connection"},
        {"Transfer-Encoding", "connection"},
        {"Connection", "connection"},
        {"Date", "signature"},
        {"x-oss-date", "signature"},
        {"X-Oss-Content-Sha256", "signature"},
        {"x-oss-security-token", "security_token"},
        {"x-oss-range-behavior", "ranges"},
        {"x-oss-traffic-limit", "traffic_limit"},
        {"User-Agent", "user_agent"},
        {"Proxy-Authorization", "proxy"},
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(OWNED); i++) {
        CHECK_U64(header(OWNED[i][0], "x"), OSSDL_EINVALID);
        CHECK_STR(error.code, "headers");
        CHECK(strstr(error.message, OWNED[i][0]));
        CHECK(strstr(error.message, OWNED[i][1]));
    }
}

TEST("ordinary parameters pass")
{
    CHECK_OK(parameter("response-content-type", "a/b"));
    CHECK_OK(parameter("x-oss-ac-subject", ""));
    CHECK_OK(parameter("foo", "\xe5\x90\x8d\n"));
}

TEST("parameters that sign, choose a version or change the answer are refused")
{
    static const char *const OWNED[][2] = {
        {"x-oss-signature", "signature"},
        {"x-oss-signature-version", "signature"},
        {"x-oss-credential", "signature"},
        {"x-oss-date", "signature"},
        {"x-oss-expires", "signature"},
        {"x-oss-additional-headers", "signature"},
        {"x-oss-security-token", "security_token"},
        {"Signature", "signature"},
        {"OSSAccessKeyId", "signature"},
        {"Expires", "signature"},
        {"security-token", "security_token"},
        {"versionId", "version_id"},
        {"x-oss-process", "no fixed length"},
        {"x-oss-async-process", "no fixed length"},
        {"x-oss-traffic-limit", "traffic_limit"},
        {"response-content-encoding", "stored"},
        {"acl", "bytes"},
        {"objectMeta", "bytes"},
        {"symlink", "bytes"},
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(OWNED); i++) {
        CHECK_U64(parameter(OWNED[i][0], "x"), OSSDL_EINVALID);
        CHECK_STR(error.code, "query");
        CHECK(strstr(error.message, OWNED[i][0]));
        CHECK(strstr(error.message, OWNED[i][1]));
    }
}

TEST("parameters are UTF-8 and come once")
{
    CHECK_U64(parameter("a\xff", "x"), OSSDL_EINVALID);
    CHECK_U64(parameter("a", "\xff"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "UTF-8"));
    CHECK_U64(list(ossdl_query_check, "a", "1", "a"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "twice"));
    CHECK_OK(list(ossdl_query_check, "a", "1", "b"));
}

TEST("whoever makes a signed URL may ask for processing, but not sign twice")
{
    CHECK_OK(
        list(ossdl_query_check_unsigned, "x-oss-process", "image/info", NULL));
    CHECK_OK(list(ossdl_query_check_unsigned, "versionId", "null", NULL));
    CHECK_U64(list(ossdl_query_check_unsigned, "x-oss-signature", "1", NULL),
              OSSDL_EINVALID);
}

TEST("a list of headers or parameters is bounded as a whole")
{
    static char value[OSSDL_LIST_BYTES_MAX];

    memset(value, 'v', sizeof value - 1);
    CHECK_OK(header("a", value));
    CHECK_OK(parameter("a", value));
    CHECK_U64(header("ab", value), OSSDL_EINVALID);
    CHECK(strstr(error.message, "65537 bytes"));
    CHECK_U64(parameter("ab", value), OSSDL_EINVALID);
    CHECK(strstr(error.message, "query"));
}

TEST_MAIN()
