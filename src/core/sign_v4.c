#include "sign_v4.h"

#include "canonical.h"
#include "codec.h"

#include <string.h>

#define ALGORITHM "OSS4-HMAC-SHA256"
#define TERMINATOR "aliyun_v4_request"
#define PAYLOAD "UNSIGNED-PAYLOAD"
#define SIGNATURE_BYTES (2 * OSSDL_SHA256_BYTES + 1)
#define SCOPE_MAX 256

/* One signature in the making. */
struct signing {
    const struct ossdl_sign_request *request;
    const char *product;
    char day[OSSDL_TIME_DAY_BYTES];
    char time[OSSDL_TIME_ISO_BYTES];
    struct ossdl_buf scope;
    struct ossdl_pairs headers;  /* signed ones, in their canonical form */
    struct ossdl_buf additional; /* names signed beyond the rule: "a;b" */
    char signature[SIGNATURE_BYTES];
};

static struct ossdl_slice digest_slice(const unsigned char *digest)
{
    return ossdl_slice_of(digest, OSSDL_SHA256_BYTES);
}

static bool is_signed_always(const char *name)
{
    return strncasecmp(name, "x-oss-", 6) == 0 ||
           strcasecmp(name, "content-type") == 0 ||
           strcasecmp(name, "content-md5") == 0;
}

static enum ossdl_status add_header(struct signing *signing, const char *name,
                                    const char *value)
{
    return ossdl_canonical_header_add(&signing->headers, name,
                                      ossdl_slice_str(value));
}

/* The request's own headers that the rule says to sign. */
static enum ossdl_status collect_headers(struct signing *signing)
{
    const struct ossdl_pairs *headers = signing->request->headers;
    enum ossdl_status status = OSSDL_OK;

    for (size_t i = 0; headers && i < headers->count; i++) {
        const struct ossdl_pair *header = &headers->items[i];

        if (is_signed_always(header->name)) {
            status = add_header(signing, header->name, header->value);
        }
        if (status != OSSDL_OK) {
            break;
        }
    }
    return status;
}

/* Adds one name of the list unless it is absent or signed already. */
static enum ossdl_status add_additional(struct signing *signing,
                                        struct ossdl_pairs *names,
                                        struct ossdl_slice name)
{
    const struct ossdl_pairs *headers = signing->request->headers;

    for (size_t i = 0; headers && i < headers->count; i++) {
        const struct ossdl_pair *header = &headers->items[i];
        enum ossdl_status status;

        if (!ossdl_slice_is_nocase(name, header->name) ||
            ossdl_pairs_get(&signing->headers, header->name)) {
            continue;
        }
        status = add_header(signing, header->name, header->value);
        if (status == OSSDL_OK) {
            status = ossdl_canonical_header_add(names, header->name,
                                                ossdl_slice_str(""));
        }
        return status;
    }
    return OSSDL_OK;
}

/* Cuts the next name off a list separated by semicolons. */
static struct ossdl_slice next_name(struct ossdl_slice *list)
{
    const char *end = memchr(list->ptr, ';', list->len);
    size_t len = end ? (size_t) (end - list->ptr) : list->len;
    struct ossdl_slice name = ossdl_slice_of(list->ptr, len);

    len += end ? 1 : 0;
    list->ptr += len;
    list->len -= len;
    return ossdl_slice_trim(name);
}

static enum ossdl_status join_names(struct ossdl_pairs *names,
                                    struct ossdl_buf *out)
{
    ossdl_pairs_sort(names);
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0) {
            ossdl_buf_append_char(out, ';');
        }
        ossdl_buf_append_str(out, names->items[i].name);
    }
    return ossdl_buf_check(out);
}

static enum ossdl_status collect_additional(struct signing *signing)
{
    struct ossdl_slice list = signing->request->additional_headers;
    struct ossdl_pairs names;
    enum ossdl_status status = OSSDL_OK;

    ossdl_pairs_init(&names);
    while (status == OSSDL_OK && list.len > 0) {
        status = add_additional(signing, &names, next_name(&list));
    }
    if (status == OSSDL_OK) {
        status = join_names(&names, &signing->additional);
    }
    ossdl_pairs_cleanup(&names);
    return status;
}

