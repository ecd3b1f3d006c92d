#include "secret.h"

#include "alloc.h"

#include <string.h>

void ossdl_wipe(void *memory, size_t len)
{
    if (len > 0) {
        explicit_bzero(memory, len);
    }
}

enum ossdl_status ossdl_secret_set(struct ossdl_secret *secret,
                                   struct ossdl_slice bytes)
{
    char *copy = ossdl_alloc_string(bytes.ptr, bytes.len);

    if (!copy) {
        return OSSDL_EMEMORY;
    }
    ossdl_secret_cleanup(secret);
    secret->bytes = copy;
    secret->len = bytes.len;
    return OSSDL_OK;
}

void ossdl_secret_cleanup(struct ossdl_secret *secret)
{
    if (secret->bytes) {
        ossdl_wipe(secret->bytes, secret->len);
        ossdl_free(secret->bytes);
    }
    secret->bytes = NULL;
    secret->len = 0;
}

struct ossdl_slice ossdl_secret_slice(const struct ossdl_secret *secret)
{
    return ossdl_slice_of(secret->bytes, secret->len);
}
