#include "crc64.h"
#include "guard.h"
#include "journal_format.h"
#include "test.h"

#define SALT UINT64_C(0x0123456789abcdef)

static struct ossdl_identity identity;
static struct ossdl_journal_header header;
static struct ossdl_error error;
static unsigned char block[4096];

static void describe(void)
{
    memset(&identity, 0, sizeof identity);
    identity.size = UINT64_C(0x1122334455);
    identity.has_crc64 = true;
    identity.crc64 = UINT64_C(0x995dc9bbdf1939fa);
    snprintf(identity.etag, sizeof identity.etag, "\"ETAG\"");
    snprintf(identity.version_id, sizeof identity.version_id, "V1");
    snprintf(identity.last_modified, sizeof identity.last_modified,
             "Fri, 24 Feb 2012 06:07:48 GMT");
}

static enum ossdl_status encode(const char *bucket, const char *object)
{
    memset(&error, 0, sizeof error);
    memset(block, 0xa5, sizeof block);
    return ossdl_journal_encode_header(&identity, ossdl_slice_str(bucket),
                                       ossdl_slice_str(object), SALT, block,
                                       &error);
}

static enum ossdl_status decode(size_t len)
{
    struct ossdl_slice bytes = guarded(block, len);

    memset(&error, 0, sizeof error);
    return ossdl_journal_decode_header(bytes.ptr, bytes.len, &header, &error);
}

static void put(size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        block[at + i] = (unsigned char) (value >> (8 * i));
    }
}

/* A header that lies, with the right checksum on the lie. */
static enum ossdl_status decode_with(size_t at, uint64_t value, unsigned bytes)
{
    describe();
    if (encode("bucket", "object")) {
        return OSSDL_OK;
    }
    put(at, value, bytes);
    put(4088, ossdl_crc64(0, block, 4088), 8);
    return decode(sizeof block);
}

TEST("a header comes back as it was written")
{
    describe();
    CHECK_OK(encode("bucket", "dir/object\n\x01"));
    CHECK_OK(decode(sizeof block));
    CHECK_STR(header.bucket, "bucket");
    CHECK_STR(header.object, "dir/object\n\x01");
    CHECK_U64(header.salt, SALT);
    CHECK(memcmp(&header.identity, &identity, sizeof identity) == 0);

    memset(&identity, 0, sizeof identity);
    identity.symlink = true;
    identity.crc64 = 5; /* without has_crc64: not a value */
    snprintf(identity.etag, sizeof identity.etag, "x");
    CHECK_OK(encode("b", "o"));
    CHECK_OK(decode(sizeof block));
    CHECK(header.identity.symlink && !header.identity.has_crc64);
    CHECK_U64(header.identity.crc64, 0);
    CHECK_STR(header.identity.version_id, "");
    CHECK_STR(header.identity.last_modified, "");
}

TEST("the bytes are where the format says, little-endian")
{
    static const unsigned char START[] = {
        0x8a, 'o',  's',  's',  'd',  'l',  '-',  'c',  'p',  '\r', '\n',
        0x1a, '\n', 0,    0,    0,    1,    0,    0,    0,    0x00, 0x10,
        0,    0,    0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, 0x55,
        0x44, 0x33, 0x22, 0x11, 0,    0,    0,    0xfa, 0x39, 0x19, 0xdf,
        0xbb, 0xc9, 0x5d, 0x99, 1,    0,    0,    0,    6,    0,    3,
        0,    6,    0,    2,    0,    29,   0,    0,    0,
    };

    describe();
    CHECK_OK(encode("bucket", "obj"));
    CHECK_U64(sizeof START, 64);
    CHECK(memcmp(block, START, sizeof START) == 0);
    CHECK(memcmp(block + 64, "bucket\0", 7) == 0);
    CHECK(memcmp(block + 320, "obj\0", 4) == 0);
    CHECK(memcmp(block + 1344, "\"ETAG\"\0", 7) == 0);
    CHECK(memcmp(block + 1504, "V1\0", 3) == 0);
    CHECK(memcmp(block + 1632, "Fri, 24", 7) == 0);
    for (size_t i = 1672; i < 4088; i++) {
        CHECK_U64(block[i], 0);
    }
}

