#include "journal_format.h"

#include "crc64.h"

#include <inttypes.h>

/* Where things are; the table in journal_format.h says what they mean. */
enum {
    VERSION_AT = 16,
    LENGTH_AT = 20,
    SALT_AT = 24,
    SIZE_AT = 32,
    CRC64_AT = 40,
    FLAGS_AT = 48,
    LENGTHS_AT = 52,
    TEXTS_AT = 64,
    CHECK_AT = 4088,
    RECORD_CHECK_AT = 24
};

enum { FLAG_CRC64 = 1, FLAG_SYMLINK = 2 };

enum { TEXTS = 5 };

static const unsigned char MAGIC[16] = {0x8a, 'o',  's',  's',  'd',  'l',
                                        '-',  'c',  'p',  0x0d, 0x0a, 0x1a,
                                        0x0a, 0x00, 0x00, 0x00};

/* One of the texts of the header, in the order of the file. */
struct text {
    const char *name;
    size_t area;   /* bytes set aside for it; a NUL must fit, too */
    bool needed;   /* may not be empty */
    bool any_byte; /* all but NUL; else no control characters */
};

static const struct text LAYOUT[TEXTS] = {
    {"the bucket's name", 256, true, false},
    {"the object's name", 1024, true, true},
    {"the ETag", OSSDL_ETAG_SIZE, true, false},
    {"the version id", OSSDL_VERSION_ID_SIZE, false, false},
    {"the date of the last change", OSSDL_LAST_MODIFIED_SIZE, false, false},
};

static void put(unsigned char *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        out[i] = (unsigned char) (value >> (8 * i));
    }
}

static uint64_t get(const unsigned char *in, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t) in[i] << (8 * i);
    }
    return value;
}

/* An ETag goes into a request's header, so no line end may come from disk. */
static bool is_clean(const struct text *text, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char) bytes[i];

        if (byte == 0 || (!text->any_byte && (byte < 0x20 || byte == 0x7f))) {
            return false;
        }
    }
    return true;
}

static bool is_acceptable(const struct text *text, struct ossdl_slice value)
{
    return value.len < text->area && (value.len > 0 || !text->needed) &&
           is_clean(text, value.ptr, value.len);
}

static enum ossdl_status encode_texts(const struct ossdl_slice *values,
                                      unsigned char *block,
                                      struct ossdl_error *err)
{
    size_t at = TEXTS_AT;

