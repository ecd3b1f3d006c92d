#include "alloc.h"
#include "guard.h"
#include "names.h"
#include "sign.h"
#include "sign_v1.h"
#include "sign_v4.h"
#include "test.h"

#define KEY_ID "LTAIFAKEFORVECTORS0001"
#define SECRET "FAKEsecretForGoldenVectors0123456789"
#define TOKEN "FAKE/STS+token==with&reserved%chars~not-real"
#define NOW 1709622489 /* 2024-03-05T07:08:09Z */

/* A request and all it points to; every test begins with a fresh one. */
static struct ossdl_pairs headers;
static struct ossdl_pairs query;
static struct ossdl_pairs out;
static struct ossdl_buf url;
static struct ossdl_endpoint endpoint;
static struct ossdl_credentials *credentials;
static struct ossdl_sign_request request;
static struct ossdl_error error;

static void finish(void)
{
    ossdl_pairs_cleanup(&headers);
    ossdl_pairs_cleanup(&query);
    ossdl_pairs_cleanup(&out);
    ossdl_buf_cleanup(&url);
    credentials = ossdl_credentials_release(credentials);
}

static bool begin(enum ossdl_signature version, const char *token,
                  int64_t expires_at)
{
    finish();
    memset(&error, 0, sizeof error);
    memset(&request, 0, sizeof request);
    ossdl_buf_init_secret(&url, OSSDL_URL_MAX);
    request.version = version;
    request.method = "GET";
    request.bucket = ossdl_slice_str("example-bucket-1");
    request.object = ossdl_slice_str("exampleobject");
    request.query = &query;
    request.headers = &headers;
    request.region = "cn-hangzhou";
    request.now = NOW;
    if (ossdl_credentials_new(ossdl_slice_str(KEY_ID), ossdl_slice_str(SECRET),
                              ossdl_slice_str(token), expires_at, &credentials,
                              &error) != OSSDL_OK) {
        return false;
    }
    request.credentials = credentials;
    return ossdl_endpoint_parse(ossdl_slice_str("oss-cn-hangzhou.aliyuncs.com"),
                                ossdl_slice_str(""), false, false, &endpoint,
                                &error) == OSSDL_OK;
}

static bool add(struct ossdl_pairs *pairs, const char *name, const char *value)
{
    return ossdl_pairs_add(pairs, ossdl_slice_str(name),
                           ossdl_slice_str(value)) == OSSDL_OK;
}

static enum ossdl_status sign(void)
{
    ossdl_pairs_truncate(&out, 0);
    return ossdl_sign_headers(&request, NULL, &out, &error);
}

static enum ossdl_status presign(int64_t expires_s)
{
    ossdl_buf_reset(&url);
    return ossdl_sign_url(&request, &endpoint, expires_s, &url, &error);
}

static const char *header(const char *name)
{
    const char *value = ossdl_pairs_get(&out, name);

    return value ? value : "(none)";
}

TEST("V4 signs the worked example of the protocol note")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, TOKEN, 0));
    request.object = ossdl_slice_str("\xe7\x9b\xae\xe5\xbd\x95/a b+c.bin");
    CHECK(add(&headers, "Range", "bytes=-500"));
    CHECK_OK(sign());
    CHECK_STR(
        header("Authorization"),
        "OSS4-HMAC-SHA256 Credential=LTAIFAKEFORVECTORS0001/20240305/"
        "cn-hangzhou/oss/aliyun_v4_request,Signature="
        "24e44724231f2ca82e85d137480b3a330c367ed1896b3d0e83872d3660d5ed3b");
    CHECK_STR(header("x-oss-date"), "20240305T070809Z");
    CHECK_STR(header("x-oss-content-sha256"), "UNSIGNED-PAYLOAD");
    CHECK_STR(header("x-oss-security-token"), TOKEN);
    CHECK_STR(header("Date"), "(none)");
    CHECK_U64(out.count, 4);
    finish();
}

TEST("V4 without a token sends no token header")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK_OK(sign());
    CHECK_U64(out.count, 3);
    CHECK_STR(header("x-oss-security-token"), "(none)");
    finish();
}