TEST("names and texts fit up to their last byte and no further")
{
    static char object[1025];
    static char bucket[257];

    memset(object, 'o', sizeof object - 1);
    memset(bucket, 'b', sizeof bucket - 1);
    describe();
    memset(identity.etag, 'e', sizeof identity.etag - 1);
    memset(identity.version_id, 'v', sizeof identity.version_id - 1);
    memset(identity.last_modified, 'm', sizeof identity.last_modified - 1);
    CHECK_OK(encode(bucket + 1, object + 1));
    CHECK_OK(decode(sizeof block));
    CHECK_STR(header.bucket, bucket + 1);
    CHECK_STR(header.object, object + 1);
    CHECK(memcmp(&header.identity, &identity, sizeof identity) == 0);
    CHECK_U64(encode(bucket, object + 1), OSSDL_EINVALID);
    CHECK(strstr(error.message, "bucket"));
    CHECK_U64(encode(bucket + 1, object), OSSDL_EINVALID);
    CHECK(strstr(error.message, "object"));
}

TEST("what could not be read back is not written")
{
    describe();
    CHECK_U64(encode("", "o"), OSSDL_EINVALID);
    CHECK_U64(encode("b", ""), OSSDL_EINVALID);
    CHECK_U64(encode("b\n", "o"), OSSDL_EINVALID);
    CHECK_U64(ossdl_journal_encode_header(&identity, ossdl_slice_str("b"),
                                          ossdl_slice_of("o\0o", 3), SALT,
                                          block, &error),
              OSSDL_EINVALID);
    identity.etag[0] = '\0';
    CHECK_U64(encode("b", "o"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "ETag"));
    describe();
    identity.version_id[0] = '\r';
    CHECK_U64(encode("b", "o"), OSSDL_EINVALID);
    describe();
    identity.last_modified[1] = '\x7f';
    CHECK_U64(encode("b", "o"), OSSDL_EINVALID);
    describe();
    identity.size = UINT64_C(1) << 63;
    CHECK_U64(encode("b", "o"), OSSDL_EINVALID);
    CHECK(strstr(error.message, "size"));
}

TEST("a header cut at any byte is not believed, and the reason is right")
{
    describe();
    CHECK_OK(encode("bucket", "object"));
    for (size_t len = 0; len < sizeof block; len++) {
        CHECK_U64(decode(len), OSSDL_ECHECKPOINT);
        CHECK_STR(error.message, len == 0 ? "the checkpoint is empty"
                                          : "the checkpoint is truncated");
        CHECK_STR(header.object, "");
    }
}

TEST("every single flipped bit of a header is noticed")
{
    describe();
    CHECK_OK(encode("bucket", "object"));
    for (size_t bit = 0; bit < sizeof block * 8; bit++) {
        block[bit / 8] ^= (unsigned char) (1u << bit % 8);
        CHECK_U64(decode(sizeof block), OSSDL_ECHECKPOINT);
        block[bit / 8] ^= (unsigned char) (1u << bit % 8);
    }
    CHECK_OK(decode(sizeof block));
}

TEST("a file that was never a checkpoint is told apart from a damaged one")
{
    memset(block, 0, sizeof block);
    CHECK_U64(decode(sizeof block), OSSDL_ECHECKPOINT);
    CHECK_STR(error.message, "the file is not a checkpoint");
    CHECK_U64(decode(1), OSSDL_ECHECKPOINT);
    CHECK_STR(error.message, "the file is not a checkpoint");
    describe();
    CHECK_OK(encode("bucket", "object"));
    block[2000] ^= 1;
    CHECK_U64(decode(sizeof block), OSSDL_ECHECKPOINT);
    CHECK_STR(error.message, "the checkpoint is damaged");
}

TEST("a newer format is called newer, whatever its checksum and length")
{
    CHECK_U64(decode_with(16, 2, 4), OSSDL_ECHECKPOINT);
    CHECK_STR(error.message, "the checkpoint has format version 2, which is "
                             "newer than this program");
    CHECK_U64(decode(20), OSSDL_ECHECKPOINT);
    CHECK(strstr(error.message, "newer"));
    CHECK_U64(decode_with(16, 0, 4), OSSDL_ECHECKPOINT);
    CHECK_STR(error.message, "the checkpoint is damaged");
}

