/*
 * buf.h - a growing byte buffer that must be given a maximum
 *
 * Threads: none of its own. Memory: one block, freed by ossdl_buf_cleanup().
 * Errors:  OSSDL_EMEMORY when there is none or the maximum would be passed;
 *          the content stays as it was, and the failure sticks (`failed`), so
 *          that a list of appends can be checked once at its end.
 */
#ifndef OSSDL_CORE_BUF_H
#define OSSDL_CORE_BUF_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_buf {
    char *data; /* always NUL-terminated once something was appended */
    size_t len;
    size_t capacity;
    size_t max;  /* of len, in bytes */
    bool secret; /* wipe what is given back */
    bool failed;
};

/* No allocation. */
void ossdl_buf_init(struct ossdl_buf *buf, size_t max);
/* For content that is or holds a secret: every freed block is wiped. */
void ossdl_buf_init_secret(struct ossdl_buf *buf, size_t max);
void ossdl_buf_cleanup(struct ossdl_buf *buf);
/* Empties it and keeps the block (wiped if secret). */
void ossdl_buf_reset(struct ossdl_buf *buf);

enum ossdl_status ossdl_buf_append(struct ossdl_buf *buf, const void *bytes,
                                   size_t len);
enum ossdl_status ossdl_buf_append_slice(struct ossdl_buf *buf,
                                         struct ossdl_slice slice);
enum ossdl_status ossdl_buf_append_str(struct ossdl_buf *buf,
                                       const char *string);
enum ossdl_status ossdl_buf_append_char(struct ossdl_buf *buf, char byte);
enum ossdl_status ossdl_buf_printf(struct ossdl_buf *buf, const char *format,
                                   ...) OSSDL_PRINTF(2, 3);

/* OSSDL_EMEMORY if any append failed since init or reset. */
enum ossdl_status ossdl_buf_check(const struct ossdl_buf *buf) OSSDL_MUST_CHECK;

struct ossdl_slice ossdl_buf_slice(const struct ossdl_buf *buf);
/* The content as a C string; "" while empty. */
const char *ossdl_buf_str(const struct ossdl_buf *buf);

OSSDL_END_DECLS

#endif
