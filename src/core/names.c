#include "names.h"

#include "ascii.h"
#include "codec.h"

#include <string.h>
#include <strings.h>

/* A name that a user may not set, and what to do instead. */
struct owned {
    const char *name; /* lower case */
    const char *advice;
};

#define BY_SIGNATURE "leave it out: the signature brings it"
#define BY_RANGES "leave it out: ossdl chooses the ranges"
#define BY_VERSION "use the option version_id to choose a version"
#define BY_CONNECTION "leave it out: it belongs to the connection"
#define UNCONDITIONAL "leave it out: a download has no conditions"
#define NOT_THE_BYTES \
    "leave it out: it asks for something else than the object's bytes"
#define PROCESSED                                                           \
    "leave it out: what processing returns has no fixed length or checksum" \
    ", so it cannot be fetched in ranges"

static const struct owned OWNED_HEADERS[] = {
    {"accept-encoding", "leave it out: the bytes must come as they are stored"},
    {"authorization", "use access_key_id and access_key_secret"},
    {"connection", BY_CONNECTION},
    {"content-length", BY_CONNECTION},
    {"date", BY_SIGNATURE},
    {"expect", BY_CONNECTION},
    {"host", "use the option endpoint"},
    {"if-match", BY_VERSION},
    {"if-modified-since", UNCONDITIONAL},
    {"if-none-match", UNCONDITIONAL},
    {"if-range", BY_RANGES},
    {"if-unmodified-since", UNCONDITIONAL},
    {"keep-alive", BY_CONNECTION},
    {"proxy-authorization", "write user and password into the option proxy"},
    {"proxy-connection", BY_CONNECTION},
    {"range", BY_RANGES},
    {"te", BY_CONNECTION},
    {"trailer", BY_CONNECTION},
    {"transfer-encoding", BY_CONNECTION},
    {"upgrade", BY_CONNECTION},
    {"user-agent", "use the option user_agent"},
    {"x-oss-content-sha256", BY_SIGNATURE},
    {"x-oss-date", BY_SIGNATURE},
    {"x-oss-multi-range-behavior", BY_RANGES},
    {"x-oss-range-behavior", BY_RANGES},
    {"x-oss-security-token", "use the option security_token"},
    {"x-oss-traffic-limit", "use the option traffic_limit"},
};

/* What a signature in a URL consists of; V4 and then V1. */
static const struct owned SIGNING_PARAMETERS[] = {
    {"x-oss-additional-headers", BY_SIGNATURE},
    {"x-oss-credential", BY_SIGNATURE},
    {"x-oss-date", BY_SIGNATURE},
    {"x-oss-expires", BY_SIGNATURE},
    {"x-oss-security-token", "use the option security_token"},
    {"x-oss-signature", BY_SIGNATURE},
    {"x-oss-signature-version", BY_SIGNATURE},
    {"expires", BY_SIGNATURE},
    {"ossaccesskeyid", BY_SIGNATURE},
    {"security-token", "use the option security_token"},
    {"signature", BY_SIGNATURE},
};

static const struct owned OWNED_PARAMETERS[] = {
    {"acl", NOT_THE_BYTES},
    {"objectmeta", NOT_THE_BYTES},
    {"response-content-encoding",
     "leave it out: the bytes must come as they are stored"},
    {"symlink", NOT_THE_BYTES},
    {"tagging", NOT_THE_BYTES},
    {"uploadid", NOT_THE_BYTES},
    {"uploads", NOT_THE_BYTES},
    {"versionid", BY_VERSION},
    {"x-oss-async-process", PROCESSED},
    {"x-oss-process", PROCESSED},
    {"x-oss-traffic-limit", "use the option traffic_limit"},
};

