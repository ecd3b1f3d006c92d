/*
 * sign.h - the signature of a request, in headers or in a URL
 *
 * Threads: none of its own; time is a parameter. A cache belongs to one
 *          thread.
 * Memory:  results are copies in the caller's list or buffer.
 * Errors:  OSSDL_EINVALID for what cannot be signed, OSSDL_ECREDENTIALS
 *          without credentials, OSSDL_EMEMORY. No message shows a secret.
 *
 * Bucket and object are signed as they are: whether they are good names is
 * for names.h to say.
 */
#ifndef OSSDL_CORE_SIGN_H
#define OSSDL_CORE_SIGN_H

#include "buf.h"
#include "credentials.h"
#include "digest.h"
#include "endpoint.h"
#include "pairs.h"
#include "secret.h"
#include "slice.h"
#include "status.h"
#include "timefmt.h"

OSSDL_BEGIN_DECLS

/* Seconds that a signed URL may live: by the service's rule, with a security
 * token by its advice, and by ours for V1, which has no rule. */
#define OSSDL_EXPIRES_V4_MAX 604800
#define OSSDL_EXPIRES_TOKEN_MAX 43200
#define OSSDL_EXPIRES_V1_MAX 315360000

enum ossdl_signature {
    OSSDL_SIGNATURE_V4,
    OSSDL_SIGNATURE_V1,
    OSSDL_SIGNATURE_NONE /* anonymous: public buckets */
};

struct ossdl_sign_request {
    enum ossdl_signature version;
    const char *method;                /* "GET", in upper case */
    struct ossdl_slice bucket;         /* empty: a request to the service */
    struct ossdl_slice object;         /* empty: a request to the bucket */
    const struct ossdl_pairs *query;   /* NULL: none */
    const struct ossdl_pairs *headers; /* all that will be sent; NULL: none */
    const char *region;                /* V4: id without "oss-"; else unused */
    const char *product;               /* NULL: "oss" */
    const struct ossdl_credentials *credentials;
    int64_t now; /* seconds since 1970 */
    /* V4: further headers to sign, "range;if-match"; those that are absent,
     * doubled or signed anyway do not count. */
    struct ossdl_slice additional_headers;
};

/* The V4 key of one secret, day, region and product. All zero bytes are an
 * empty cache. It is found by content, so there is nothing to invalidate. */
struct ossdl_sign_cache {
    struct ossdl_secret secret;
    char day[OSSDL_TIME_DAY_BYTES];
    char region[OSSDL_REGION_BYTES];
    char product[16];
    unsigned char key[OSSDL_SHA256_BYTES];
};

void ossdl_sign_cache_init(struct ossdl_sign_cache *cache);
/* Wipes it. */
void ossdl_sign_cache_cleanup(struct ossdl_sign_cache *cache);

/*
 * Appends to *out the headers to be sent beside the request's own: for V4
 * x-oss-content-sha256, x-oss-date, x-oss-security-token (if there is one)
 * and Authorization; for V1 Date, x-oss-security-token and Authorization;
 * none for OSSDL_SIGNATURE_NONE. The request's headers may not hold any of
 * these, except that V1 accepts x-oss-date and then signs with it. *out may
 * not be the request's list; a failure leaves it as it was. cache may be
 * NULL.
 */
enum ossdl_status ossdl_sign_headers(const struct ossdl_sign_request *request,
                                     struct ossdl_sign_cache *cache,
                                     struct ossdl_pairs *out,
                                     struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Appends the whole URL, good for expires_s seconds from request->now.
 * Whoever uses it must send the method and exactly those Content-Type,
 * Content-MD5 and x-oss-* headers that the request names. The URL is as good
 * as a secret: *out should be a secret buffer.
 */
enum ossdl_status ossdl_sign_url(const struct ossdl_sign_request *request,
                                 const struct ossdl_endpoint *endpoint,
                                 int64_t expires_s, struct ossdl_buf *out,
                                 struct ossdl_error *err) OSSDL_MUST_CHECK;

OSSDL_END_DECLS

#endif
