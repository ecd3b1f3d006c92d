#include "errtext.h"

#include "ascii.h"
#include "codec.h"
#include "errjson.h"
#include "errxml.h"
#include "httpdate.h"

#include <stdio.h>

#define REPLACEMENT 0xfffdu /* stands for what is not a character */

size_t ossdl_errtext_utf8(uint32_t code_point, char out[4])
{
    unsigned char *bytes = (unsigned char *) out;

    if (code_point > 0x10ffff ||
        (code_point >= 0xd800 && code_point <= 0xdfff)) {
        code_point = REPLACEMENT;
    }
    if (code_point < 0x80) {
        bytes[0] = (unsigned char) code_point;
        return 1;
    }
    if (code_point < 0x800) {
        bytes[0] = (unsigned char) (0xc0 | (code_point >> 6));
        bytes[1] = (unsigned char) (0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        bytes[0] = (unsigned char) (0xe0 | (code_point >> 12));
        bytes[1] = (unsigned char) (0x80 | ((code_point >> 6) & 0x3f));
        bytes[2] = (unsigned char) (0x80 | (code_point & 0x3f));
        return 3;
    }
    bytes[0] = (unsigned char) (0xf0 | (code_point >> 18));
    bytes[1] = (unsigned char) (0x80 | ((code_point >> 12) & 0x3f));
    bytes[2] = (unsigned char) (0x80 | ((code_point >> 6) & 0x3f));
    bytes[3] = (unsigned char) (0x80 | (code_point & 0x3f));
    return 4;
}

/* The length that a lead byte announces and the bits it carries; 0 if none. */
static size_t lead_of(unsigned char byte, uint32_t *out_bits)
{
    if (byte < 0x80) {
        *out_bits = byte;
        return 1;
    }
    if (byte >= 0xc2 && byte <= 0xdf) {
        *out_bits = byte & 0x1fu;
        return 2;
    }
    if (byte >= 0xe0 && byte <= 0xef) {
        *out_bits = byte & 0x0fu;
        return 3;
    }
    if (byte >= 0xf0 && byte <= 0xf4) {
        *out_bits = byte & 0x07u;
        return 4;
    }
    return 0;
}

/*
 * The character at the start of a text that is not empty, and how many bytes
 * it takes. A wrong byte is one U+FFFD by itself.
 */
static size_t take_character(struct ossdl_slice text, uint32_t *out)
{
    static const uint32_t SMALLEST[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t value = 0;
    size_t len = lead_of((unsigned char) text.ptr[0], &value);

    *out = REPLACEMENT;
    if (len == 0 || len > text.len) {
        return 1;
    }
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char) text.ptr[i];

        if ((byte & 0xc0) != 0x80) {
            return 1;
        }
        value = value << 6 | (byte & 0x3f);
    }
    /* too long a form, a surrogate, or beyond the last code point */
    if (value < SMALLEST[len] || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff)) {
        return 1;
    }
    *out = value;
    return len;
}

/* Terminals obey C0 and C1; U+2028 and U+2029 end a line as well. */
static bool breaks_line(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
           character == 0x2028 || character == 0x2029;
}

static struct ossdl_slice skip(struct ossdl_slice text, size_t count)
{
    return ossdl_slice_of(text.ptr + count, text.len - count);
}

static struct ossdl_slice skip_space(struct ossdl_slice text)
{
    while (text.len > 0 && ossdl_is_space(text.ptr[0])) {
        text = skip(text, 1);
    }
    return text;
}

void ossdl_errtext_clean(char *out, size_t size, struct ossdl_slice text)
{
    size_t used = 0;

    while (text.len > 0) {
        uint32_t character;
        char bytes[4];
        size_t taken = take_character(text, &character);
        size_t len =
            ossdl_errtext_utf8(breaks_line(character) ? ' ' : character, bytes);

        text = skip(text, taken);
        if (used == 0 && bytes[0] == ' ') {
            continue;
        }
        if (len >= size - used) {
            break;
        }
        memcpy(out + used, bytes, len);
        used += len;
    }
    while (used > 0 && out[used - 1] == ' ') {
        used--;
    }
    out[used] = '\0';
}

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

static bool starts_nocase(struct ossdl_slice text, const char *prefix)
{
    size_t len = strlen(prefix);
    return text.len >= len && strncasecmp(text.ptr, prefix, len) == 0;
}

/* How many bytes of `=`, `:` and quotes stand before a value; 0 for none. */
static size_t separator_length(struct ossdl_slice text)
{
    bool found = false;
    size_t i = 0;

    while (i < text.len) {
        if (text.ptr[i] == '=' || text.ptr[i] == ':') {
            found = true;
            i++;
        } else if (starts_nocase(skip(text, i), "%3d")) {
            found = true;
            i += 3;
        } else if (ossdl_is_space(text.ptr[i]) || text.ptr[i] == '"' ||
                   text.ptr[i] == '\'') {
            i++;
        } else {
            break;
        }
    }
    return found ? i : 0;
}

static size_t value_length(struct ossdl_slice text)
{
    size_t i = 0;

    while (i < text.len && !ossdl_is_space(text.ptr[i]) &&
           !memchr("&\"'<>;,", text.ptr[i], 7)) {
        i++;
    }
    return i;
}

struct secret_span {
    size_t keep; /* bytes of name and separator */
    size_t drop; /* bytes of value behind them */
};

/*
 * Does a name whose value must not be seen start here? The name may go on
 * ("SignatureProvided") and may have had a prefix ("x-oss-signature"). An
 * Authorization value has blanks in it, so all that follows goes.
 */
