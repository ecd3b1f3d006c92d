/*
 * errtext.h - what an answer that is an error says, bounded and harmless
 *
 * Threads: plain data. Memory: fixed size, no allocation.
 * Errors:  none: where the body says nothing usable, the headers and the
 *          status speak.
 *
 * Texts are one line of valid UTF-8 without control characters; what looks
 * like a signature or a token in them is blotted out. Elements that echo the
 * request (StringToSign, SignatureProvided, OSSAccessKeyId) are never copied.
 */
#ifndef OSSDL_CORE_ERRTEXT_H
#define OSSDL_CORE_ERRTEXT_H

#include "reply.h"
#include "slice.h"

OSSDL_BEGIN_DECLS

/* How much of a body is worth reading; the rest may be cut off. */
#define OSSDL_ERRTEXT_BODY_BYTES ((size_t) 64 * 1024)

/* How much of one field is looked at, before it is cleaned and cut. */
#define OSSDL_ERRTEXT_FIELD_BYTES ((size_t) 1024)

struct ossdl_service_error {
    bool from_service; /* the body was an error of OSS's */
    char code[64];     /* "NoSuchKey"; "HTTP503" when the body has none */
    char message[512];
    char request_id[64];
    char ec[32];
    char host_id[128];
    char endpoint[128];  /* the one to use instead; "" if it does not say */
    int64_t server_time; /* of the clock error's body, unix seconds; 0 none */
};

/*
 * Fills *out from the body (at most OSSDL_ERRTEXT_BODY_BYTES are looked at)
 * as XML or JSON, and what is missing from the headers and the status.
 */
void ossdl_errtext_parse(const struct ossdl_reply *reply,
                         struct ossdl_slice body,
                         struct ossdl_service_error *out);

/*
 * Stores the field of this name if it is one we keep, cleaned and bounded,
 * and if it is not there yet. For the two parsers; text is already decoded.
 */
void ossdl_errtext_set(struct ossdl_service_error *out, struct ossdl_slice name,
                       struct ossdl_slice text);

/* Has a parser found enough to call it an error of OSS's? */
bool ossdl_errtext_found(const struct ossdl_service_error *error);

/*
 * Copies as one line: control characters become spaces, bytes that are not
 * UTF-8 become U+FFFD, outer spaces go, and a cut falls between characters.
 * size is that of out with its NUL, at least 1.
 */
void ossdl_errtext_clean(char *out, size_t size, struct ossdl_slice text);

/* Copies with "***" for the value of anything like Signature=... or a token. */
void ossdl_errtext_redact(char *out, size_t size, struct ossdl_slice text);

/* Encodes one code point (U+FFFD for one that is none); 1 to 4 bytes. */
size_t ossdl_errtext_utf8(uint32_t code_point, char out[4]);

OSSDL_END_DECLS

#endif
