#include "alloc.h"

#include <stdlib.h>
#include <string.h>

static ossdl_alloc_hook_fn *alloc_hook;
static void *alloc_hook_context;

static bool allowed(size_t size)
{
    return !alloc_hook || alloc_hook(alloc_hook_context, size);
}

void ossdl_alloc_set_hook(ossdl_alloc_hook_fn *hook, void *context)
{
    alloc_hook = hook;
    alloc_hook_context = context;
}

void *ossdl_alloc(size_t size)
{
    return allowed(size) ? malloc(size ? size : 1) : NULL;
}

void *ossdl_alloc_zero(size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return allowed(count * size) ? calloc(count ? count : 1, size ? size : 1)
                                 : NULL;
}

void *ossdl_realloc(void *block, size_t size)
{
    return allowed(size) ? realloc(block, size ? size : 1) : NULL;
}

void *ossdl_alloc_aligned(size_t alignment, size_t size)
{
    void *block = NULL;

    if (!allowed(size) || posix_memalign(&block, alignment, size) != 0) {
        return NULL;
    }
    return block;
}

char *ossdl_alloc_string(const char *bytes, size_t len)
{
    char *copy;

    if (len == SIZE_MAX) {
        return NULL;
    }
    copy = ossdl_alloc(len + 1);
    if (copy) {
        if (len > 0) {
            memcpy(copy, bytes, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

void ossdl_free(void *block)
{
    free(block);
}