    for (size_t i = 0; i < TEXTS; i++) {
        if (!is_acceptable(&LAYOUT[i], values[i])) {
            return ossdl_error_set(
                err, OSSDL_EINVALID, "EINVAL",
                "%s does not fit into a checkpoint; use checkpoint = false",
                LAYOUT[i].name);
        }
        put(block + LENGTHS_AT + 2 * i, values[i].len, 2);
        if (values[i].len > 0) {
            memcpy(block + at, values[i].ptr, values[i].len);
        }
        at += LAYOUT[i].area;
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_journal_encode_header(
    const struct ossdl_identity *identity, struct ossdl_slice bucket,
    struct ossdl_slice object, uint64_t salt, unsigned char out_block[4096],
    struct ossdl_error *err)
{
    const struct ossdl_slice values[TEXTS] = {
        bucket,
        object,
        ossdl_slice_str(identity->etag),
        ossdl_slice_str(identity->version_id),
        ossdl_slice_str(identity->last_modified),
    };

    memset(out_block, 0, OSSDL_JOURNAL_HEADER_BYTES);
    memcpy(out_block, MAGIC, sizeof MAGIC);
    put(out_block + VERSION_AT, OSSDL_JOURNAL_VERSION, 4);
    put(out_block + LENGTH_AT, OSSDL_JOURNAL_HEADER_BYTES, 4);
    put(out_block + SALT_AT, salt, 8);
    put(out_block + SIZE_AT, identity->size, 8);
    put(out_block + CRC64_AT, identity->has_crc64 ? identity->crc64 : 0, 8);
    put(out_block + FLAGS_AT,
        (identity->has_crc64 ? FLAG_CRC64 : 0u) |
            (identity->symlink ? FLAG_SYMLINK : 0u),
        4);
    if (identity->size > INT64_MAX) {
        return ossdl_error_set(err, OSSDL_EINVALID, "EINVAL",
                               "no object has this size");
    }
    if (encode_texts(values, out_block, err)) {
        return OSSDL_EINVALID;
    }
    put(out_block + CHECK_AT, ossdl_crc64(0, out_block, CHECK_AT), 8);
    return OSSDL_OK;
}

static enum ossdl_status refuse(struct ossdl_error *err, const char *phrase)
{
    return ossdl_error_set(err, OSSDL_ECHECKPOINT, "BadCheckpoint", "%s",
                           phrase);
}

/* What can be told from the first bytes, however many there are. */
static enum ossdl_status check_start(const unsigned char *block, size_t len,
                                     struct ossdl_error *err)
{
    size_t common = len < sizeof MAGIC ? len : sizeof MAGIC;
    uint64_t version;

    if (len == 0) {
        return refuse(err, "the checkpoint is empty");
    }
    if (memcmp(block, MAGIC, common) != 0) {
        return ossdl_error_set(err, OSSDL_ECHECKPOINT, "NoCheckpoint",
                               "the file is not a checkpoint");
    }
    if (len < LENGTH_AT) {
        return refuse(err, "the checkpoint is truncated");
    }
    version = get(block + VERSION_AT, 4);
    if (version > OSSDL_JOURNAL_VERSION) {
        return ossdl_error_set(err, OSSDL_ECHECKPOINT, "BadCheckpoint",
                               "the checkpoint has format version %" PRIu64
                               ", which is newer than this program",
                               version);
    }
    if (len < OSSDL_JOURNAL_HEADER_BYTES) {
        return refuse(err, "the checkpoint is truncated");
    }
    if (version != OSSDL_JOURNAL_VERSION ||
        get(block + LENGTH_AT, 4) != OSSDL_JOURNAL_HEADER_BYTES ||
        get(block + CHECK_AT, 8) != ossdl_crc64(0, block, CHECK_AT)) {
        return refuse(err, "the checkpoint is damaged");
    }
    return OSSDL_OK;
}

/* False when a length or a byte is not one that we could have written. */
static bool decode_texts(const unsigned char *block,
                         struct ossdl_journal_header *out)
{
    char *const targets[TEXTS] = {out->bucket, out->object, out->identity.etag,
                                  out->identity.version_id,
                                  out->identity.last_modified};
    size_t at = TEXTS_AT;

    for (size_t i = 0; i < TEXTS; i++) {
        size_t len = (size_t) get(block + LENGTHS_AT + 2 * i, 2);
        struct ossdl_slice value = ossdl_slice_of(block + at, len);

        if (!is_acceptable(&LAYOUT[i], value)) {
            return false;
        }
        memcpy(targets[i], value.ptr, len); /* the target is zeroed */
        at += LAYOUT[i].area;
    }
    return true;
}

enum ossdl_status
ossdl_journal_decode_header(const void *block, size_t len,
                            struct ossdl_journal_header *out_header,
                            struct ossdl_error *err)
{
    const unsigned char *bytes = block;
    enum ossdl_status status = check_start(bytes, len, err);
    uint64_t flags;

    memset(out_header, 0, sizeof *out_header);
    if (status != OSSDL_OK) {
        return status;
    }
    flags = get(bytes + FLAGS_AT, 4);
    out_header->salt = get(bytes + SALT_AT, 8);
    out_header->identity.size = get(bytes + SIZE_AT, 8);
    out_header->identity.crc64 = get(bytes + CRC64_AT, 8);
    out_header->identity.has_crc64 = flags & FLAG_CRC64;
    out_header->identity.symlink = flags & FLAG_SYMLINK;
    if (out_header->identity.size > INT64_MAX ||
        flags > (FLAG_CRC64 | FLAG_SYMLINK) ||
        !decode_texts(bytes, out_header)) {
        memset(out_header, 0, sizeof *out_header);
        return refuse(err, "the checkpoint is damaged");
    }
    return OSSDL_OK;
}

static uint64_t record_check(const unsigned char *record, uint64_t salt)
{
    unsigned char salted[8];

    put(salted, salt, 8);
    return ossdl_crc64(ossdl_crc64(0, salted, sizeof salted), record,
                       RECORD_CHECK_AT);
}

void ossdl_journal_encode_record(struct ossdl_extent extent, uint64_t salt,
                                 unsigned char out_record[32])
{
    put(out_record, extent.start, 8);
    put(out_record + 8, extent.end - extent.start, 8);
    put(out_record + 16, extent.crc64, 8);
    put(out_record + RECORD_CHECK_AT, record_check(out_record, salt), 8);
}

bool ossdl_journal_decode_record(const unsigned char record[32], uint64_t salt,
                                 uint64_t size, struct ossdl_extent *out_extent)
{
    uint64_t start = get(record, 8);
    uint64_t length = get(record + 8, 8);

    if (get(record + RECORD_CHECK_AT, 8) != record_check(record, salt) ||
        length == 0 || start > size || length > size - start) {
        return false;
    }
    out_extent->start = start;
    out_extent->end = start + length;
    out_extent->crc64 = get(record + 16, 8);
    return true;
}