static enum ossdl_status signing_init(struct signing *signing,
                                      const struct ossdl_sign_request *request)
{
    enum ossdl_status status;

    memset(signing, 0, sizeof *signing);
    signing->request = request;
    signing->product = request->product ? request->product : "oss";
    ossdl_pairs_init(&signing->headers);
    ossdl_buf_init(&signing->scope, SCOPE_MAX);
    ossdl_buf_init(&signing->additional, OSSDL_PAIR_VALUE_MAX);
    status = ossdl_time_iso(request->now, signing->time);
    if (status != OSSDL_OK) {
        return status;
    }
    memcpy(signing->day, signing->time, sizeof signing->day - 1);
    ossdl_buf_printf(&signing->scope, "%s/%s/%s/" TERMINATOR, signing->day,
                     request->region, signing->product);
    status = ossdl_buf_check(&signing->scope);
    return status == OSSDL_OK ? collect_headers(signing) : status;
}

static void signing_cleanup(struct signing *signing)
{
    ossdl_pairs_cleanup(&signing->headers);
    ossdl_buf_cleanup(&signing->scope);
    ossdl_buf_cleanup(&signing->additional);
}

static enum ossdl_status
append_canonical_request(struct signing *signing,
                         const struct ossdl_pairs *query, struct ossdl_buf *out)
{
    const struct ossdl_sign_request *request = signing->request;

    ossdl_buf_append_str(out, request->method);
    ossdl_buf_append_char(out, '\n');
    ossdl_canonical_path(request->bucket, request->object, true, out);
    ossdl_buf_append_char(out, '\n');
    if (query) {
        ossdl_canonical_query(query, out);
    }
    ossdl_buf_append_char(out, '\n');
    ossdl_canonical_headers(&signing->headers, out);
    ossdl_buf_append_char(out, '\n');
    ossdl_buf_append_slice(out, ossdl_buf_slice(&signing->additional));
    ossdl_buf_append_str(out, "\n" PAYLOAD);
    return ossdl_buf_check(out);
}

static enum ossdl_status hash_request(struct signing *signing,
                                      const struct ossdl_pairs *query,
                                      char out[SIGNATURE_BYTES])
{
    struct ossdl_buf text;
    unsigned char digest[OSSDL_SHA256_BYTES];
    enum ossdl_status status;

    /* It may contain the token, and in a URL all that makes it valid. */
    ossdl_buf_init_secret(&text, 2 * OSSDL_URL_MAX);
    status = append_canonical_request(signing, query, &text);
    if (status == OSSDL_OK) {
        status = ossdl_sha256(ossdl_buf_slice(&text), digest);
    }
    ossdl_buf_cleanup(&text);
    if (status == OSSDL_OK) {
        ossdl_hex_encode(digest, sizeof digest, out);
    }
    return status;
}

/* Replaces the key by its HMAC over the text. */
static enum ossdl_status step_key(unsigned char key[OSSDL_SHA256_BYTES],
                                  const char *text)
{
    return ossdl_hmac_sha256(digest_slice(key), ossdl_slice_str(text), key);
}

static enum ossdl_status derive_key(const struct signing *signing,
                                    struct ossdl_slice secret,
                                    unsigned char key[OSSDL_SHA256_BYTES])
{
    struct ossdl_buf start;
    enum ossdl_status status;

    ossdl_buf_init_secret(&start, OSSDL_KEY_SECRET_MAX + 16);
    ossdl_buf_append_str(&start, "aliyun_v4");
    ossdl_buf_append_slice(&start, secret);
    status = ossdl_buf_check(&start);
    if (status == OSSDL_OK) {
        status = ossdl_hmac_sha256(ossdl_buf_slice(&start),
                                   ossdl_slice_str(signing->day), key);
    }
    ossdl_buf_cleanup(&start);
    if (status == OSSDL_OK) {
        status = step_key(key, signing->request->region);
    }
    if (status == OSSDL_OK) {
        status = step_key(key, signing->product);
    }
    return status == OSSDL_OK ? step_key(key, TERMINATOR) : status;
}

static bool cache_has(const struct ossdl_sign_cache *cache,
                      const struct signing *signing, struct ossdl_slice secret)
{
    return cache->secret.len > 0 &&
           ossdl_slice_equal(ossdl_secret_slice(&cache->secret), secret) &&
           strcmp(cache->day, signing->day) == 0 &&
           strcmp(cache->region, signing->request->region) == 0 &&
           strcmp(cache->product, signing->product) == 0;
}

