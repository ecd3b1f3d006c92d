/*
 * Every row of spec/vectors/oss-signatures.json: requests that several
 * official SDKs signed alike must come out the same here, and signed URLs
 * byte for byte.
 */
#include "sign.h"
#include "test.h"

struct vector_pair {
    const char *name;
    const char *value;
};

struct vector {
    const char *name;
    const char *scheme; /* "v4", "v1", and "-url" after it */
    const char *method;
    const char *style;
    const char *endpoint;
    const char *bucket;
    const char *object;
    const char *region;
    const char *product;
    const char *key_id;
    const char *secret;
    const char *token;
    const char *additional_headers;
    int64_t now;
    int64_t expires;
    const struct vector_pair *query;
    const struct vector_pair *headers;
    const char *signature;
    const char *authorization;
    const char *url;
};

#include "vectors.h"

struct setup {
    struct ossdl_pairs query;
    struct ossdl_pairs headers;
    struct ossdl_credentials *credentials;
    struct ossdl_sign_request request;
};

static bool fill(struct ossdl_pairs *out, const struct vector_pair *pair)
{
    ossdl_pairs_init(out);
    for (; pair->name; pair++) {
        if (ossdl_pairs_add(out, ossdl_slice_str(pair->name),
                            ossdl_slice_str(pair->value)) != OSSDL_OK) {
            return false;
        }
    }
    return true;
}

static bool setup_init(struct setup *setup, const struct vector *vector)
{
    struct ossdl_sign_request *request = &setup->request;

    memset(setup, 0, sizeof *setup);
    request->version = strncmp(vector->scheme, "v4", 2) == 0
                           ? OSSDL_SIGNATURE_V4
                           : OSSDL_SIGNATURE_V1;
    request->method = vector->method;
    request->bucket = ossdl_slice_str(vector->bucket);
    request->object = ossdl_slice_str(vector->object);
    request->query = &setup->query;
    request->headers = &setup->headers;
    request->region = vector->region;
    request->product = vector->product;
    request->now = vector->now;
    request->additional_headers = ossdl_slice_str(vector->additional_headers);
    if (!fill(&setup->query, vector->query) ||
        !fill(&setup->headers, vector->headers) ||
        ossdl_credentials_new(ossdl_slice_str(vector->key_id),
                              ossdl_slice_str(vector->secret),
                              ossdl_slice_str(vector->token), 0,
                              &setup->credentials, NULL) != OSSDL_OK) {
        return false;
    }
    request->credentials = setup->credentials;
    return true;
}

static void setup_cleanup(struct setup *setup)
{
    ossdl_pairs_cleanup(&setup->query);
    ossdl_pairs_cleanup(&setup->headers);
    ossdl_credentials_release(setup->credentials);
}

static bool is_url(const struct vector *vector)
{
    return strstr(vector->scheme, "-url") != NULL;
}

static bool headers_match(const struct vector *vector,
                          struct ossdl_sign_cache *cache)
{
    struct setup setup;
    struct ossdl_pairs out;
    struct ossdl_error err = {.message = ""};
    const char *authorization = NULL;
    bool match = setup_init(&setup, vector);

    ossdl_pairs_init(&out);
    if (match &&
        ossdl_sign_headers(&setup.request, cache, &out, &err) == OSSDL_OK) {
        authorization = ossdl_pairs_get(&out, "Authorization");
    }
    match = authorization && strcmp(authorization, vector->authorization) == 0;
    if (!match) {
        printf("    %s:\n      expected %s\n      got      %s %s\n",
               vector->name, vector->authorization,
               authorization ? authorization : "nothing:", err.message);
    }
    ossdl_pairs_cleanup(&out);
    setup_cleanup(&setup);
    return match;
}

static bool url_matches(const struct vector *vector)
{
    struct setup setup;
    struct ossdl_endpoint endpoint;
    struct ossdl_buf out;
    struct ossdl_error err = {.message = ""};
    bool match = setup_init(&setup, vector);

    ossdl_buf_init_secret(&out, OSSDL_URL_MAX);
    match = match &&
            ossdl_endpoint_parse(ossdl_slice_str(vector->endpoint),
                                 ossdl_slice_str(vector->region),
                                 strcmp(vector->style, "path") == 0,
                                 strcmp(vector->style, "cname") == 0, &endpoint,
                                 &err) == OSSDL_OK &&
            ossdl_sign_url(&setup.request, &endpoint, vector->expires, &out,
                           &err) == OSSDL_OK &&
            strcmp(ossdl_buf_str(&out), vector->url) == 0;
    if (!match) {
        printf("    %s:\n      expected %s\n      got      %s %s\n",
               vector->name, vector->url, ossdl_buf_str(&out), err.message);
    }
    ossdl_buf_cleanup(&out);
    setup_cleanup(&setup);
    return match;
}

TEST("no row is missing")
{
    CHECK_U64(OSSDL_ARRAY_LEN(VECTORS), 140);
}

TEST("each row with a signature in the headers is reproduced")
{
    size_t rows = 0;
    size_t matches = 0;

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(VECTORS); i++) {
        if (!is_url(&VECTORS[i])) {
            rows++;
            matches += headers_match(&VECTORS[i], NULL) ? 1 : 0;
        }
    }
    CHECK(rows > 0);
    CHECK_U64(matches, rows);
}

TEST("each row with a signature in the URL is reproduced byte for byte")
{
    size_t rows = 0;
    size_t matches = 0;

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(VECTORS); i++) {
        if (is_url(&VECTORS[i])) {
            rows++;
            matches += url_matches(&VECTORS[i]) ? 1 : 0;
        }
    }
    CHECK(rows > 0);
    CHECK_U64(matches, rows);
}

TEST("the cache of the key changes no signature")
{
    struct ossdl_sign_cache cache;
    size_t rows = 0;
    size_t matches = 0;

    ossdl_sign_cache_init(&cache);
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < OSSDL_ARRAY_LEN(VECTORS); i++) {
            if (strcmp(VECTORS[i].scheme, "v4") == 0) {
                rows++;
                matches += headers_match(&VECTORS[i], &cache) ? 1 : 0;
            }
        }
    }
    ossdl_sign_cache_cleanup(&cache);
    CHECK_U64(matches, rows);
}

TEST_MAIN()
