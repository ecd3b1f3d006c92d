#include "region.h"

#include "ascii.h"

#include <string.h>

static bool is_lower(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool drop_prefix(struct ossdl_slice *text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (!ossdl_slice_starts(*text, prefix)) {
        return false;
    }
    text->ptr += len;
    text->len -= len;
    return true;
}

static bool drop_suffix(struct ossdl_slice *text, const char *suffix)
{
    size_t len = strlen(suffix);

    if (text->len < len ||
        memcmp(text->ptr + text->len - len, suffix, len) != 0) {
        return false;
    }
    text->len -= len;
    return true;
}

static bool contains(struct ossdl_slice text, const char *word)
{
    return memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* Of the host names that look like a region's, these do not carry its id. */
static bool is_special(struct ossdl_slice id)
{
    return contains(id, "finance") || contains(id, "hzjbp");
}

static size_t count_while(struct ossdl_slice text, size_t from,
                          bool (*is)(char byte))
{
    size_t count = 0;

    while (from + count < text.len && is(text.ptr[from + count])) {
        count++;
    }
    return count;
}

/* Two letters, a word and perhaps a number: "cn-hangzhou", "us-west-1". */
static bool is_usual_id(struct ossdl_slice id)
{
    size_t at;
    size_t digits;

    if (count_while(id, 0, is_lower) != 2 || id.len < 4 || id.ptr[2] != '-') {
        return false;
    }
    at = 3 + count_while(id, 3, is_lower);
    if (at == 3) {
        return false;
    }
    if (at == id.len) {
        return true;
    }
    digits = count_while(id, at + 1, ossdl_is_digit);
    return id.ptr[at] == '-' && digits > 0 && at + 1 + digits == id.len;
}

static bool copy_id(struct ossdl_slice id, char out[OSSDL_REGION_BYTES])
{
    if (id.len >= OSSDL_REGION_BYTES) {
        return false;
    }
    memcpy(out, id.ptr, id.len);
    out[id.len] = '\0';
    return true;
}

/* "cb-<id>" of a cloudbox host; false for any other. */
static bool cloudbox_id(struct ossdl_slice host, struct ossdl_slice *out)
{
    const char *dot;

    if (!drop_suffix(&host, ".oss-cloudbox.aliyuncs.com") &&
        !drop_suffix(&host, ".oss-cloudbox-control.aliyuncs.com")) {
        return false;
    }
    dot = host.len > 0 ? memchr(host.ptr, '.', host.len) : NULL;
    if (!dot || dot + 1 == host.ptr + host.len ||
        memchr(dot + 1, '.', (size_t) (host.ptr + host.len - dot) - 1)) {
        return false;
    }
    *out = ossdl_slice_of(host.ptr, (size_t) (dot - host.ptr));
    return ossdl_slice_starts(*out, "cb-") && out->len > strlen("cb-");
}

bool ossdl_region_is_cloudbox(struct ossdl_slice host)
{
    struct ossdl_slice id;

    return cloudbox_id(host, &id);
}

bool ossdl_region_from_host(struct ossdl_slice host,
                            char out[OSSDL_REGION_BYTES])
{
    struct ossdl_slice id;

    if (cloudbox_id(host, &id)) {
        return copy_id(id, out);
    }
    if (!drop_suffix(&host, ".aliyuncs.com")) {
        return false;
    }
    if (drop_prefix(&host, "oss-")) {
        (void) drop_suffix(&host, "-internal");
    } else if (!drop_suffix(&host, ".oss")) {
        return false;
    }
    return is_usual_id(host) && !is_special(host) && copy_id(host, out);
}

static bool is_id(struct ossdl_slice region)
{
    if (region.len < 2 || region.len >= OSSDL_REGION_BYTES) {
        return false;
    }
    for (size_t i = 0; i < region.len; i++) {
        char byte = region.ptr[i];

        if (!is_lower(byte) && !ossdl_is_digit(byte) && byte != '-') {
            return false;
        }
    }
    return true;
}

enum ossdl_status ossdl_region_check(struct ossdl_slice region,
                                     struct ossdl_error *err)
{
    struct ossdl_slice id = region;
    bool decorated;

    if (!is_id(region)) {
        return ossdl_error_set(
            err, OSSDL_EINVALID, "region",
            "\"%.*s\" is no region id; write it like \"cn-hangzhou\" (a host "
            "name belongs into the option endpoint)",
            (int) (region.len > 80 ? 80 : region.len), region.ptr);
    }
    decorated = drop_prefix(&id, "oss-");
    decorated = drop_suffix(&id, "-internal") || decorated;
    if (decorated) {
        return ossdl_error_set(
            err, OSSDL_EINVALID, "region",
            "\"%.*s\" is part of a host name; write region = \"%.*s\"",
            (int) region.len, region.ptr, (int) id.len, id.ptr);
    }
    return OSSDL_OK;
}
