#include "buf.h"

#include "alloc.h"
#include "secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ossdl_buf_init(struct ossdl_buf *buf, size_t max)
{
    memset(buf, 0, sizeof *buf);
    buf->max = max;
}

void ossdl_buf_init_secret(struct ossdl_buf *buf, size_t max)
{
    ossdl_buf_init(buf, max);
    buf->secret = true;
}

static void wipe(struct ossdl_buf *buf)
{
    if (buf->secret && buf->data) {
        ossdl_wipe(buf->data, buf->capacity);
    }
}

void ossdl_buf_cleanup(struct ossdl_buf *buf)
{
    size_t max = buf->max;
    bool secret = buf->secret;

    wipe(buf);
    ossdl_free(buf->data);
    ossdl_buf_init(buf, max);
    buf->secret = secret;
}

void ossdl_buf_reset(struct ossdl_buf *buf)
{
    wipe(buf);
    buf->len = 0;
    buf->failed = false;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

/* realloc() may leave the old block's bytes behind: secrets move by hand. */
static char *move_block(struct ossdl_buf *buf, size_t capacity)
{
    char *data;

    if (!buf->secret) {
        return ossdl_realloc(buf->data, capacity);
    }
    data = ossdl_alloc(capacity);
    if (data && buf->data) {
        memcpy(data, buf->data, buf->len + 1);
        wipe(buf);
        ossdl_free(buf->data);
    }
    return data;
}

static enum ossdl_status reserve(struct ossdl_buf *buf, size_t more)
{
    size_t capacity = buf->capacity ? buf->capacity : 64;
    char *data;

    if (buf->failed || more > buf->max || buf->len > buf->max - more ||
        buf->max > SIZE_MAX / 2 - 1) {
        buf->failed = true;
        return OSSDL_EMEMORY;
    }
    if (buf->data && buf->len + more + 1 <= buf->capacity) {
        return OSSDL_OK;
    }
    while (capacity < buf->len + more + 1) {
        capacity *= 2;
    }
    data = move_block(buf, capacity);
    if (!data) {
        buf->failed = true;
        return OSSDL_EMEMORY;
    }
    buf->data = data;
    buf->capacity = capacity;
    return OSSDL_OK;
}

enum ossdl_status ossdl_buf_append(struct ossdl_buf *buf, const void *bytes,
                                   size_t len)
{
    enum ossdl_status status = reserve(buf, len);

    if (status == OSSDL_OK) {
        if (len > 0) {
            memcpy(buf->data + buf->len, bytes, len);
        }
        buf->len += len;
        buf->data[buf->len] = '\0';
    }
    return status;
}

enum ossdl_status ossdl_buf_append_slice(struct ossdl_buf *buf,
                                         struct ossdl_slice slice)
{
    return ossdl_buf_append(buf, slice.ptr, slice.len);
}

enum ossdl_status ossdl_buf_append_str(struct ossdl_buf *buf,
                                       const char *string)
{
    return ossdl_buf_append(buf, string, strlen(string));
}

enum ossdl_status ossdl_buf_append_char(struct ossdl_buf *buf, char byte)
{
    return ossdl_buf_append(buf, &byte, 1);
}

enum ossdl_status ossdl_buf_printf(struct ossdl_buf *buf, const char *format,
                                   ...)
{
    va_list args;
    int len;
    enum ossdl_status status;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return OSSDL_EMEMORY;
    }
    status = reserve(buf, (size_t) len);
    if (status == OSSDL_OK) {
        va_start(args, format);
        vsnprintf(buf->data + buf->len, (size_t) len + 1, format, args);
        va_end(args);
        buf->len += (size_t) len;
    }
    return status;
}

enum ossdl_status ossdl_buf_check(const struct ossdl_buf *buf)
{
    return buf->failed ? OSSDL_EMEMORY : OSSDL_OK;
}

struct ossdl_slice ossdl_buf_slice(const struct ossdl_buf *buf)
{
    return ossdl_slice_of(buf->data, buf->len);
}

const char *ossdl_buf_str(const struct ossdl_buf *buf)
{
    return buf->data ? buf->data : "";
}
