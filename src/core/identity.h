/*
 * identity.h - which object, and which version of it
 *
 * Threads: plain data. Memory: fixed size.
 * Errors:  OSSDL_EPROTOCOL for an answer that cannot be used, OSSDL_ECHANGED
 *          for one of another version; the message names the header.
 *
 * The first answer of a transfer fixes the identity. From then on, bytes
 * count only if they come under headers that agree with it.
 */
#ifndef OSSDL_CORE_IDENTITY_H
#define OSSDL_CORE_IDENTITY_H

#include "reply.h"
#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_identity {
    char etag[OSSDL_ETAG_SIZE]; /* strong, verbatim with quotes */
    uint64_t size;              /* bytes; at most INT64_MAX */
    bool has_crc64;
    uint64_t crc64; /* of the whole object */
    char version_id[OSSDL_VERSION_ID_SIZE];
    char last_modified[OSSDL_LAST_MODIFIED_SIZE];
    bool symlink; /* the CRC header may then be the link's: do not rely on it */
};

/*
 * Reads the identity off the answer to the first ranged GET, which asked for
 * bytes from asked_start on: a 206 that starts there and tells the total; or
 * a 200 with a Content-Length, when asked_start is 0 (the whole object comes,
 * because it is shorter than the range or the server ignores ranges); or a
 * 416 that says that there are 0 bytes, again only for 0. Only an empty
 * object may come without an ETag. Where a 206 ends is not looked at: ask
 * ossdl_reply_check_part(), once the size is known.
 */
enum ossdl_status
ossdl_identity_from_reply(const struct ossdl_reply *reply, uint64_t asked_start,
                          struct ossdl_identity *out,
                          struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Same ETag, size and version, and the same CRC where both have one. Two
 * objects without ETag (empty ones) are the same if they agree in the rest.
 */
bool ossdl_identity_same(const struct ossdl_identity *a,
                         const struct ossdl_identity *b);

/*
 * May the body of this answer be stored as [start, end) of that version?
 * It must be a 206 for exactly this range. A total or ETag that differs, or
 * a version id, is OSSDL_ECHANGED; all else that is wrong, also a CRC header
 * that contradicts an equal ETag, is OSSDL_EPROTOCOL.
 */
enum ossdl_status
ossdl_reply_check_part(const struct ossdl_reply *reply,
                       const struct ossdl_identity *identity, uint64_t start,
                       uint64_t end, struct ossdl_error *err) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
