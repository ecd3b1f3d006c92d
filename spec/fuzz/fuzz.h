/*
 * fuzz.h - what the fuzz targets share
 *
 * A target feeds arbitrary bytes to a parser and then states what must hold
 * whatever they were. REQUIRE ends the process, which libFuzzer reports with
 * the input that did it. spec/fuzz/run builds and runs them all.
 */
#ifndef OSSDL_SPEC_FUZZ_H
#define OSSDL_SPEC_FUZZ_H

#include "slice.h"

#include <string.h>

#define REQUIRE(condition)    \
    do {                      \
        if (!(condition)) {   \
            __builtin_trap(); \
        }                     \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes one byte off the front; 0 when there is none. */
static inline uint8_t take_byte(struct ossdl_slice *input)
{
    uint8_t byte = 0;

    if (input->len > 0) {
        byte = (uint8_t) input->ptr[0];
        input->ptr++;
        input->len--;
    }
    return byte;
}

/* Takes what comes before the next such byte, and that byte. */
static inline struct ossdl_slice take_until(struct ossdl_slice *input, char end)
{
    const char *found =
        input->len > 0 ? memchr(input->ptr, end, input->len) : NULL;
    size_t len = found ? (size_t) (found - input->ptr) : input->len;
    size_t step = found ? len + 1 : len;
    struct ossdl_slice taken = ossdl_slice_of(input->ptr, len);

    input->ptr += step;
    input->len -= step;
    return taken;
}

/* A string that ends within its array and has no control character in it. */
static inline bool is_line(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return len < size;
}

#endif
