/*
 * Lines of an answer, then an empty line, then its body: all the way from the
 * bytes to the verdict and the message.
 */
#include "classify.h"
#include "errtext.h"
#include "fuzz.h"
#include "identity.h"
#include "reply.h"

static void require_sane(const struct ossdl_reply *reply)
{
    REQUIRE(reply->status == 0 ||
            (reply->status >= 100 && reply->status <= 999));
    REQUIRE(is_line(reply->etag, sizeof reply->etag));
    REQUIRE(is_line(reply->version_id, sizeof reply->version_id));
    REQUIRE(is_line(reply->last_modified, sizeof reply->last_modified));
    REQUIRE(is_line(reply->request_id, sizeof reply->request_id));
    REQUIRE(is_line(reply->ec, sizeof reply->ec));
    REQUIRE(is_line(reply->content_encoding, sizeof reply->content_encoding));
    REQUIRE(is_line(reply->content_type, sizeof reply->content_type));
    REQUIRE(is_line(reply->object_type, sizeof reply->object_type));
    REQUIRE(is_line(reply->location, sizeof reply->location));
    REQUIRE(!(reply->has_content_range && reply->range_bad));
    REQUIRE(!(reply->has_content_length && reply->content_length_bad));
    REQUIRE(!(reply->has_crc64 && reply->crc64_bad));
    REQUIRE(!(reply->etag[0] && reply->etag_bad));
    REQUIRE(reply->header_lines <= OSSDL_REPLY_LINES);
    REQUIRE(reply->header_bytes <= OSSDL_REPLY_BYTES);
    if (reply->has_content_range && !reply->range_unsatisfied) {
        REQUIRE(reply->range_start < reply->range_end);
        REQUIRE(!reply->range_total_known ||
                reply->range_end <= reply->range_total);
    }
}

/* Bytes are accepted only under headers that leave no doubt. */
static void require_sound(const struct ossdl_reply *reply)
{
    struct ossdl_identity identity;

    if (ossdl_identity_from_reply(reply, 0, &identity, NULL)) {
        return;
    }
    REQUIRE(identity.size <= INT64_MAX);
    REQUIRE(identity.etag[0] || identity.size == 0);
    if (reply->status == 206) {
        REQUIRE(ossdl_reply_check_part(reply, &identity, 0, reply->range_end,
                                       NULL) == OSSDL_OK ||
                !reply->etag[0]);
        REQUIRE(ossdl_reply_check_part(reply, &identity, 1, reply->range_end,
                                       NULL) != OSSDL_OK);
    }
}

static void require_explained(const struct ossdl_reply *reply,
                              struct ossdl_slice body)
{
    struct ossdl_service_error service;
    struct ossdl_error error;
    struct ossdl_verdict verdict;

    ossdl_errtext_parse(reply, body, &service);
    REQUIRE(service.code[0] && service.message[0]);
    REQUIRE(is_line(service.message, sizeof service.message));
    verdict = ossdl_classify_service(reply, &service);
    REQUIRE(verdict.kind != OSSDL_OK);
    REQUIRE(verdict.wait_ms <= OSSDL_CLASSIFY_WAIT_MS);
    REQUIRE(ossdl_classify_error(reply, &service, ossdl_slice_str("bucket"),
                                 body, &error) == verdict.kind);
    REQUIRE(error.retryable == verdict.retryable);
    REQUIRE(is_line(error.message, sizeof error.message));
    REQUIRE(is_line(error.code, sizeof error.code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ossdl_slice input = ossdl_slice_of(data, size);
    struct ossdl_reply reply;

    ossdl_reply_reset(&reply);
    while (input.len > 0 && !reply.complete) {
        struct ossdl_slice line = take_until(&input, '\n');

        if (ossdl_reply_line(&reply, line)) {
            break;
        }
        require_sane(&reply);
    }
    require_sane(&reply);
    require_sound(&reply);
    require_explained(&reply, input);
    return 0;
}
