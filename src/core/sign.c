#include "sign.h"

#include "names.h"
#include "sign_v1.h"
#include "sign_v4.h"

#include <string.h>

void ossdl_sign_cache_init(struct ossdl_sign_cache *cache)
{
    memset(cache, 0, sizeof *cache);
}

void ossdl_sign_cache_cleanup(struct ossdl_sign_cache *cache)
{
    if (cache) {
        ossdl_secret_cleanup(&cache->secret);
        ossdl_wipe(cache, sizeof *cache);
    }
}

/* What the signature adds; in the request it would be sent twice. */
static enum ossdl_status check_own_headers(const struct ossdl_pairs *headers,
                                           bool date_allowed,
                                           struct ossdl_error *err)
{
    static const char *const OWN[] = {
        "authorization",        "date",       "x-oss-content-sha256",
        "x-oss-security-token", "x-oss-date", /* the last one: see date_allowed
                                               */
    };
    size_t count = OSSDL_ARRAY_LEN(OWN) - (date_allowed ? 1 : 0);

    for (size_t i = 0; i < count; i++) {
        if (ossdl_pairs_get(headers, OWN[i])) {
            return ossdl_error_set(err, OSSDL_EINVALID, "headers",
                                   "headers[\"%s\"]: leave it out: the "
                                   "signature brings it",
                                   OWN[i]);
        }
    }
    return OSSDL_OK;
}

static enum ossdl_status check_lists(const struct ossdl_sign_request *request,
                                     bool date_allowed, struct ossdl_error *err)
{
    enum ossdl_status status = OSSDL_OK;

    if (request->headers) {
        status = ossdl_headers_check_form(request->headers, err);
    }
    if (status == OSSDL_OK && request->headers) {
        status = check_own_headers(request->headers, date_allowed, err);
    }
    if (status == OSSDL_OK && request->query) {
        status = ossdl_query_check_unsigned(request->query, err);
    }
    return status;
}

static enum ossdl_status check_scope(const struct ossdl_sign_request *request,
                                     struct ossdl_error *err)
{
    const char *region = request->region ? request->region : "";

    if (region[0] == '\0') {
        return ossdl_error_set(err, OSSDL_EINVALID, "region",
                               "the signature needs the bucket's region; add "
                               "the option region, like \"cn-hangzhou\"");
    }
    if (request->product &&
        (request->product[0] == '\0' || strlen(request->product) > 15)) {
        return ossdl_error_set(err, OSSDL_EINVALID, "product",
                               "the product is \"oss\" or \"oss-cloudbox\"");
    }
    return ossdl_region_check(ossdl_slice_str(region), err);
}

static enum ossdl_status check(const struct ossdl_sign_request *request,
                               bool date_allowed, struct ossdl_error *err)
{
    char time[OSSDL_TIME_ISO_BYTES];
    enum ossdl_status status = check_lists(request, date_allowed, err);

    if (status != OSSDL_OK || request->version == OSSDL_SIGNATURE_NONE) {
        return status;
    }
    if (!request->credentials) {
        return ossdl_error_set(
            err, OSSDL_ECREDENTIALS, NULL,
            "no credentials to sign the request with; give access_key_id and "
            "access_key_secret, or a provider");
    }
    if (ossdl_time_iso(request->now, time) != OSSDL_OK) {
        return ossdl_error_set(err, OSSDL_EINVALID, "now",
                               "the clock is outside the years 1970 to 9999; "
                               "set it");
    }
    return request->version == OSSDL_SIGNATURE_V4 ? check_scope(request, err)
                                                  : OSSDL_OK;
}

/* What is left to go wrong once a request was checked. */
static enum ossdl_status explain(enum ossdl_status status,
                                 struct ossdl_error *err)
{
    if (status == OSSDL_EMEMORY) {
        return ossdl_error_memory(err);
    }
    if (status == OSSDL_EINVALID) {
        return ossdl_error_set(err, OSSDL_EINVALID, NULL,
                               "too many or too long headers or parameters; "
                               "leave some out");
    }
    return status;
}

