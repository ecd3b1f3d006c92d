/*
 * alloc.h - the one way to memory
 *
 * Threads: any; the hook is set before threads exist.
 * Memory:  what is allocated here is freed here.
 * Errors:  NULL when there is none; a size of 0 gives a valid pointer.
 *
 * The hook lets the torture suite fail each allocation in turn.
 */
#ifndef OSSDL_CORE_ALLOC_H
#define OSSDL_CORE_ALLOC_H

#include "base.h"

OSSDL_BEGIN_DECLS

/* Asked before each allocation; false makes it fail. */
typedef bool(ossdl_alloc_hook_fn)(void *context, size_t size);

void *ossdl_alloc(size_t size) OSSDL_MUST_CHECK;
void *ossdl_alloc_zero(size_t count, size_t size) OSSDL_MUST_CHECK;
/* The old block stays valid when this returns NULL. */
void *ossdl_realloc(void *block, size_t size) OSSDL_MUST_CHECK;
/* alignment is a power of two; freed with ossdl_free() like the others. */
void *ossdl_alloc_aligned(size_t alignment, size_t size) OSSDL_MUST_CHECK;
/* A NUL-terminated copy of len bytes. */
char *ossdl_alloc_string(const char *bytes, size_t len) OSSDL_MUST_CHECK;
void ossdl_free(void *block);

/* NULL removes the hook. */
void ossdl_alloc_set_hook(ossdl_alloc_hook_fn *hook, void *context);

OSSDL_END_DECLS

#endif
