#include "sign_v1.h"

#include "canonical.h"
#include "codec.h"

#include <string.h>

/*
 * Parameters that are part of the signed resource beside those whose name
 * begins with "x-oss-". Case matters. It is the union of what the official
 * SDKs sign: none of them has the whole list.
 */
static const char *const SUB_RESOURCES[] = {
    "acl",
    "append",
    "asyncFetch",
    "bucketInfo",
    "callback",
    "callback-var",
    "cloudboxes",
    "cname",
    "comp",
    "continuation-token",
    "cors",
    "delete",
    "encryption",
    "endTime",
    "img",
    "inventory",
    "inventoryId",
    "lifecycle",
    "live",
    "location",
    "logging",
    "metaQuery",
    "objectMeta",
    "partNumber",
    "policy",
    "position",
    "qos",
    "qosInfo",
    "referer",
    "regionList",
    "replication",
    "replicationLocation",
    "replicationProgress",
    "requestPayment",
    "resourceGroup",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "responseHeader",
    "restore",
    "rtc",
    "security-token",
    "sequential",
    "startTime",
    "stat",
    "status",
    "style",
    "styleName",
    "symlink",
    "tagging",
    "transferAcceleration",
    "udf",
    "udfApplication",
    "udfApplicationLog",
    "udfId",
    "udfImage",
    "udfImageDesc",
    "udfName",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "vod",
    "website",
    "withHashContext",
    "worm",
    "wormExtend",
    "wormId",
};

#define SIGNATURE_MAX 64 /* base64 of 20 bytes is 28 */