/* Without memory for the copy there is no cache, and no harm done. */
static void cache_put(struct ossdl_sign_cache *cache,
                      const struct signing *signing, struct ossdl_slice secret,
                      const unsigned char key[OSSDL_SHA256_BYTES])
{
    const char *region = signing->request->region;

    if (ossdl_secret_set(&cache->secret, secret) != OSSDL_OK) {
        ossdl_sign_cache_cleanup(cache);
        return;
    }
    memcpy(cache->day, signing->day, sizeof cache->day);
    memcpy(cache->region, region, strlen(region) + 1);
    memcpy(cache->product, signing->product, strlen(signing->product) + 1);
    memcpy(cache->key, key, sizeof cache->key);
}

static enum ossdl_status find_key(const struct signing *signing,
                                  struct ossdl_sign_cache *cache,
                                  unsigned char key[OSSDL_SHA256_BYTES])
{
    struct ossdl_slice secret =
        ossdl_credentials_secret(signing->request->credentials);
    enum ossdl_status status;

    if (cache && cache_has(cache, signing, secret)) {
        memcpy(key, cache->key, sizeof cache->key);
        return OSSDL_OK;
    }
    status = derive_key(signing, secret, key);
    if (status == OSSDL_OK && cache) {
        cache_put(cache, signing, secret, key);
    }
    return status;
}

static enum ossdl_status sign_text(const struct signing *signing,
                                   struct ossdl_sign_cache *cache,
                                   struct ossdl_slice text,
                                   char out[SIGNATURE_BYTES])
{
    unsigned char key[OSSDL_SHA256_BYTES];
    unsigned char digest[OSSDL_SHA256_BYTES];
    enum ossdl_status status = find_key(signing, cache, key);

    if (status == OSSDL_OK) {
        status = ossdl_hmac_sha256(digest_slice(key), text, digest);
    }
    ossdl_wipe(key, sizeof key);
    if (status == OSSDL_OK) {
        ossdl_hex_encode(digest, sizeof digest, out);
    }
    return status;
}

/* Everything is collected: makes signing->signature. */
static enum ossdl_status finish(struct signing *signing,
                                const struct ossdl_pairs *query,
                                struct ossdl_sign_cache *cache)
{
    char hash[SIGNATURE_BYTES];
    struct ossdl_buf text;
    enum ossdl_status status = hash_request(signing, query, hash);

    if (status != OSSDL_OK) {
        return status;
    }
    ossdl_buf_init(&text, 2 * SCOPE_MAX);
    ossdl_buf_printf(&text, ALGORITHM "\n%s\n%s\n%s", signing->time,
                     ossdl_buf_str(&signing->scope), hash);
    status = ossdl_buf_check(&text);
    if (status == OSSDL_OK) {
        status = sign_text(signing, cache, ossdl_buf_slice(&text),
                           signing->signature);
    }
    ossdl_buf_cleanup(&text);
    return status;
}

/* The headers that carry the signature, but for Authorization, signed and
 * given out. */
static enum ossdl_status add_own_headers(struct signing *signing,
                                         struct ossdl_pairs *out)
{
    struct ossdl_slice token =
        ossdl_credentials_token(signing->request->credentials);
    size_t first = out->count;
    enum ossdl_status status = ossdl_pairs_add(
        out, ossdl_slice_str("x-oss-content-sha256"), ossdl_slice_str(PAYLOAD));

    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(out, ossdl_slice_str("x-oss-date"),
                                 ossdl_slice_str(signing->time));
    }
    if (status == OSSDL_OK && token.len > 0) {
        status = ossdl_pairs_add(out, ossdl_slice_str("x-oss-security-token"),
                                 token);
    }
    for (size_t i = first; status == OSSDL_OK && i < out->count; i++) {
        status = add_header(signing, out->items[i].name, out->items[i].value);
    }
    return status;
}

static enum ossdl_status add_authorization(const struct signing *signing,
                                           struct ossdl_pairs *out)
{
    struct ossdl_buf text;
    enum ossdl_status status;

