#include "errjson.h"

#include "ascii.h"

#define DEPTH_LIMIT 64u

/*
 * A scanner that never goes back: containers are counted, and of each open
 * one it is known whether it is an object. In an object a string is a name
 * until the colon, and after the colon a value.
 */
struct scanner {
    struct ossdl_slice rest;
    unsigned depth;
    uint64_t objects; /* bit depth - 1: this container is an object */
    bool value_next;  /* a colon was seen, and its value was not */
    bool in_error;    /* the container at depth 2 is the value of "Error" */
    char name[32];    /* the last name; cut off, but longer than ours */
    size_t name_len;
    struct ossdl_service_error *out;
};

static void advance(struct scanner *scanner, size_t count)
{
    scanner->rest =
        ossdl_slice_of(scanner->rest.ptr + count, scanner->rest.len - count);
}

static bool in_object(const struct scanner *scanner)
{
    return scanner->depth > 0 && (scanner->objects >> (scanner->depth - 1) & 1);
}

static struct ossdl_slice last_name(const struct scanner *scanner)
{
    return ossdl_slice_of(scanner->name, scanner->name_len);
}

/* "\u" and four digits at the start of the text. */
static bool unicode_at(struct ossdl_slice text, uint32_t *out)
{
    uint32_t value = 0;

    if (text.len < 6 || text.ptr[0] != '\\' || text.ptr[1] != 'u') {
        return false;
    }
    for (size_t i = 2; i < 6; i++) {
        unsigned digit = ossdl_hex_value(text.ptr[i]);

        if (digit > 15) {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

/* At "\u": the character, of two halves perhaps; the bytes taken, 0 if bad. */
static size_t take_unicode(struct ossdl_slice text, uint32_t *out)
{
    uint32_t low;

    if (!unicode_at(text, out)) {
        return 0;
    }
    if (*out >= 0xd800 && *out <= 0xdbff &&
        unicode_at(ossdl_slice_of(text.ptr + 6, text.len - 6), &low) &&
        low >= 0xdc00 && low <= 0xdfff) {
        *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
        return 12;
    }
    return 6;
}

/* At a backslash: the bytes taken; 0 if it is no escape or is cut off. */
static size_t take_escape(struct ossdl_slice text, uint32_t *out)
{
    static const char NAMES[] = "\"\\/bfnrt";
    static const char VALUES[] = "\"\\/\b\f\n\r\t";
    const char *found;

    if (text.len < 2) {
        return 0;
    }
    if (text.ptr[1] == 'u') {
        return take_unicode(text, out);
    }
    found = memchr(NAMES, text.ptr[1], sizeof NAMES - 1);
    if (!found) {
        return 0;
    }
    *out = (unsigned char) VALUES[found - NAMES];
    return 2;
}

/* At a quote. Decodes into out and steps over it; false if it is not whole. */
static bool take_string(struct scanner *scanner, char *out, size_t size,
                        size_t *out_len)
{
    size_t used = 0;

    advance(scanner, 1);
    while (scanner->rest.len > 0 && scanner->rest.ptr[0] != '"') {
        char bytes[4] = {scanner->rest.ptr[0]};
        size_t len = 1;
        size_t taken = 1;

        if (bytes[0] == '\\') {
            uint32_t character = 0;

            taken = take_escape(scanner->rest, &character);
            len = ossdl_errtext_utf8(character, bytes);
        }
        if (taken == 0) {
            return false;
        }
        if (len <= size - used) {
            memcpy(out + used, bytes, len);
            used += len;
        }
        advance(scanner, taken);
    }
    if (scanner->rest.len == 0) {
        return false;
    }
    advance(scanner, 1);
    *out_len = used;
    return true;
}

/* Members of the outermost object and of its "Error" are ours. */
static bool wanted(const struct scanner *scanner)
{
    return in_object(scanner) &&
           (scanner->depth == 1 || (scanner->depth == 2 && scanner->in_error));
}

static bool take_value(struct scanner *scanner)
{
    char text[OSSDL_ERRTEXT_FIELD_BYTES];
    size_t len = 0;

    if (!take_string(scanner, text, sizeof text, &len)) {
        return false;
    }
    if (wanted(scanner)) {
        ossdl_errtext_set(scanner->out, last_name(scanner),
                          ossdl_slice_of(text, len));
    }
    scanner->value_next = false;
    return true;
}

static bool take_any_string(struct scanner *scanner)
{
    if (in_object(scanner) && !scanner->value_next) {
        return take_string(scanner, scanner->name, sizeof scanner->name,
                           &scanner->name_len);
    }
    return take_value(scanner);
}

static bool open_container(struct scanner *scanner, bool object)
{
    if (scanner->depth == DEPTH_LIMIT) {
        return false;
    }
    if (scanner->depth == 1) {
        scanner->in_error = in_object(scanner) && scanner->value_next &&
                            ossdl_slice_is(last_name(scanner), "Error");
    }
    scanner->depth++;
    scanner->objects &= ~(UINT64_C(1) << (scanner->depth - 1));
    scanner->objects |= (uint64_t) object << (scanner->depth - 1);
    scanner->value_next = false;
    advance(scanner, 1);
    return true;
}

/* False when the outermost container is closed: nothing after it counts. */
static bool close_container(struct scanner *scanner)
{
    if (scanner->depth == 0) {
        return false;
    }
    scanner->depth--;
    scanner->value_next = false;
    advance(scanner, 1);
    return scanner->depth > 0;
}

/* One token; numbers and literals go by byte for byte. */
static bool take_token(struct scanner *scanner)
{
    switch (scanner->rest.ptr[0]) {
    case '"':
        return take_any_string(scanner);
    case '{':
        return open_container(scanner, true);
    case '[':
        return open_container(scanner, false);
    case '}':
    case ']':
        return close_container(scanner);
    case ':':
        scanner->value_next = in_object(scanner);
        break;
    case ',':
        scanner->value_next = false;
        break;
    default:
        break;
    }
    advance(scanner, 1);
    return true;
}

bool ossdl_errjson_parse(struct ossdl_slice body,
                         struct ossdl_service_error *out)
{
    struct scanner scanner = {.rest = body, .out = out};

    while (scanner.rest.len > 0 && take_token(&scanner)) {
        continue;
    }
    return ossdl_errtext_found(out);
}
