/*
 * codec.h - the small encodings of the wire: hex, base64, percent, UTF-8
 *
 * Threads: none of its own; no state.
 * Memory:  appends to the caller's buffer.
 * Errors:  OSSDL_EMEMORY, which also sticks to the buffer.
 */
#ifndef OSSDL_CORE_CODEC_H
#define OSSDL_CORE_CODEC_H

#include "buf.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

/* Lower-case hex and a NUL; out has room for 2 * len + 1 bytes. */
void ossdl_hex_encode(const void *bytes, size_t len, char *out);

/* The standard alphabet with padding, as in RFC 4648 section 4. */
enum ossdl_status ossdl_base64_append(struct ossdl_buf *buf, const void *bytes,
                                      size_t len);

/*
 * OSS's percent encoding: letters, digits and "-._~" stay, and "/" if
 * keep_slash; each other byte becomes %XX in upper case.
 */
enum ossdl_status ossdl_percent_append(struct ossdl_buf *buf,
                                       struct ossdl_slice text,
                                       bool keep_slash);

/* Whether the percent encoding leaves the byte as it is ("/" not counted). */
bool ossdl_is_unreserved(unsigned char byte);

/* Lower-cases ASCII letters in place, whatever the locale. */
void ossdl_ascii_lower(char *text, size_t len);

/* Without the spaces and tabs at both ends. */
struct ossdl_slice ossdl_slice_trim(struct ossdl_slice text);

/* Well-formed in the sense of RFC 3629: no overlong form, no surrogate,
 * nothing above U+10FFFF. The empty slice is valid. */
bool ossdl_utf8_valid(struct ossdl_slice text);

OSSDL_END_DECLS

#endif