enum ossdl_status ossdl_sign_headers(const struct ossdl_sign_request *request,
                                     struct ossdl_sign_cache *cache,
                                     struct ossdl_pairs *out,
                                     struct ossdl_error *err)
{
    bool v1 = request->version == OSSDL_SIGNATURE_V1;
    size_t count = out->count;
    enum ossdl_status status = check(request, v1, err);

    if (status != OSSDL_OK || request->version == OSSDL_SIGNATURE_NONE) {
        return status;
    }
    status = v1 ? ossdl_sign_v1_headers(request, out)
                : ossdl_sign_v4_headers(request, cache, out);
    if (status != OSSDL_OK) {
        ossdl_pairs_truncate(out, count);
    }
    return explain(status, err);
}

static int64_t expires_max(const struct ossdl_sign_request *request)
{
    if (request->version == OSSDL_SIGNATURE_V1) {
        return OSSDL_EXPIRES_V1_MAX;
    }
    return ossdl_credentials_has_token(request->credentials)
               ? OSSDL_EXPIRES_TOKEN_MAX
               : OSSDL_EXPIRES_V4_MAX;
}

/* A URL dies with the credentials it was signed with: better to know now. */
static enum ossdl_status check_expires(const struct ossdl_sign_request *request,
                                       int64_t expires_s,
                                       struct ossdl_error *err)
{
    int64_t end = ossdl_credentials_expires_at(request->credentials);
    int64_t max = expires_max(request);

    if (expires_s < 1 || expires_s > max) {
        return ossdl_error_set(
            err, OSSDL_EINVALID, "expires",
            "expires is %lld seconds; a signed URL may "
            "live 1 to %lld%s",
            (long long) expires_s, (long long) max,
            max == OSSDL_EXPIRES_TOKEN_MAX ? " with a security token" : "");
    }
    if (end > 0 && end <= request->now) {
        return ossdl_error_set(err, OSSDL_ECREDENTIALS, NULL,
                               "the credentials have expired; get new ones");
    }
    if (end > 0 && expires_s > end - request->now) {
        return ossdl_error_set(err, OSSDL_EINVALID, "expires",
                               "expires is %lld seconds, but the credentials "
                               "live only %lld more; choose less",
                               (long long) expires_s,
                               (long long) (end - request->now));
    }
    return OSSDL_OK;
}

static enum ossdl_status sign_query(const struct ossdl_sign_request *request,
                                    int64_t expires_s,
                                    struct ossdl_pairs *query)
{
    enum ossdl_status status = OSSDL_OK;

    if (request->query) {
        status = ossdl_pairs_copy(query, request->query);
    }
    if (status == OSSDL_OK && request->version == OSSDL_SIGNATURE_V4) {
        status = ossdl_sign_v4_query(request, expires_s, query);
    } else if (status == OSSDL_OK && request->version == OSSDL_SIGNATURE_V1) {
        status = ossdl_sign_v1_query(request, expires_s, query);
    }
    return status;
}

enum ossdl_status ossdl_sign_url(const struct ossdl_sign_request *request,
                                 const struct ossdl_endpoint *endpoint,
                                 int64_t expires_s, struct ossdl_buf *out,
                                 struct ossdl_error *err)
{
    struct ossdl_pairs query;
    enum ossdl_status status = check(request, false, err);

    if (status == OSSDL_OK && request->version != OSSDL_SIGNATURE_NONE) {
        status = check_expires(request, expires_s, err);
    }
    if (status != OSSDL_OK) {
        return status;
    }
    ossdl_pairs_init(&query);
    status = sign_query(request, expires_s, &query);
    if (status == OSSDL_OK) {
        status = ossdl_endpoint_url(endpoint, request->bucket, request->object,
                                    &query, out);
    }
    ossdl_pairs_cleanup(&query);
    return explain(status, err);
}