TEST("lists that are absent are empty lists")
{
    static const enum ossdl_signature VERSIONS[] = {OSSDL_SIGNATURE_V4,
                                                    OSSDL_SIGNATURE_V1};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(VERSIONS); i++) {
        char expected[300];

        CHECK(begin(VERSIONS[i], NULL, 0));
        CHECK_OK(sign());
        snprintf(expected, sizeof expected, "%s", header("Authorization"));
        request.headers = NULL;
        request.query = NULL;
        CHECK_OK(sign());
        CHECK_STR(header("Authorization"), expected);
        request.additional_headers = ossdl_slice_str("range");
        CHECK_OK(sign());
        CHECK_STR(header("Authorization"), expected);
        CHECK_OK(presign(60));
        finish();
    }
}

TEST("the product is oss unless the endpoint says otherwise")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    request.product = "oss-cloudbox";
    CHECK_OK(sign());
    CHECK(strstr(header("Authorization"), "/cn-hangzhou/oss-cloudbox/"));
    request.product = "";
    CHECK_U64(sign(), OSSDL_EINVALID);
    request.product = "a-product-too-long";
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK_STR(error.code, "product");
    finish();
}

/* What AdditionalHeaders of a signature says, or "(none)". */
static const char *additional(const char *list)
{
    static char result[200];
    const char *start;

    request.additional_headers = guarded_str(list);
    if (sign() != OSSDL_OK) {
        return "(failed)";
    }
    start = strstr(header("Authorization"), "AdditionalHeaders=");
    if (!start) {
        return "(none)";
    }
    start += strlen("AdditionalHeaders=");
    snprintf(result, sizeof result, "%.*s", (int) strcspn(start, ","), start);
    return result;
}

TEST("additional headers are lower-cased, sorted and without doubles")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, TOKEN, 0));
    CHECK(add(&headers, "Range", "bytes=0-1"));
    CHECK(add(&headers, "If-Match", "\"x\""));
    CHECK(add(&headers, "Content-Type", "a/b"));
    CHECK(add(&headers, "x-oss-meta-a", "1"));
    CHECK_STR(additional("Range;IF-MATCH"), "if-match;range");
    CHECK_STR(additional("range;Range; range "), "range");
    CHECK_STR(additional(";;range;"), "range");
    finish();
}

TEST("additional headers that are absent or signed anyway do not count")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, TOKEN, 0));
    CHECK(add(&headers, "Range", "bytes=0-1"));
    CHECK(add(&headers, "content-md5", "x"));
    CHECK(add(&headers, "X-oss-meta-a", "1"));
    CHECK_STR(additional("host;x-oss-date;x-oss-security-token"), "(none)");
    CHECK_STR(additional("Content-MD5;x-oss-meta-a"), "(none)");
    CHECK_STR(additional("host;range;content-md5"), "range");
    CHECK_STR(additional(""), "(none)");
    finish();
}

TEST("blanks around a header value do not change its signature")
{
    char expected[300];

    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK(add(&headers, "x-oss-meta-a", "1  2"));
    CHECK_OK(sign());
    snprintf(expected, sizeof expected, "%s", header("Authorization"));
    ossdl_pairs_truncate(&headers, 0);
    CHECK(add(&headers, "X-OSS-Meta-A", " 1  2 "));
    CHECK_OK(sign());
    CHECK_STR(header("Authorization"), expected);
    finish();
}

TEST("V1 sends Date, or signs with the x-oss-date of the request")
{
    CHECK(begin(OSSDL_SIGNATURE_V1, TOKEN, 0));
    CHECK_OK(sign());
    CHECK_STR(header("Date"), "Tue, 05 Mar 2024 07:08:09 GMT");
    CHECK_STR(header("x-oss-security-token"), TOKEN);
    CHECK_U64(out.count, 3);
    CHECK(add(&headers, "x-oss-date", "Tue, 05 Mar 2024 07:08:10 GMT"));
    CHECK_OK(sign());
    CHECK(strncmp(header("Authorization"), "OSS " KEY_ID ":", 27) == 0);
    CHECK_U64(strlen(header("Authorization")), 27 + 28);
    finish();
}