static bool secret_at(struct ossdl_slice text, struct secret_span *out)
{
    static const char *const NAMES[] = {
        "signature",       "security-token",    "security_token",
        "securitytoken",   "stringtosign",      "canonicalrequest",
        "accesskeysecret", "access_key_secret", "authorization",
        "session_token",   "session-token",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(NAMES); i++) {
        size_t len = strlen(NAMES[i]);
        size_t separator;

        if (!starts_nocase(text, NAMES[i])) {
            continue;
        }
        while (len < text.len && is_word(text.ptr[len])) {
            len++;
        }
        separator = separator_length(skip(text, len));
        if (separator == 0) {
            return false;
        }
        out->keep = len + separator;
        out->drop = NAMES[i][0] == 'a' && NAMES[i][1] == 'u'
                        ? text.len - out->keep
                        : value_length(skip(text, out->keep));
        return out->drop > 0;
    }
    return false;
}

/* Appends what fits; false when something did not. */
static bool put(char *out, size_t size, size_t *used, const char *bytes,
                size_t len)
{
    if (len >= size - *used) {
        return false;
    }
    memcpy(out + *used, bytes, len);
    *used += len;
    return true;
}

void ossdl_errtext_redact(char *out, size_t size, struct ossdl_slice text)
{
    struct secret_span span;
    size_t used = 0;

    while (text.len > 0) {
        uint32_t ignored;
        size_t len;

        if (secret_at(text, &span)) {
            if (!put(out, size, &used, text.ptr, span.keep) ||
                !put(out, size, &used, "***", 3)) {
                break;
            }
            text = skip(text, span.keep + span.drop);
            continue;
        }
        len = take_character(text, &ignored);
        if (!put(out, size, &used, text.ptr, len)) {
            break;
        }
        text = skip(text, len);
    }
    out[used] = '\0';
}

/* Codes and ids are compared and printed as they are: no odd byte in them. */
static void set_token(char *out, size_t size, struct ossdl_slice text)
{
    text = ossdl_slice_trim(text);
    if (out[0] != '\0' || text.len == 0 || text.len >= size) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_word(text.ptr[i]) && !memchr(".:/*[]", text.ptr[i], 6)) {
            return;
        }
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}

static void set_message(char *out, size_t size, struct ossdl_slice text)
{
    char clean[OSSDL_ERRTEXT_FIELD_BYTES];

    if (out[0] == '\0') {
        ossdl_errtext_clean(clean, sizeof clean, text);
        ossdl_errtext_redact(out, size, ossdl_slice_str(clean));
    }
}

void ossdl_errtext_set(struct ossdl_service_error *out, struct ossdl_slice name,
                       struct ossdl_slice text)
{
    if (ossdl_slice_is(name, "Code")) {
        set_token(out->code, sizeof out->code, text);
    } else if (ossdl_slice_is(name, "Message")) {
        set_message(out->message, sizeof out->message, text);
    } else if (ossdl_slice_is(name, "RequestId")) {
        set_token(out->request_id, sizeof out->request_id, text);
    } else if (ossdl_slice_is(name, "EC")) {
        set_token(out->ec, sizeof out->ec, text);
    } else if (ossdl_slice_is(name, "HostId")) {
        set_token(out->host_id, sizeof out->host_id, text);
    } else if (ossdl_slice_is(name, "Endpoint")) {
        set_token(out->endpoint, sizeof out->endpoint, text);
    } else if (ossdl_slice_is(name, "ServerTime") && out->server_time == 0) {
        (void) ossdl_isodate_parse(ossdl_slice_trim(text), &out->server_time);
    }
}

bool ossdl_errtext_found(const struct ossdl_service_error *error)
{
    return error->code[0] != '\0';
}

static bool parse_body(const struct ossdl_reply *reply, struct ossdl_slice body,
                       struct ossdl_service_error *out)
{
    struct ossdl_slice text = skip_space(body);

    if (ossdl_slice_starts(text, "{") ||
        starts_nocase(ossdl_slice_str(reply->content_type),
                      "application/json")) {
        return ossdl_errjson_parse(text, out);
    }
    return ossdl_errxml_parse(text, out);
}

static const char *why_no_message(const struct ossdl_service_error *error,
                                  bool has_body)
{
    if (error->from_service) {
        return "without a message";
    }
    return has_body ? "with a body that is not OSS's"
                    : "without an explanation";
}

/* What to say when nobody who knows OSS has said anything. */
static void set_fallback(const struct ossdl_reply *reply, bool has_body,
                         struct ossdl_service_error *out)
{
    if (out->code[0] == '\0') {
        snprintf(out->code, sizeof out->code, "HTTP%d", reply->status);
    }
    if (out->message[0] == '\0') {
        snprintf(out->message, sizeof out->message, "HTTP %d %s", reply->status,
                 why_no_message(out, has_body));
    }
}

void ossdl_errtext_parse(const struct ossdl_reply *reply,
                         struct ossdl_slice body,
                         struct ossdl_service_error *out)
{
    memset(out, 0, sizeof *out);
    if (body.len > OSSDL_ERRTEXT_BODY_BYTES) {
        body.len = OSSDL_ERRTEXT_BODY_BYTES;
    }
    out->from_service = parse_body(reply, body, out);
    if (!out->from_service) {
        memset(out, 0, sizeof *out);
    }
    set_token(out->request_id, sizeof out->request_id,
              ossdl_slice_str(reply->request_id));
    set_token(out->ec, sizeof out->ec, ossdl_slice_str(reply->ec));
    set_fallback(reply, body.len > 0, out);
}
