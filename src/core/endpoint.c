#include "endpoint.h"

#include "canonical.h"
#include "codec.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 253 /* of a name, by RFC 1035 */
#define LABEL_MAX 63

static enum ossdl_status fail(struct ossdl_error *err, const char *problem)
{
    return ossdl_error_set(err, OSSDL_EINVALID, "endpoint", "endpoint %s",
                           problem);
}

/* For what is known to be a host and nothing more, so that it may be shown. */
static enum ossdl_status fail_host(struct ossdl_error *err,
                                   struct ossdl_slice host, const char *problem)
{
    return ossdl_error_set(err, OSSDL_EINVALID, "endpoint",
                           "endpoint \"%.*s\" %s",
                           (int) (host.len > 80 ? 80 : host.len),
                           host.len > 0 ? host.ptr : "", problem);
}

static void drop(struct ossdl_slice *text, size_t len)
{
    text->ptr += len;
    text->len -= len;
}

static bool drop_scheme(struct ossdl_slice *text, const char *scheme)
{
    struct ossdl_slice head = *text;

    if (text->len < strlen(scheme)) {
        return false;
    }
    head.len = strlen(scheme);
    if (!ossdl_slice_is_nocase(head, scheme)) {
        return false;
    }
    drop(text, head.len);
    return true;
}

static bool has(struct ossdl_slice text, char byte)
{
    return text.len > 0 && memchr(text.ptr, byte, text.len);
}

static enum ossdl_status parse_scheme(struct ossdl_slice *text,
                                      struct ossdl_endpoint *out,
                                      struct ossdl_error *err)
{
    out->tls = true;
    if (drop_scheme(text, "http://")) {
        out->tls = false;
    } else if (!drop_scheme(text, "https://") && text->len >= 3 &&
               memmem(text->ptr, text->len, "://", 3)) {
        return fail(err, "has an unknown scheme; use https:// or http://");
    }
    return OSSDL_OK;
}

/* Leaves host[:port]. The texts refused here may hold a password or a signed
 * query, so no message shows them. */
static enum ossdl_status trim_authority(struct ossdl_slice *text,
                                        struct ossdl_error *err)
{
    if (has(*text, '@')) {
        return fail(err, "has a user name in it; write only host[:port]");
    }
    if (text->len > 0 && text->ptr[text->len - 1] == '/') {
        text->len--;
    }
    if (has(*text, '/') || has(*text, '?') || has(*text, '#') ||
        has(*text, '\\')) {
        return fail(err, "has a path or query in it; write only host[:port]");
    }
    if (text->len == 0) {
        return fail(err, "has no host; write it like "
                         "\"oss-cn-hangzhou.aliyuncs.com\"");
    }
    return OSSDL_OK;
}

static enum ossdl_status parse_port(struct ossdl_slice digits,
                                    struct ossdl_endpoint *out,
                                    struct ossdl_error *err)
{
    unsigned port = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || port > 65535) {
            port = 0;
            break;
        }
        port = port * 10 + (unsigned) (digits.ptr[i] - '0');
    }
    if (port == 0 || port > 65535) {
        return fail(err, "has a bad port; it is a number from 1 to 65535");
    }
    out->port = port == (out->tls ? 443U : 80U) ? 0 : port;
    return OSSDL_OK;
}

/* Divides host[:port] or [address][:port]. A second colon outside of brackets
 * is an IPv6 address without them. */
static enum ossdl_status split_port(struct ossdl_slice *text,
                                    struct ossdl_endpoint *out,
                                    struct ossdl_error *err)
{
    size_t host_len = text->len;
    const char *mark =
        memchr(text->ptr, text->ptr[0] == '[' ? ']' : ':', text->len);
    struct ossdl_slice rest;

    if (mark) {
        host_len = (size_t) (mark - text->ptr) + (*mark == ']' ? 1 : 0);
    }
    rest = ossdl_slice_of(text->ptr + host_len, text->len - host_len);
    text->len = host_len;
    if (rest.len == 0) {
        return OSSDL_OK;
    }
    if (rest.ptr[0] != ':' ||
        has(ossdl_slice_of(rest.ptr + 1, rest.len - 1), ':')) {
        return fail(err, "is not host[:port]; an IPv6 address stands in "
                         "brackets: \"[::1]:9000\"");
    }
    drop(&rest, 1);
    return parse_port(rest, out, err);
}

