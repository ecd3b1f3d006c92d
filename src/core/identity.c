#include "identity.h"

#include <inttypes.h>
#include <string.h>

static enum ossdl_status unusable(struct ossdl_error *err, const char *what)
{
    return ossdl_error_set(err, OSSDL_EPROTOCOL, "UnusableAnswer",
                           "the answer %s; see whether a proxy or cache "
                           "stands between, or the endpoint is not OSS",
                           what);
}

static enum ossdl_status changed(struct ossdl_error *err, const char *what)
{
    return ossdl_error_set(err, OSSDL_ECHANGED, "ObjectChanged",
                           "the object's %s is not what it was when the "
                           "download began; start again for the new version",
                           what);
}

/* The first header that is there but cannot be used; NULL if all can. */
static const char *bad_header(const struct ossdl_reply *reply)
{
    if (reply->range_bad) {
        return "has an unusable Content-Range";
    }
    if (reply->content_length_bad) {
        return "has an unusable Content-Length";
    }
    if (reply->etag_bad) {
        return "has an unusable ETag";
    }
    if (reply->crc64_bad) {
        return "has an unusable x-oss-hash-crc64ecma";
    }
    if (reply->version_id_bad) {
        return "has an unusable x-oss-version-id";
    }
    if (reply->encoding_bad) {
        return "has an unusable Content-Encoding";
    }
    return NULL;
}

/*
 * An object may be stored under a Content-Encoding and then comes as it is,
 * with its length. One that is compressed on the way comes without.
 */
static bool compressed_on_the_way(const struct ossdl_reply *reply)
{
    return reply->content_encoding[0] &&
           strcasecmp(reply->content_encoding, "identity") != 0 &&
           (reply->chunked || !reply->has_content_length);
}

/* What every answer with data in it must fulfil; NULL if this one does. */
static const char *objection(const struct ossdl_reply *reply)
{
    const char *bad = bad_header(reply);

    if (bad) {
        return bad;
    }
    if (compressed_on_the_way(reply)) {
        return "is compressed on the way";
    }
    if (reply->etag_weak) {
        return "has a weak ETag";
    }
    if (reply->status == 206 &&
        (!reply->has_content_range || reply->range_unsatisfied)) {
        return "is partial and has no Content-Range";
    }
    if (reply->status == 206 && reply->has_content_length &&
        reply->content_length != reply->range_end - reply->range_start) {
        return "has a Content-Length that is not its range's";
    }
    return NULL;
}

/* The total of a first answer, or why there is none. */
static const char *take_size(const struct ossdl_reply *reply,
                             uint64_t asked_start, uint64_t *out_size)
{
    if (reply->status == 206) {
        *out_size = reply->range_total;
        if (reply->range_start != asked_start) {
            return "does not start where the request did";
        }
        return reply->range_total_known
                   ? NULL
                   : "does not tell the size of the object";
    }
    if (asked_start != 0) {
        return "ignores the range of the request";
    }
    if (reply->status == 200) {
        *out_size = reply->content_length;
        return reply->has_content_length && !reply->chunked
                   ? NULL
                   : "does not tell the size of the object";
    }
    *out_size = 0;
    return reply->status == 416 && reply->range_unsatisfied &&
                   reply->range_total == 0
               ? NULL
               : "has a status that is not one of data";
}

static void fill(const struct ossdl_reply *reply, uint64_t size,
                 struct ossdl_identity *out)
{
    memset(out, 0, sizeof *out);
    out->size = size;
    out->has_crc64 = reply->has_crc64;
    out->crc64 = reply->crc64;
    out->symlink = strcasecmp(reply->object_type, "Symlink") == 0;
    memcpy(out->etag, reply->etag, sizeof out->etag);
    memcpy(out->version_id, reply->version_id, sizeof out->version_id);
    memcpy(out->last_modified, reply->last_modified, sizeof out->last_modified);
}

enum ossdl_status ossdl_identity_from_reply(const struct ossdl_reply *reply,
                                            uint64_t asked_start,
                                            struct ossdl_identity *out,
                                            struct ossdl_error *err)
{
    uint64_t size = 0;
    const char *wrong = objection(reply);

    if (!wrong) {
        wrong = take_size(reply, asked_start, &size);
    }
    if (!wrong && size > INT64_MAX) {
        wrong = "tells an impossible size of the object";
    }
    if (!wrong && size > 0 && !reply->etag[0]) {
        wrong = "has no ETag";
    }
    if (wrong) {
        return unusable(err, wrong);
    }
    fill(reply, size, out);
    return OSSDL_OK;
}

bool ossdl_identity_same(const struct ossdl_identity *a,
                         const struct ossdl_identity *b)
{
    return a->size == b->size && strcmp(a->etag, b->etag) == 0 &&
           strcmp(a->version_id, b->version_id) == 0 &&
           (!a->has_crc64 || !b->has_crc64 || a->crc64 == b->crc64);
}

/* Is it of the version we want? What it says must agree; NULL if it does. */
static const char *what_changed(const struct ossdl_reply *reply,
                                const struct ossdl_identity *identity)
{
    if (strcmp(reply->etag, identity->etag) != 0) {
        return "ETag";
    }
    if (reply->version_id[0] && identity->version_id[0] &&
        strcmp(reply->version_id, identity->version_id) != 0) {
        return "version";
    }
    if (reply->range_total_known && reply->range_total != identity->size) {
        return "size";
    }
    return NULL;
}

static enum ossdl_status wrong_range(const struct ossdl_reply *reply,
                                     uint64_t start, uint64_t end,
                                     struct ossdl_error *err)
{
    return ossdl_error_set(
        err, OSSDL_EPROTOCOL, "UnusableAnswer",
        "the answer holds bytes %" PRIu64 "-%" PRIu64
        " of the object, but %" PRIu64 "-%" PRIu64 " were asked for; see "
        "whether a proxy or cache stands between",
        reply->range_start, reply->range_end - 1, start, end - 1);
}

enum ossdl_status ossdl_reply_check_part(const struct ossdl_reply *reply,
                                         const struct ossdl_identity *identity,
                                         uint64_t start, uint64_t end,
                                         struct ossdl_error *err)
{
    const char *wrong = objection(reply);

    if (reply->status != 206) {
        return unusable(err, reply->status == 200
                                 ? "ignores the range of the request"
                                 : "has a status that is not one of data");
    }
    if (!wrong && !reply->etag[0]) {
        wrong = "has no ETag";
    }
    if (wrong) {
        return unusable(err, wrong);
    }
    wrong = what_changed(reply, identity);
    if (wrong) {
        return changed(err, wrong);
    }
    if (!reply->range_total_known) {
        return unusable(err, "does not tell the size of the object");
    }
    if (reply->range_start != start || reply->range_end != end) {
        return wrong_range(reply, start, end, err);
    }
    if (reply->has_crc64 && identity->has_crc64 &&
        reply->crc64 != identity->crc64) {
        return unusable(err, "has another CRC-64 under the same ETag");
    }
    return OSSDL_OK;
}