    ossdl_buf_init(&text, OSSDL_PAIR_VALUE_MAX);
    ossdl_buf_printf(&text, ALGORITHM " Credential=%s/%s,",
                     ossdl_credentials_key_id(signing->request->credentials),
                     ossdl_buf_str(&signing->scope));
    if (signing->additional.len > 0) {
        ossdl_buf_printf(&text, "AdditionalHeaders=%s,",
                         ossdl_buf_str(&signing->additional));
    }
    ossdl_buf_printf(&text, "Signature=%s", signing->signature);
    status = ossdl_buf_check(&text);
    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(out, ossdl_slice_str("Authorization"),
                                 ossdl_buf_slice(&text));
    }
    ossdl_buf_cleanup(&text);
    return status;
}

enum ossdl_status
ossdl_sign_v4_headers(const struct ossdl_sign_request *request,
                      struct ossdl_sign_cache *cache, struct ossdl_pairs *out)
{
    struct signing signing;
    enum ossdl_status status = signing_init(&signing, request);

    if (status == OSSDL_OK) {
        status = add_own_headers(&signing, out);
    }
    if (status == OSSDL_OK) {
        status = collect_additional(&signing);
    }
    if (status == OSSDL_OK) {
        status = finish(&signing, request->query, cache);
    }
    if (status == OSSDL_OK) {
        status = add_authorization(&signing, out);
    }
    signing_cleanup(&signing);
    return status;
}

static enum ossdl_status add_parameter(struct ossdl_pairs *query,
                                       const char *name,
                                       struct ossdl_slice value)
{
    return value.len == 0
               ? OSSDL_OK
               : ossdl_pairs_add(query, ossdl_slice_str(name), value);
}

static enum ossdl_status add_credential(const struct signing *signing,
                                        struct ossdl_pairs *query)
{
    struct ossdl_buf text;
    enum ossdl_status status;

    ossdl_buf_init(&text, SCOPE_MAX + OSSDL_KEY_ID_MAX);
    ossdl_buf_printf(&text, "%s/%s",
                     ossdl_credentials_key_id(signing->request->credentials),
                     ossdl_buf_str(&signing->scope));
    status = ossdl_buf_check(&text);
    if (status == OSSDL_OK) {
        status =
            add_parameter(query, "x-oss-credential", ossdl_buf_slice(&text));
    }
    ossdl_buf_cleanup(&text);
    return status;
}

static enum ossdl_status add_expires(int64_t expires_s,
                                     struct ossdl_pairs *query)
{
    struct ossdl_buf text;
    enum ossdl_status status;

    ossdl_buf_init(&text, 32);
    ossdl_buf_printf(&text, "%lld", (long long) expires_s);
    status = ossdl_buf_check(&text);
    if (status == OSSDL_OK) {
        status = add_parameter(query, "x-oss-expires", ossdl_buf_slice(&text));
    }
    ossdl_buf_cleanup(&text);
    return status;
}

/* Every parameter of a signed URL but for the signature. */
static enum ossdl_status add_parameters(const struct signing *signing,
                                        int64_t expires_s,
                                        struct ossdl_pairs *query)
{
    struct ossdl_slice token =
        ossdl_credentials_token(signing->request->credentials);
    enum ossdl_status status = add_credential(signing, query);

    if (status == OSSDL_OK) {
        status = add_expires(expires_s, query);
    }
    if (status == OSSDL_OK) {
        status = add_parameter(query, "x-oss-signature-version",
                               ossdl_slice_str(ALGORITHM));
    }
    if (status == OSSDL_OK) {
        status =
            add_parameter(query, "x-oss-date", ossdl_slice_str(signing->time));
    }
    if (status == OSSDL_OK) {
        status = add_parameter(query, "x-oss-security-token", token);
    }
    if (status == OSSDL_OK) {
        status = add_parameter(query, "x-oss-additional-headers",
                               ossdl_buf_slice(&signing->additional));
    }
    return status;
}

enum ossdl_status ossdl_sign_v4_query(const struct ossdl_sign_request *request,
                                      int64_t expires_s,
                                      struct ossdl_pairs *query)
{
    struct signing signing;
    enum ossdl_status status = signing_init(&signing, request);

    if (status == OSSDL_OK) {
        status = collect_additional(&signing);
    }
    if (status == OSSDL_OK) {
        status = add_parameters(&signing, expires_s, query);
    }
    if (status == OSSDL_OK) {
        status = finish(&signing, query, NULL);
    }
    if (status == OSSDL_OK) {
        status = add_parameter(query, "x-oss-signature",
                               ossdl_slice_str(signing.signature));
    }
    signing_cleanup(&signing);
    return status;
}
