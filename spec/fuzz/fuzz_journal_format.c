/*
 * A checkpoint file. The first byte says whether its checksums are put right
 * before it is read, so that the checks behind them are reached as well.
 */
#include "crc64.h"
#include "fuzz.h"
#include "journal_format.h"

#define HEADER OSSDL_JOURNAL_HEADER_BYTES
#define RECORD OSSDL_JOURNAL_RECORD_BYTES

static void put(unsigned char *out, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (unsigned char) (value >> (8 * i));
    }
}

/* What decodes encodes to the same bytes, so there is one way to say it. */
static void require_canonical(const unsigned char *block,
                              const struct ossdl_journal_header *header)
{
    static struct ossdl_journal_header again;
    unsigned char encoded[4096];

    REQUIRE(header->identity.size <= INT64_MAX);
    REQUIRE(is_line(header->identity.etag, sizeof header->identity.etag));
    REQUIRE(header->bucket[0] && header->object[0]);
    REQUIRE(!ossdl_journal_encode_header(
        &header->identity, ossdl_slice_str(header->bucket),
        ossdl_slice_str(header->object), header->salt, encoded, NULL));
    REQUIRE(
        !ossdl_journal_decode_header(encoded, sizeof encoded, &again, NULL));
    REQUIRE(again.salt == header->salt);
    REQUIRE(strcmp(again.object, header->object) == 0);
    REQUIRE(ossdl_identity_same(&again.identity, &header->identity));
    REQUIRE(memcmp(encoded + 16, block + 16, 16) == 0);
}

/* Without right checksums in the input, each 24 bytes get one. */
static void read_records(struct ossdl_slice rest, uint64_t salt, uint64_t size,
                         bool right)
{
    size_t step = right ? 24 : RECORD;

    while (rest.len >= step) {
        struct ossdl_extent extent;
        unsigned char record[32];
        unsigned char encoded[32];

        memcpy(record, rest.ptr, step);
        if (right) {
            put(encoded, salt);
            put(record + 24,
                ossdl_crc64(ossdl_crc64(0, encoded, 8), record, 24));
        }
        if (ossdl_journal_decode_record(record, salt, size, &extent)) {
            REQUIRE(extent.start < extent.end && extent.end <= size);
            ossdl_journal_encode_record(extent, salt, encoded);
            REQUIRE(memcmp(encoded, record, sizeof encoded) == 0);
        }
        rest.ptr += step;
        rest.len -= step;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ossdl_journal_header header;
    struct ossdl_slice input = ossdl_slice_of(data, size);
    bool right = take_byte(&input) & 1;
    unsigned char block[4096] = {0};
    size_t len = input.len < HEADER ? input.len : HEADER;
    struct ossdl_error error;

    if (len > 0) {
        memcpy(block, input.ptr, len);
    }
    if (right) {
        put(block + 4088, ossdl_crc64(0, block, 4088));
        len = HEADER;
    }
    if (ossdl_journal_decode_header(block, len, &header, &error)) {
        REQUIRE(error.status == OSSDL_ECHECKPOINT && error.message[0]);
        REQUIRE(header.bucket[0] == '\0' && header.identity.size == 0);
        read_records(input, 7, 1000000, right);
        return 0;
    }
    require_canonical(block, &header);
    if (input.len > HEADER) {
        read_records(ossdl_slice_of(input.ptr + HEADER, input.len - HEADER),
                     header.salt, header.identity.size, right);
    }
    return 0;
}