TEST("an anonymous request gets no header and a plain URL")
{
    CHECK(begin(OSSDL_SIGNATURE_NONE, NULL, 0));
    request.credentials = NULL;
    request.region = NULL;
    CHECK_OK(sign());
    CHECK_U64(out.count, 0);
    CHECK(add(&query, "versionId", "null"));
    CHECK_OK(presign(0));
    CHECK_STR(ossdl_buf_str(&url),
              "https://example-bucket-1.oss-cn-hangzhou.aliyuncs.com/"
              "exampleobject?versionId=null");
    CHECK(add(&headers, "x", "a\nb"));
    CHECK_U64(sign(), OSSDL_EINVALID);
    finish();
}

TEST("results are appended to what the list holds")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK(add(&out, "User-Agent", "test"));
    CHECK_OK(ossdl_sign_headers(&request, NULL, &out, &error));
    CHECK_U64(out.count, 4);
    CHECK_STR(out.items[0].name, "User-Agent");
    finish();
}

TEST("a request cannot be signed without credentials or region")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    request.region = "";
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK_STR(error.code, "region");
    request.region = NULL;
    CHECK_U64(presign(60), OSSDL_EINVALID);
    CHECK_STR(error.code, "region");
    request.region = "oss-cn-hangzhou";
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK(strstr(error.message, "\"cn-hangzhou\""));
    request.credentials = NULL;
    CHECK_U64(sign(), OSSDL_ECREDENTIALS);
    CHECK_U64(presign(60), OSSDL_ECREDENTIALS);
    finish();
}

TEST("V1 needs no region")
{
    CHECK(begin(OSSDL_SIGNATURE_V1, NULL, 0));
    request.region = NULL;
    CHECK_OK(sign());
    CHECK_OK(presign(60));
    finish();
}

TEST("a clock outside of 1970 to 9999 cannot sign")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    request.now = -1;
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK_STR(error.code, "now");
    request.version = OSSDL_SIGNATURE_V1;
    request.now = INT64_MAX;
    CHECK_U64(presign(60), OSSDL_EINVALID);
    CHECK_STR(error.code, "now");
    finish();
}

TEST("the signers refuse a time that they cannot write by themselves, too")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    request.now = -1;
    CHECK_U64(ossdl_sign_v4_headers(&request, NULL, &out), OSSDL_EINVALID);
    CHECK_U64(ossdl_sign_v4_query(&request, 60, &query), OSSDL_EINVALID);
    CHECK_U64(ossdl_sign_v1_headers(&request, &out), OSSDL_EINVALID);
    CHECK_U64(out.count, 0);
    finish();
}

TEST("a header that would start another one is never signed")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK(add(&headers, "x-oss-meta-a", "1\r\nx-oss-meta-b:2"));
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK(strstr(error.message, "x-oss-meta-a"));
    CHECK_U64(presign(60), OSSDL_EINVALID);
    CHECK_U64(out.count, 0);
    CHECK_U64(url.len, 0);
    finish();
}

TEST("headers and parameters of the signature are refused in the request")
{
    static const char *const OWN[] = {"Authorization", "date",
                                      "x-oss-content-sha256",
                                      "X-Oss-Security-Token"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(OWN); i++) {
        CHECK(begin(i % 2 ? OSSDL_SIGNATURE_V4 : OSSDL_SIGNATURE_V1, NULL, 0));
        CHECK(add(&headers, OWN[i], "x"));
        CHECK_U64(sign(), OSSDL_EINVALID);
        CHECK(strstr(error.message, "the signature brings it"));
        CHECK_U64(presign(60), OSSDL_EINVALID);
    }
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK(add(&query, "x-oss-signature", "x"));
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK_STR(error.code, "query");
    finish();
}