static bool is_label_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '_';
}

/* Letters, digits and hyphens in dotted labels; lower case. */
static bool is_name(const char *host)
{
    size_t label = 0;

    for (const char *at = host;; at++) {
        if (is_label_byte(*at)) {
            if (++label > LABEL_MAX || (label == 1 && *at == '-')) {
                return false;
            }
            continue;
        }
        if ((*at != '.' && *at != '\0') || label == 0 || at[-1] == '-') {
            return false;
        }
        if (*at == '\0') {
            return true;
        }
        label = 0;
    }
}

static bool is_ipv4(const char *host)
{
    unsigned char address[4];

    return inet_pton(AF_INET, host, address) == 1;
}

static bool is_ipv6(const char *host)
{
    unsigned char address[16];
    char text[INET6_ADDRSTRLEN];
    size_t len = strlen(host);

    if (host[0] != '[' || host[len - 1] != ']' || len - 2 >= sizeof text) {
        return false;
    }
    memcpy(text, host + 1, len - 2);
    text[len - 2] = '\0';
    return inet_pton(AF_INET6, text, address) == 1;
}

/* A name whose last label is a number would be taken for an address, but by
 * rules that differ from system to system. */
static bool is_number_like(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *label = dot ? dot + 1 : host;

    return label[strspn(label, "0123456789")] == '\0';
}

static enum ossdl_status parse_host(struct ossdl_slice host,
                                    struct ossdl_endpoint *out,
                                    struct ossdl_error *err)
{
    if (host.len > HOST_MAX || has(host, '\0')) {
        return fail(err, "has a host that is too long or has a NUL byte");
    }
    memcpy(out->host, host.ptr, host.len);
    out->host[host.len] = '\0';
    ossdl_ascii_lower(out->host, host.len);
    if (is_ipv6(out->host) || is_ipv4(out->host)) {
        return OSSDL_OK;
    }
    if (!is_name(out->host)) {
        return fail_host(err, host,
                         "is no host name; it has letters, digits, \"-\" and "
                         "\".\", and other scripts in their xn-- form");
    }
    if (is_number_like(out->host)) {
        return fail_host(err, host, "is no IP address of four numbers");
    }
    return OSSDL_OK;
}

static unsigned count_dots(const char *host)
{
    unsigned count = 0;

    for (; *host; host++) {
        count += *host == '.' ? 1 : 0;
    }
    return count;
}

/* The host after a bucket's label, if it is the service's own, or NULL. */
static const char *host_after_bucket(const char *host)
{
    static const char DOMAIN[] = ".aliyuncs.com";
    const char *after = strchr(host, '.');
    size_t len = strlen(host);
    unsigned dots = count_dots(host);

    if (!after || len < strlen(DOMAIN) ||
        strcmp(host + len - strlen(DOMAIN), DOMAIN) != 0) {
        return NULL;
    }
    after++;
    if ((dots == 3 && strncmp(after, "oss-", 4) == 0) ||
        (dots == 4 && strstr(after, ".oss.aliyuncs.com"))) {
        return after;
    }
    return NULL;
}

static enum ossdl_status choose_style(bool path_style, bool cname,
                                      struct ossdl_endpoint *out,
                                      struct ossdl_error *err)
{
    const char *better = host_after_bucket(out->host);

    if (path_style && cname) {
        return ossdl_error_set(err, OSSDL_EINVALID, "cname",
                               "cname and path_style exclude each other; "
                               "choose one");
    }
    if (better && !cname) {
        return ossdl_error_set(
            err, OSSDL_EINVALID, "endpoint",
            "endpoint \"%s\" starts with a bucket; write endpoint = \"%s\" "
            "and name the bucket in the option bucket",
            out->host, better);
    }
    if (cname) {
        out->style = OSSDL_ENDPOINT_CNAME;
    } else if (path_style || out->host[0] == '[' || is_ipv4(out->host) ||
               strcmp(out->host, "localhost") == 0) {
        out->style = OSSDL_ENDPOINT_PATH;
    }
    return OSSDL_OK;
}