static bool is_sub_resource(const char *name)
{
    if (strncmp(name, "x-oss-", 6) == 0) {
        return true;
    }
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(SUB_RESOURCES); i++) {
        if (strcmp(SUB_RESOURCES[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static enum ossdl_status collect_resources(const struct ossdl_pairs *query,
                                           struct ossdl_pairs *out)
{
    enum ossdl_status status = OSSDL_OK;

    for (size_t i = 0; query && status == OSSDL_OK && i < query->count; i++) {
        const struct ossdl_pair *pair = &query->items[i];

        if (is_sub_resource(pair->name)) {
            status = ossdl_pairs_add(out, ossdl_slice_str(pair->name),
                                     ossdl_slice_str(pair->value));
        }
    }
    ossdl_pairs_sort(out);
    return status;
}

/* "?a&b=1", nothing encoded; nothing at all without sub-resources. */
static enum ossdl_status append_resources(const struct ossdl_pairs *query,
                                          struct ossdl_buf *out)
{
    struct ossdl_pairs resources;
    enum ossdl_status status;

    ossdl_pairs_init(&resources);
    status = collect_resources(query, &resources);
    for (size_t i = 0; status == OSSDL_OK && i < resources.count; i++) {
        const struct ossdl_pair *pair = &resources.items[i];

        ossdl_buf_append_char(out, i == 0 ? '?' : '&');
        ossdl_buf_append_str(out, pair->name);
        if (pair->value[0] != '\0') {
            ossdl_buf_append_char(out, '=');
            ossdl_buf_append_str(out, pair->value);
        }
    }
    ossdl_pairs_cleanup(&resources);
    return status == OSSDL_OK ? ossdl_buf_check(out) : status;
}

/* The request's x-oss-* headers and the token's, which is sent beside them
 * unless the signature is in a URL. */
static enum ossdl_status append_headers(const struct ossdl_pairs *headers,
                                        struct ossdl_slice token,
                                        struct ossdl_buf *out)
{
    struct ossdl_pairs signed_ones;
    enum ossdl_status status = OSSDL_OK;

    ossdl_pairs_init(&signed_ones);
    for (size_t i = 0; headers && status == OSSDL_OK && i < headers->count;
         i++) {
        const struct ossdl_pair *header = &headers->items[i];

        if (strncasecmp(header->name, "x-oss-", 6) == 0) {
            status = ossdl_canonical_header_add(&signed_ones, header->name,
                                                ossdl_slice_str(header->value));
        }
    }
    if (status == OSSDL_OK && token.len > 0) {
        status = ossdl_canonical_header_add(&signed_ones,
                                            "x-oss-security-token", token);
    }
    if (status == OSSDL_OK) {
        status = ossdl_canonical_headers(&signed_ones, out);
    }
    ossdl_pairs_cleanup(&signed_ones);
    return status;
}

static void append_header_line(const struct ossdl_pairs *headers,
                               const char *name, struct ossdl_buf *out)
{
    const char *value = headers ? ossdl_pairs_get(headers, name) : NULL;

    ossdl_buf_append_slice(out, ossdl_slice_trim(ossdl_slice_str(value)));
    ossdl_buf_append_char(out, '\n');
}

static enum ossdl_status
append_string_to_sign(const struct ossdl_sign_request *request,
                      const struct ossdl_pairs *query, struct ossdl_slice token,
                      struct ossdl_slice date, struct ossdl_buf *out)
{
    enum ossdl_status status;

    ossdl_buf_append_str(out, request->method);
    ossdl_buf_append_char(out, '\n');
    append_header_line(request->headers, "content-md5", out);
    append_header_line(request->headers, "content-type", out);
    ossdl_buf_append_slice(out, date);
    ossdl_buf_append_char(out, '\n');
    status = append_headers(request->headers, token, out);
    if (status == OSSDL_OK) {
        status =
            ossdl_canonical_path(request->bucket, request->object, false, out);
    }
    return status == OSSDL_OK ? append_resources(query, out) : status;
}

/* Appends the signature in base64. */
static enum ossdl_status sign(const struct ossdl_sign_request *request,
                              const struct ossdl_pairs *query,
                              struct ossdl_slice token, struct ossdl_slice date,
                              struct ossdl_buf *out)
{
    struct ossdl_buf text;
    unsigned char digest[OSSDL_SHA1_BYTES];
    enum ossdl_status status;

    ossdl_buf_init_secret(&text, 2 * OSSDL_URL_MAX);
    status = append_string_to_sign(request, query, token, date, &text);
    if (status == OSSDL_OK) {
        status = ossdl_hmac_sha1(ossdl_credentials_secret(request->credentials),
                                 ossdl_buf_slice(&text), digest);
    }
    ossdl_buf_cleanup(&text);
    return status == OSSDL_OK ? ossdl_base64_append(out, digest, sizeof digest)
                              : status;
}

/* x-oss-date, if the request has it, counts instead of Date. */
static struct ossdl_slice find_date(const struct ossdl_sign_request *request,
                                    const char *date)
{
    const char *chosen = request->headers
                             ? ossdl_pairs_get(request->headers, "x-oss-date")
                             : NULL;

    return ossdl_slice_trim(ossdl_slice_str(chosen ? chosen : date));
}

static enum ossdl_status
add_authorization(const struct ossdl_sign_request *request,
                  struct ossdl_slice date, struct ossdl_pairs *out)
{
    struct ossdl_buf text;
    enum ossdl_status status;

    ossdl_buf_init(&text, OSSDL_KEY_ID_MAX + SIGNATURE_MAX);
    ossdl_buf_printf(&text,
                     "OSS %s:", ossdl_credentials_key_id(request->credentials));
    status = sign(request, request->query,
                  ossdl_credentials_token(request->credentials), date, &text);
    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(out, ossdl_slice_str("Authorization"),
                                 ossdl_buf_slice(&text));
    }
    ossdl_buf_cleanup(&text);
    return status;
}

enum ossdl_status
ossdl_sign_v1_headers(const struct ossdl_sign_request *request,
                      struct ossdl_pairs *out)
{
    struct ossdl_slice token = ossdl_credentials_token(request->credentials);
    char date[OSSDL_TIME_HTTP_BYTES];
    enum ossdl_status status = ossdl_time_http(request->now, date);

    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(out, ossdl_slice_str("Date"),
                                 ossdl_slice_str(date));
    }
    if (status == OSSDL_OK && token.len > 0) {
        status = ossdl_pairs_add(out, ossdl_slice_str("x-oss-security-token"),
                                 token);
    }
    return status == OSSDL_OK
               ? add_authorization(request, find_date(request, date), out)
               : status;
}

static enum ossdl_status add_signature(const struct ossdl_sign_request *request,
                                       struct ossdl_slice expires,
                                       struct ossdl_pairs *query)
{
    struct ossdl_buf text;
    enum ossdl_status status;

    ossdl_buf_init(&text, SIGNATURE_MAX);
    status = sign(request, query, ossdl_slice_str(NULL), expires, &text);
    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(query, ossdl_slice_str("Signature"),
                                 ossdl_buf_slice(&text));
    }
    ossdl_buf_cleanup(&text);
    return status;
}

/* "Expires" and "OSSAccessKeyId" are not signed, but the token is: it must
 * be among the parameters first. */
static enum ossdl_status
add_parameters(const struct ossdl_sign_request *request,
               struct ossdl_slice expires, struct ossdl_pairs *query)
{
    struct ossdl_slice token = ossdl_credentials_token(request->credentials);
    enum ossdl_status status = OSSDL_OK;

    if (token.len > 0) {
        status =
            ossdl_pairs_add(query, ossdl_slice_str("security-token"), token);
    }
    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(query, ossdl_slice_str("Expires"), expires);
    }
    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(
            query, ossdl_slice_str("OSSAccessKeyId"),
            ossdl_slice_str(ossdl_credentials_key_id(request->credentials)));
    }
    return status == OSSDL_OK ? add_signature(request, expires, query) : status;
}

enum ossdl_status ossdl_sign_v1_query(const struct ossdl_sign_request *request,
                                      int64_t expires_s,
                                      struct ossdl_pairs *query)
{
    struct ossdl_buf expires;
    enum ossdl_status status;

    ossdl_buf_init(&expires, 32);
    ossdl_buf_printf(&expires, "%lld", (long long) (request->now + expires_s));
    status = ossdl_buf_check(&expires);
    if (status == OSSDL_OK) {
        status = add_parameters(request, ossdl_buf_slice(&expires), query);
    }
    ossdl_buf_cleanup(&expires);
    return status;
}