TEST("x-oss-date is the request's own only in V1 headers")
{
    CHECK(begin(OSSDL_SIGNATURE_V1, NULL, 0));
    CHECK(add(&headers, "x-oss-date", "x"));
    CHECK_OK(sign());
    CHECK_U64(presign(60), OSSDL_EINVALID);
    request.version = OSSDL_SIGNATURE_V4;
    CHECK_U64(sign(), OSSDL_EINVALID);
    finish();
}

TEST("a signed URL lives as long as its signature's rule allows")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK_OK(presign(1));
    CHECK_OK(presign(604800));
    CHECK_U64(presign(604801), OSSDL_EINVALID);
    CHECK_STR(error.code, "expires");
    CHECK(strstr(error.message, "1 to 604800"));
    CHECK_U64(presign(0), OSSDL_EINVALID);
    CHECK_U64(presign(INT64_MIN), OSSDL_EINVALID);
    request.version = OSSDL_SIGNATURE_V1;
    CHECK_OK(presign(OSSDL_EXPIRES_V1_MAX));
    CHECK_U64(presign(OSSDL_EXPIRES_V1_MAX + 1LL), OSSDL_EINVALID);
    CHECK_U64(presign(INT64_MAX), OSSDL_EINVALID);
    CHECK(begin(OSSDL_SIGNATURE_V4, TOKEN, 0));
    CHECK_OK(presign(43200));
    CHECK_U64(presign(43201), OSSDL_EINVALID);
    CHECK(strstr(error.message, "with a security token"));
    finish();
}

TEST("a signed URL does not outlive its credentials")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, TOKEN, NOW + 600));
    CHECK_OK(presign(600));
    CHECK_U64(presign(601), OSSDL_EINVALID);
    CHECK(strstr(error.message, "only 600 more"));
    request.now = NOW + 600;
    CHECK_U64(presign(1), OSSDL_ECREDENTIALS);
    CHECK(strstr(error.message, "expired"));
    finish();
}

TEST("no message shows the secret or the token")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, TOKEN, NOW - 1));
    CHECK_U64(presign(60), OSSDL_ECREDENTIALS);
    CHECK(!strstr(error.message, "FAKE"));
    request.region = "x y";
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK(!strstr(error.message, "FAKE"));
    finish();
}

TEST("the cache gives its key to its own secret, day, region and product")
{
    struct ossdl_sign_cache cache;
    char first[300];

    ossdl_sign_cache_init(&cache);
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK_OK(ossdl_sign_headers(&request, &cache, &out, &error));
    snprintf(first, sizeof first, "%s", header("Authorization"));

    /* A wrong key in the cache shows in the signature: the cache is used. */
    cache.key[0] ^= 1;
    ossdl_pairs_truncate(&out, 0);
    CHECK_OK(ossdl_sign_headers(&request, &cache, &out, &error));
    CHECK(strcmp(header("Authorization"), first) != 0);

    for (int i = 0; i < 4; i++) {
        struct ossdl_credentials *other = NULL;
        char expected[300];

        CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
        CHECK_OK(ossdl_sign_headers(&request, &cache, &out, &error));
        CHECK_OK(ossdl_credentials_new(ossdl_slice_str(KEY_ID),
                                       ossdl_slice_str("another"),
                                       ossdl_slice_str(""), 0, &other, &error));
        request.now += i == 0 ? 86400 : 0;
        request.region = i == 1 ? "cn-shanghai" : request.region;
        request.product = i == 2 ? "oss-cloudbox" : NULL;
        request.credentials = i == 3 ? other : request.credentials;
        CHECK_OK(sign());
        snprintf(expected, sizeof expected, "%s", header("Authorization"));
        ossdl_pairs_truncate(&out, 0);
        CHECK_OK(ossdl_sign_headers(&request, &cache, &out, &error));
        CHECK_STR(header("Authorization"), expected);
        ossdl_credentials_release(other);
    }
    ossdl_sign_cache_cleanup(&cache);
    CHECK(!cache.secret.bytes && cache.key[0] == 0 && cache.day[0] == 0);
    ossdl_sign_cache_cleanup(&cache);
    ossdl_sign_cache_cleanup(NULL);
    finish();
}