static enum ossdl_status choose_region(struct ossdl_slice region,
                                       struct ossdl_endpoint *out,
                                       struct ossdl_error *err)
{
    struct ossdl_slice host = ossdl_slice_str(out->host);
    const char *product =
        ossdl_region_is_cloudbox(host) ? "oss-cloudbox" : "oss";

    memcpy(out->product, product, strlen(product) + 1);
    if (region.len == 0) {
        (void) ossdl_region_from_host(host, out->region);
        return OSSDL_OK;
    }
    if (ossdl_region_check(region, err) != OSSDL_OK) {
        return OSSDL_EINVALID;
    }
    memcpy(out->region, region.ptr, region.len);
    return OSSDL_OK;
}

enum ossdl_status ossdl_endpoint_parse(struct ossdl_slice text,
                                       struct ossdl_slice region,
                                       bool path_style, bool cname,
                                       struct ossdl_endpoint *out,
                                       struct ossdl_error *err)
{
    enum ossdl_status status;

    memset(out, 0, sizeof *out);
    status = parse_scheme(&text, out, err);
    if (status == OSSDL_OK) {
        status = trim_authority(&text, err);
    }
    if (status == OSSDL_OK) {
        status = split_port(&text, out, err);
    }
    if (status == OSSDL_OK) {
        status = parse_host(text, out, err);
    }
    if (status == OSSDL_OK) {
        status = choose_style(path_style, cname, out, err);
    }
    if (status == OSSDL_OK) {
        status = choose_region(region, out, err);
    }
    return status;
}

enum ossdl_status
ossdl_endpoint_check_region(const struct ossdl_endpoint *endpoint,
                            struct ossdl_error *err)
{
    if (endpoint->region[0] != '\0') {
        return OSSDL_OK;
    }
    return ossdl_error_set(
        err, OSSDL_EINVALID, "region",
        "the endpoint \"%s\" does not tell the bucket's region, and the "
        "signature needs it; add the option region, like \"cn-hangzhou\"",
        endpoint->host);
}

/* <scheme>://<host>[:port]/ and, in path style, the bucket. */
static void append_origin(const struct ossdl_endpoint *endpoint,
                          struct ossdl_slice bucket, struct ossdl_buf *out)
{
    ossdl_buf_append_str(out, endpoint->tls ? "https://" : "http://");
    if (endpoint->style == OSSDL_ENDPOINT_VIRTUAL && bucket.len > 0) {
        ossdl_percent_append(out, bucket, false);
        ossdl_buf_append_char(out, '.');
    }
    ossdl_buf_append_str(out, endpoint->host);
    if (endpoint->port != 0) {
        ossdl_buf_printf(out, ":%u", endpoint->port);
    }
    ossdl_buf_append_char(out, '/');
    if (endpoint->style == OSSDL_ENDPOINT_PATH && bucket.len > 0) {
        ossdl_percent_append(out, bucket, false);
        ossdl_buf_append_char(out, '/');
    }
}

enum ossdl_status ossdl_endpoint_url(const struct ossdl_endpoint *endpoint,
                                     struct ossdl_slice bucket,
                                     struct ossdl_slice object,
                                     const struct ossdl_pairs *query,
                                     struct ossdl_buf *out)
{
    append_origin(endpoint, bucket, out);
    ossdl_percent_append(out, object, true);
    if (query && query->count > 0) {
        ossdl_buf_append_char(out, '?');
        ossdl_canonical_query(query, out);
    }
    return ossdl_buf_check(out);
}

enum ossdl_status ossdl_endpoint_from_region(struct ossdl_slice region,
                                             struct ossdl_buf *out)
{
    if (ossdl_region_check(region, NULL) != OSSDL_OK ||
        ossdl_slice_starts(region, "cb-")) {
        return OSSDL_EINVALID;
    }
    ossdl_buf_append_str(out, "https://oss-");
    ossdl_buf_append_slice(out, region);
    ossdl_buf_append_str(out, ".aliyuncs.com");
    return ossdl_buf_check(out);
}
