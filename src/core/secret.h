/*
 * secret.h - bytes that must not be seen: keys, tokens
 *
 * Threads: immutable once set. Memory: one block, wiped before it is freed.
 * Errors:  OSSDL_EMEMORY. Nothing formats a secret: a search for this type
 *          finds where keys are made, signed with, and wiped.
 */
#ifndef OSSDL_CORE_SECRET_H
#define OSSDL_CORE_SECRET_H

#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

struct ossdl_secret {
    char *bytes; /* owned; NUL-terminated for convenience; NULL when unset */
    size_t len;
};

/* Overwrites memory in a way that the compiler must keep. */
void ossdl_wipe(void *memory, size_t len);

enum ossdl_status ossdl_secret_set(struct ossdl_secret *secret,
                                   struct ossdl_slice bytes) OSSDL_MUST_CHECK;
void ossdl_secret_cleanup(struct ossdl_secret *secret);
struct ossdl_slice ossdl_secret_slice(const struct ossdl_secret *secret);

OSSDL_END_DECLS

#endif