TEST("a header that lies under a right checksum is not believed")
{
    CHECK_OK(decode_with(24, 7, 8));
    CHECK_U64(header.salt, 7);
    CHECK_U64(decode_with(20, 8192, 4), OSSDL_ECHECKPOINT);
    CHECK_OK(decode_with(32, INT64_MAX, 8));
    CHECK_U64(decode_with(32, UINT64_C(1) << 63, 8), OSSDL_ECHECKPOINT);
    CHECK_U64(decode_with(48, 4, 4), OSSDL_ECHECKPOINT);
    for (size_t i = 0; i < 5; i++) {
        CHECK_U64(decode_with(52 + 2 * i, 65535, 2), OSSDL_ECHECKPOINT);
    }
    CHECK_U64(decode_with(52, 0, 2), OSSDL_ECHECKPOINT);
    CHECK_U64(decode_with(52, 256, 2), OSSDL_ECHECKPOINT);
    CHECK_U64(decode_with(54, 0, 2), OSSDL_ECHECKPOINT);
    CHECK_U64(decode_with(54, 7, 2), OSSDL_ECHECKPOINT); /* a NUL in it */
    CHECK_U64(decode_with(56, 0, 2), OSSDL_ECHECKPOINT);
    CHECK_OK(decode_with(58, 0, 2));
    CHECK_U64(decode_with(1346, '\r', 1), OSSDL_ECHECKPOINT);
    CHECK_U64(decode_with(64, 0x1b, 1), OSSDL_ECHECKPOINT);
    CHECK_OK(decode_with(320, 0x1b, 1));
}

TEST("a record comes back as it was written")
{
    struct ossdl_extent extent = {0x1234, 0x1234 + 0x100000, 77};
    struct ossdl_extent got;
    unsigned char record[32];

    ossdl_journal_encode_record(extent, SALT, record);
    CHECK(ossdl_journal_decode_record(record, SALT, extent.end, &got));
    CHECK_U64(got.start, extent.start);
    CHECK_U64(got.end, extent.end);
    CHECK_U64(got.crc64, 77);
    CHECK_U64(record[0], 0x34);
    CHECK_U64(record[10], 0x10);
    CHECK_U64(record[16], 77);
}

TEST("every single flipped bit of a record is noticed")
{
    struct ossdl_extent extent = {4096, 8192, UINT64_C(0x995dc9bbdf1939fa)};
    struct ossdl_extent got;
    unsigned char record[32];

    ossdl_journal_encode_record(extent, SALT, record);
    for (size_t bit = 0; bit < sizeof record * 8; bit++) {
        record[bit / 8] ^= (unsigned char) (1u << bit % 8);
        CHECK(!ossdl_journal_decode_record(
            (const unsigned char *) guarded(record, 32).ptr, SALT, UINT64_MAX,
            &got));
        record[bit / 8] ^= (unsigned char) (1u << bit % 8);
    }
    CHECK(ossdl_journal_decode_record(record, SALT, UINT64_MAX, &got));
}

TEST("a record of another journal is never believed")
{
    struct ossdl_extent extent = {0, 1024, 42};
    struct ossdl_extent got;
    unsigned char record[32];

    ossdl_journal_encode_record(extent, SALT, record);
    for (unsigned bit = 0; bit < 64; bit++) {
        CHECK(!ossdl_journal_decode_record(record, SALT ^ (UINT64_C(1) << bit),
                                           1024, &got));
    }
    memset(record, 0, sizeof record);
    CHECK(!ossdl_journal_decode_record(record, SALT, 1024, &got));
    CHECK(!ossdl_journal_decode_record(record, 0, 1024, &got));
}

TEST("a record outside the object or without a byte is not believed")
{
    static const struct {
        struct ossdl_extent extent;
        uint64_t size;
        bool good;
    } CASES[] = {
        {{0, 1, 0}, 1, true},
        {{0, 1, 0}, 0, false},
        {{5, 5, 0}, 10, false},
        {{9, 10, 0}, 10, true},
        {{9, 11, 0}, 10, false},
        {{10, 11, 0}, 10, false},
        {{11, 12, 0}, 10, false},
        {{UINT64_MAX, 5, 0}, 10, false}, /* wraps around */
        {{5, 4, 0}, 10, false},          /* a length of 2^64 - 1 */
        {{0, UINT64_MAX, 0}, UINT64_MAX, true},
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(CASES); i++) {
        struct ossdl_extent got;
        unsigned char record[32];

        ossdl_journal_encode_record(CASES[i].extent, SALT, record);
        CHECK(ossdl_journal_decode_record(record, SALT, CASES[i].size, &got) ==
              CASES[i].good);
    }
}

TEST_MAIN()
