/*
 * journal_format.h - the bytes of a checkpoint file
 *
 * Threads: pure functions. Memory: fixed-size blocks of the caller's.
 * Errors:  OSSDL_ECHECKPOINT, with a phrase that says why.
 *
 * A checkpoint is one header block and then any number of records, appended
 * in the order in which bytes reached the disk. Numbers are unsigned and
 * little-endian. A CRC is CRC-64/XZ, the one of crc64.h.
 *
 * The header block, 4096 bytes:
 *
 *   offset  bytes
 *        0    16  magic: 8A "ossdl-cp" 0D 0A 1A 0A 00 00 00
 *       16     4  format version: 1
 *       20     4  length of the header block: 4096; the records follow it
 *       24     8  salt: random, drawn anew with each header
 *       32     8  size of the object
 *       40     8  CRC of the object; 0 if it is not known
 *       48     4  flags: 1 the CRC is known, 2 the object is a symbolic link
 *       52     2  length of the bucket's name, 1 to 255
 *       54     2  length of the object's name, 1 to 1023
 *       56     2  length of the ETag, 1 to 159
 *       58     2  length of the version id, 0 to 127
 *       60     2  length of the Last-Modified text, 0 to 39
 *       62     2  zero
 *       64   256  bucket
 *      320  1024  object
 *     1344   160  ETag, with its quotes
 *     1504   128  version id
 *     1632    40  Last-Modified
 *     1672  2416  zero
 *     4088     8  CRC of bytes 0 to 4087
 *
 * Texts are padded with zeros and hold none; only the object's name may hold
 * other control characters. Magic, format version and header length stay
 * where they are in every future version, so that "newer" can be told from
 * "damaged".
 *
 * A record, 32 bytes:
 *
 *        0     8  offset of an extent in the object
 *        8     8  length of it, at least 1
 *       16     8  CRC of its bytes
 *       24     8  CRC of the salt (as 8 bytes) followed by bytes 0 to 23
 *
 * A header counts if its magic, version, length and CRC are right and every
 * length is within its bounds. A record counts if its CRC is right and its
 * extent lies within the object. The salt makes a record that an earlier
 * checkpoint left in the same disk block fail: CRCs of two different salts
 * before the same 24 bytes always differ.
 *
 * A crash can tear the last record or lose any number of records and blocks,
 * in any order. None of that is believed: a torn record fails its CRC, a lost
 * one only makes its bytes missing, and what a whole one claims is compared
 * with the data file before it counts.
 */
#ifndef OSSDL_CORE_JOURNAL_FORMAT_H
#define OSSDL_CORE_JOURNAL_FORMAT_H

#include "extents.h"
#include "identity.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_JOURNAL_HEADER_BYTES ((size_t) 4096)
#define OSSDL_JOURNAL_RECORD_BYTES ((size_t) 32)
#define OSSDL_JOURNAL_VERSION 1u

struct ossdl_journal_header {
    struct ossdl_identity identity;
    uint64_t salt;
    char bucket[256];  /* NUL-terminated */
    char object[1024]; /* NUL-terminated */
};

/*
 * OSSDL_EINVALID when a name or text does not fit (see the bounds above) or
 * holds a byte it may not; err.message then says which.
 */
enum ossdl_status ossdl_journal_encode_header(
    const struct ossdl_identity *identity, struct ossdl_slice bucket,
    struct ossdl_slice object, uint64_t salt, unsigned char out_block[4096],
    struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Reads the first len bytes of a file, of which up to 4096 are looked at.
 * The message is a phrase: "the checkpoint is empty", "... is truncated",
 * "... is damaged", "the file is not a checkpoint", "... has format version
 * 2, which is newer than this program".
 */
enum ossdl_status
ossdl_journal_decode_header(const void *block, size_t len,
                            struct ossdl_journal_header *out_header,
                            struct ossdl_error *err) OSSDL_MUST_CHECK;

/* extent.end is above extent.start. */
void ossdl_journal_encode_record(struct ossdl_extent extent, uint64_t salt,
                                 unsigned char out_record[32]);

/* False when it is damaged, of another journal, empty, or out of bounds. */
bool ossdl_journal_decode_record(const unsigned char record[32], uint64_t salt,
                                 uint64_t size,
                                 struct ossdl_extent *out_extent);

OSSDL_END_DECLS

#endif
