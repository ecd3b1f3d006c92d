/*
 * reply.h - the status line and headers of an answer, as a struct
 *
 * Threads: plain data. Memory: fixed size, no allocation.
 * Errors:  OSSDL_EPROTOCOL when it is not HTTP or not bounded.
 *
 * Lines come one by one, as libcurl hands them out, with or without their
 * line end. A status line starts over, so that after an informational answer
 * or a proxy's the last one counts. A header that matters and is there but
 * unusable (malformed, too long, with control characters, or sent twice with
 * different values) is not guessed at: its value stays unset and its `bad`
 * flag tells.
 */
#ifndef OSSDL_CORE_REPLY_H
#define OSSDL_CORE_REPLY_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

/* Bounds of one exchange, over all its header blocks. */
#define OSSDL_REPLY_LINE_BYTES ((size_t) 64 * 1024)
#define OSSDL_REPLY_BYTES ((size_t) 256 * 1024)
#define OSSDL_REPLY_LINES 256u

/* The longest ETag we keep, with its quotes and a NUL. */
#define OSSDL_ETAG_SIZE 160
#define OSSDL_VERSION_ID_SIZE 128
#define OSSDL_LAST_MODIFIED_SIZE 40

struct ossdl_reply {
    int status;    /* 100 to 999; 0 before the first line */
    bool complete; /* the empty line was seen: no more headers */

    bool has_content_length;
    bool content_length_bad;
    uint64_t content_length; /* bytes */

    bool has_content_range;
    bool range_bad;         /* Content-Range is there but unusable */
    bool range_unsatisfied; /* "bytes * / total" of a 416: no range in it */
    bool range_total_known;
    uint64_t range_start; /* half-open: [range_start, range_end) */
    uint64_t range_end;
    uint64_t range_total; /* bytes of the whole object */

    char etag[OSSDL_ETAG_SIZE]; /* verbatim, with quotes: for If-Match */
    bool etag_weak;
    bool etag_bad;

    bool has_crc64;
    bool crc64_bad;
    uint64_t crc64; /* of the whole object, also in a 206 */

    char version_id[OSSDL_VERSION_ID_SIZE];
    bool version_id_bad;
    char last_modified[OSSDL_LAST_MODIFIED_SIZE]; /* verbatim */

    int64_t date;          /* of the server, seconds since 1970; 0 none */
    int64_t retry_after_s; /* -1 none; a date counts from `date` */
    int64_t retry_at;      /* Retry-After as a date; 0 none */
    int64_t qos_delay_ms;  /* x-oss-qos-delay-time; -1 none */

    char request_id[64];
    char ec[32];
    char content_encoding[32];
    bool encoding_bad;
    char object_type[32]; /* "Normal", "Symlink", ... */
    char content_type[64];
    char location[256];
    bool delete_marker;
    bool chunked; /* Transfer-Encoding is there: length by framing */

    size_t header_bytes; /* totals of all blocks, for the bounds above */
    unsigned header_lines;
};

/* Before the first line of an exchange. */
void ossdl_reply_reset(struct ossdl_reply *reply);

/*
 * Takes the next line. OSSDL_EPROTOCOL when a bound is passed or the line is
 * neither a status line nor a header: the exchange must end. Lines after the
 * empty one (trailers) are counted and otherwise ignored.
 */
enum ossdl_status ossdl_reply_line(struct ossdl_reply *reply,
                                   struct ossdl_slice line) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
