#include "codec.h"

#include "ascii.h"

static const char HEX_LOWER[] = "0123456789abcdef";
static const char HEX_UPPER[] = "0123456789ABCDEF";
static const char BASE64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void ossdl_hex_encode(const void *bytes, size_t len, char *out)
{
    const unsigned char *in = bytes;

    for (size_t i = 0; i < len; i++) {
        *out++ = HEX_LOWER[in[i] >> 4];
        *out++ = HEX_LOWER[in[i] & 15];
    }
    *out = '\0';
}

/* One to three bytes become four characters. */
static enum ossdl_status append_group(struct ossdl_buf *buf,
                                      const unsigned char *in, size_t len)
{
    uint32_t bits = (uint32_t) in[0] << 16;
    char group[4];

    bits |= len > 1 ? (uint32_t) in[1] << 8 : 0;
    bits |= len > 2 ? (uint32_t) in[2] : 0;
    group[0] = BASE64[bits >> 18];
    group[1] = BASE64[bits >> 12 & 63];
    group[2] = len > 1 ? BASE64[bits >> 6 & 63] : '=';
    group[3] = len > 2 ? BASE64[bits & 63] : '=';
    return ossdl_buf_append(buf, group, sizeof group);
}

enum ossdl_status ossdl_base64_append(struct ossdl_buf *buf, const void *bytes,
                                      size_t len)
{
    const unsigned char *in = bytes;

    for (size_t i = 0; i < len; i += 3) {
        append_group(buf, in + i, len - i < 3 ? len - i : 3);
    }
    return ossdl_buf_check(buf);
}

bool ossdl_is_unreserved(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
           byte == '_' || byte == '~';
}

static enum ossdl_status append_escaped(struct ossdl_buf *buf,
                                        unsigned char byte)
{
    char escape[3] = {'%', HEX_UPPER[byte >> 4], HEX_UPPER[byte & 15]};

    return ossdl_buf_append(buf, escape, sizeof escape);
}

enum ossdl_status ossdl_percent_append(struct ossdl_buf *buf,
                                       struct ossdl_slice text, bool keep_slash)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char) text.ptr[i];

        if (ossdl_is_unreserved(byte) || (byte == '/' && keep_slash)) {
            ossdl_buf_append_char(buf, (char) byte);
        } else {
            append_escaped(buf, byte);
        }
    }
    return ossdl_buf_check(buf);
}

void ossdl_ascii_lower(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z') {
            text[i] = (char) (text[i] - 'A' + 'a');
        }
    }
}

struct ossdl_slice ossdl_slice_trim(struct ossdl_slice text)
{
    while (text.len > 0 && ossdl_is_blank(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && ossdl_is_blank(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

/* How many bytes follow a first byte; -1 when none may start with it. */
static int continuation_count(unsigned char first)
{
    if (first < 0x80) {
        return 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        return 1;
    }
    if (first >= 0xe0 && first <= 0xef) {
        return 2;
    }
    return first >= 0xf0 && first <= 0xf4 ? 3 : -1;
}

/* The second byte is where overlong forms, surrogates and what lies above
 * U+10FFFF show. */
static bool second_valid(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

bool ossdl_utf8_valid(struct ossdl_slice text)
{
    const unsigned char *in = (const unsigned char *) text.ptr;
    size_t i = 0;

    while (i < text.len) {
        int more = continuation_count(in[i]);

        if (more < 0 || (size_t) more >= text.len - i) {
            return false;
        }
        if (more > 0 && !second_valid(in[i], in[i + 1])) {
            return false;
        }
        for (int k = 1; k <= more; k++) {
            if ((in[i + (size_t) k] & 0xc0) != 0x80) {
                return false;
            }
        }
        i += (size_t) more + 1;
    }
    return true;
}