static bool fill_all(struct ossdl_pairs *pairs, size_t count)
{
    for (size_t i = pairs->count; i < count; i++) {
        char name[32];

        snprintf(name, sizeof name, "x-oss-meta-%zu", i);
        if (!add(pairs, name, "v")) {
            return false;
        }
    }
    return true;
}

TEST("lists that leave no room for the signature are reported")
{
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK(fill_all(&headers, OSSDL_PAIRS_MAX));
    CHECK_U64(sign(), OSSDL_EINVALID);
    CHECK(strstr(error.message, "leave some out"));
    CHECK_U64(out.count, 0);
    for (size_t room = 0; room < 4; room++) {
        CHECK(begin(OSSDL_SIGNATURE_V1, TOKEN, 0));
        CHECK(fill_all(&query, OSSDL_PAIRS_MAX - room));
        CHECK_U64(presign(60), OSSDL_EINVALID);
        CHECK(strstr(error.message, "leave some out"));
        CHECK_U64(url.len, 0);
    }
    finish();
}

TEST("the longest lists still fit into a URL")
{
    static char value[OSSDL_LIST_BYTES_MAX];
    static char key[1023];
    static char token[OSSDL_TOKEN_MAX + 1];

    memset(value, ' ', sizeof value - 1);
    memset(key, ' ', sizeof key);
    memset(token, '%', sizeof token - 1);
    for (int i = 0; i < 2; i++) {
        CHECK(begin(i ? OSSDL_SIGNATURE_V1 : OSSDL_SIGNATURE_V4, token, 0));
        request.object = ossdl_slice_of(key, sizeof key);
        CHECK(add(&query, "a", value));
        CHECK_OK(presign(60));
        CHECK(url.len > 3 * (sizeof value + sizeof token));
        finish();
    }
}

static bool fail_at(void *context, size_t size)
{
    int *left = context;

    (void) size;
    return (*left)-- != 0;
}

/* Fails each allocation of the call in turn; how many there were. */
static int torture(bool in_url, struct ossdl_sign_cache *cache)
{
    enum ossdl_status status = OSSDL_EMEMORY;
    int at = 0;

    while (status == OSSDL_EMEMORY && at < 1000) {
        int left = at++;

        ossdl_pairs_truncate(&out, 0);
        ossdl_buf_cleanup(&url);
        ossdl_alloc_set_hook(fail_at, &left);
        status = in_url ? ossdl_sign_url(&request, &endpoint, 60, &url, &error)
                        : ossdl_sign_headers(&request, cache, &out, &error);
        ossdl_alloc_set_hook(NULL, NULL);
        if (status == OSSDL_EMEMORY && out.count > 0) {
            return -1;
        }
    }
    return status == OSSDL_OK ? at : -1;
}

TEST("each failed allocation is reported, and nothing leaks")
{
    static const enum ossdl_signature VERSIONS[] = {OSSDL_SIGNATURE_V4,
                                                    OSSDL_SIGNATURE_V1};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(VERSIONS); i++) {
        CHECK(begin(VERSIONS[i], TOKEN, 0));
        CHECK(add(&headers, "Range", "bytes=0-1"));
        CHECK(add(&headers, "x-oss-meta-a", "1"));
        CHECK(add(&headers, "Content-Type", "a/b"));
        CHECK(add(&query, "versionId", "null"));
        CHECK(add(&query, "acl", ""));
        request.additional_headers = ossdl_slice_str("range");
        CHECK(torture(false, NULL) > 10);
        CHECK(torture(true, NULL) > 10);
        finish();
    }
}

TEST("a cache that finds no memory costs only its use")
{
    struct ossdl_sign_cache cache;

    ossdl_sign_cache_init(&cache);
    CHECK(begin(OSSDL_SIGNATURE_V4, NULL, 0));
    CHECK(torture(false, &cache) > 5);
    ossdl_sign_cache_cleanup(&cache);
    finish();
}

TEST_MAIN()
