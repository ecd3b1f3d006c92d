/*
 * endpoint.h - where the service is, and the URL of an object there
 *
 * Threads: plain data. Memory: fixed size; URLs go to the caller's buffer.
 * Errors:  OSSDL_EINVALID naming the option; OSSDL_EMEMORY from the buffer.
 */
#ifndef OSSDL_CORE_ENDPOINT_H
#define OSSDL_CORE_ENDPOINT_H

#include "buf.h"
#include "pairs.h"
#include "region.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

/* Enough for the longest key, token and parameters after encoding. */
#define OSSDL_URL_MAX (256 * 1024)

enum ossdl_endpoint_style {
    OSSDL_ENDPOINT_VIRTUAL, /* <bucket>.<host>/<key> */
    OSSDL_ENDPOINT_PATH,    /* <host>/<bucket>/<key> */
    OSSDL_ENDPOINT_CNAME    /* <host>/<key>: the host is bound to a bucket */
};

struct ossdl_endpoint {
    bool tls;
    char host[256]; /* lower case; an IPv6 address in brackets */
    unsigned port;  /* 0: the scheme's own */
    enum ossdl_endpoint_style style;
    char region[OSSDL_REGION_BYTES]; /* "": unknown */
    char product[16];                /* of the V4 scope */
};

/*
 * text is [http://|https://]host[:port][/]; without a scheme it is https.
 * region may be empty: then it is derived from the host, and stays "" if the
 * host does not tell it. An IP address or localhost means path style unless
 * cname says otherwise.
 */
enum ossdl_status
ossdl_endpoint_parse(struct ossdl_slice text, struct ossdl_slice region,
                     bool path_style, bool cname, struct ossdl_endpoint *out,
                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/* OSSDL_EINVALID, asking for the option, if the region is unknown. Signature
 * V4 needs it. */
enum ossdl_status
ossdl_endpoint_check_region(const struct ossdl_endpoint *endpoint,
                            struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Appends the whole URL. Bucket and object may be empty; the parameters
 * (NULL: none) come in the order of signing. Encoded byte by byte, so "." and
 * ".." in a key survive only if the client does not tidy paths.
 */
enum ossdl_status ossdl_endpoint_url(const struct ossdl_endpoint *endpoint,
                                     struct ossdl_slice bucket,
                                     struct ossdl_slice object,
                                     const struct ossdl_pairs *query,
                                     struct ossdl_buf *out) OSSDL_MUST_CHECK;

/* Appends the public endpoint of a region. OSSDL_EINVALID for what is no
 * region id, and for a cloudbox: its host cannot be guessed. */
enum ossdl_status
ossdl_endpoint_from_region(struct ossdl_slice region,
                           struct ossdl_buf *out) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