static const struct owned *find_owned(const struct owned *table, size_t count,
                                      const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static bool is_alnum_lower(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool bucket_valid(struct ossdl_slice bucket)
{
    if (bucket.len < OSSDL_BUCKET_MIN || bucket.len > OSSDL_BUCKET_MAX ||
        bucket.ptr[0] == '-' || bucket.ptr[bucket.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < bucket.len; i++) {
        if (!is_alnum_lower(bucket.ptr[i]) && bucket.ptr[i] != '-') {
            return false;
        }
    }
    return true;
}

enum ossdl_status ossdl_bucket_check(struct ossdl_slice bucket,
                                     struct ossdl_error *err)
{
    if (bucket_valid(bucket)) {
        return OSSDL_OK;
    }
    if (bucket.len == 0) {
        return ossdl_error_set(err, OSSDL_EINVALID, "bucket",
                               "bucket is empty; give the bucket's name");
    }
    return ossdl_error_set(
        err, OSSDL_EINVALID, "bucket",
        "\"%.*s\" is no bucket name; it has %d to %d of the characters a-z, "
        "0-9 and \"-\", with a letter or digit first and last",
        (int) (bucket.len > 80 ? 80 : bucket.len), bucket.ptr, OSSDL_BUCKET_MIN,
        OSSDL_BUCKET_MAX);
}

static enum ossdl_status object_error(struct ossdl_error *err,
                                      const char *problem)
{
    return ossdl_error_set(err, OSSDL_EINVALID, "object",
                           "the object's name %s", problem);
}

enum ossdl_status ossdl_object_check(struct ossdl_slice object,
                                     struct ossdl_error *err)
{
    if (object.len == 0) {
        return object_error(err, "is empty; give the key of an object");
    }
    if (object.len > OSSDL_OBJECT_MAX) {
        return ossdl_error_set(err, OSSDL_EINVALID, "object",
                               "the object's name has %zu bytes; OSS allows %d",
                               object.len, OSSDL_OBJECT_MAX);
    }
    if (object.ptr[0] == '/' || object.ptr[0] == '\\') {
        return object_error(err, "starts with \"/\" or \"\\\", which OSS does "
                                 "not allow; leave that character out");
    }
    if (memchr(object.ptr, '\0', object.len)) {
        return object_error(err, "has a NUL byte, which cannot be sent");
    }
    if (!ossdl_utf8_valid(object)) {
        return object_error(err, "is not UTF-8; convert it first");
    }
    return OSSDL_OK;
}

bool ossdl_header_name_valid(struct ossdl_slice name)
{
    static const char MARKS[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        bool letter = (byte >= 'a' && byte <= 'z') ||
                      (byte >= 'A' && byte <= 'Z') ||
                      (byte >= '0' && byte <= '9');

        if (!letter && (byte == '\0' || !strchr(MARKS, byte))) {
            return false;
        }
    }
    return name.len > 0;
}

static enum ossdl_status pair_error(struct ossdl_error *err, const char *what,
                                    const char *name, const char *problem)
{
    return ossdl_error_set(err, OSSDL_EINVALID, what, "%s[\"%.100s\"]: %s",
                           what, name, problem);
}

static enum ossdl_status check_bytes(const struct ossdl_pairs *pairs,
                                     const char *what, struct ossdl_error *err)
{
    size_t bytes = 0;

    for (size_t i = 0; i < pairs->count; i++) {
        bytes += strlen(pairs->items[i].name) + strlen(pairs->items[i].value);
    }
    if (bytes > OSSDL_LIST_BYTES_MAX) {
        return ossdl_error_set(err, OSSDL_EINVALID, what,
                               "%s: %zu bytes altogether, more than %d; leave "
                               "some out",
                               what, bytes, OSSDL_LIST_BYTES_MAX);
    }
    return OSSDL_OK;
}

/* Whether a pair before index `at` has its name. */
static bool is_repeated(const struct ossdl_pairs *pairs, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcasecmp(pairs->items[i].name, pairs->items[at].name) == 0) {
            return true;
        }
    }
    return false;
}

static enum ossdl_status header_check_form(const struct ossdl_pair *header,
                                           struct ossdl_error *err)
{
    if (!ossdl_header_name_valid(ossdl_slice_str(header->name))) {
        return pair_error(err, "headers", header->name,
                          "not a legal header name");
    }
    if (ossdl_has_control(ossdl_slice_str(header->value))) {
        return pair_error(err, "headers", header->name,
                          "the value has a line break or another control "
                          "character; remove it");
    }
    if (ossdl_slice_trim(ossdl_slice_str(header->value)).len == 0) {
        return pair_error(err, "headers", header->name,
                          "the value is empty; leave the header out instead");
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_headers_check_form(const struct ossdl_pairs *headers,
                                           struct ossdl_error *err)
{
    for (size_t i = 0; i < headers->count; i++) {
        enum ossdl_status status = header_check_form(&headers->items[i], err);

        if (status == OSSDL_OK && is_repeated(headers, i)) {
            status = pair_error(err, "headers", headers->items[i].name,
                                "given twice; keep one");
        }
        if (status != OSSDL_OK) {
            return status;
        }
    }
    return check_bytes(headers, "headers", err);
}

static enum ossdl_status check_owned(const struct ossdl_pairs *pairs,
                                     const char *what,
                                     const struct owned *table, size_t count,
                                     struct ossdl_error *err)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const char *name = pairs->items[i].name;
        const struct owned *owned = find_owned(table, count, name);

        if (owned) {
            return pair_error(err, what, name, owned->advice);
        }
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_headers_check(const struct ossdl_pairs *headers,
                                      struct ossdl_error *err)
{
    enum ossdl_status status = ossdl_headers_check_form(headers, err);

    if (status == OSSDL_OK) {
        status = check_owned(headers, "headers", OWNED_HEADERS,
                             OSSDL_ARRAY_LEN(OWNED_HEADERS), err);
    }
    return status;
}

enum ossdl_status ossdl_query_check_unsigned(const struct ossdl_pairs *query,
                                             struct ossdl_error *err)
{
    enum ossdl_status status = check_bytes(query, "query", err);

    if (status == OSSDL_OK) {
        status = check_owned(query, "query", SIGNING_PARAMETERS,
                             OSSDL_ARRAY_LEN(SIGNING_PARAMETERS), err);
    }
    return status;
}

static enum ossdl_status query_check_form(const struct ossdl_pairs *query,
                                          struct ossdl_error *err)
{
    for (size_t i = 0; i < query->count; i++) {
        const struct ossdl_pair *pair = &query->items[i];

        if (!ossdl_utf8_valid(ossdl_slice_str(pair->name)) ||
            !ossdl_utf8_valid(ossdl_slice_str(pair->value))) {
            return pair_error(err, "query", pair->name,
                              "not UTF-8; convert it first");
        }
        if (is_repeated(query, i)) {
            return pair_error(err, "query", pair->name,
                              "given twice; keep one");
        }
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_query_check(const struct ossdl_pairs *query,
                                    struct ossdl_error *err)
{
    enum ossdl_status status = query_check_form(query, err);

    if (status == OSSDL_OK) {
        status = ossdl_query_check_unsigned(query, err);
    }
    if (status == OSSDL_OK) {
        status = check_owned(query, "query", OWNED_PARAMETERS,
                             OSSDL_ARRAY_LEN(OWNED_PARAMETERS), err);
    }
    return status;
}
