/*
 * ascii.h - what a byte is in ASCII, whatever the locale of the host
 *
 * Threads: pure. Memory: none. Errors: none.
 */
#ifndef OSSDL_CORE_ASCII_H
#define OSSDL_CORE_ASCII_H

#include "slice.h"

OSSDL_BEGIN_DECLS

static inline bool ossdl_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Within a line. */
static inline bool ossdl_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static inline bool ossdl_is_space(char byte)
{
    return ossdl_is_blank(byte) || byte == '\r' || byte == '\n';
}

static inline bool ossdl_is_control(char byte)
{
    return (unsigned char) byte < ' ' || byte == 0x7f;
}

static inline bool ossdl_has_control(struct ossdl_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (ossdl_is_control(text.ptr[i])) {
            return true;
        }
    }
    return false;
}

/* Of a hexadecimal digit; 16 for any other byte. */
static inline unsigned ossdl_hex_value(char byte)
{
    if (ossdl_is_digit(byte)) {
        return (unsigned) (byte - '0');
    }
    if (byte >= 'a' && byte <= 'f') {
        return (unsigned) (byte - 'a') + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return (unsigned) (byte - 'A') + 10;
    }
    return 16;
}

OSSDL_END_DECLS

#endif
