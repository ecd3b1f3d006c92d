#include "errxml.h"

#include "ascii.h"

/* Where we are in the document, and the field that is being collected. */
struct scanner {
    struct ossdl_slice rest;
    unsigned depth;           /* open elements */
    struct ossdl_slice field; /* name of the open child of the root; or empty */
    char text[OSSDL_ERRTEXT_FIELD_BYTES];
    size_t text_len;
    struct ossdl_service_error *out;
};

static void advance(struct scanner *scanner, size_t count)
{
    scanner->rest =
        ossdl_slice_of(scanner->rest.ptr + count, scanner->rest.len - count);
}

/* Where the text is found in what is left, of which from bytes are known. */
static bool find(const struct scanner *scanner, size_t from, const char *text,
                 size_t *out_at)
{
    const char *found;

    found = memmem(scanner->rest.ptr + from, scanner->rest.len - from, text,
                   strlen(text));
    if (!found) {
        return false;
    }
    *out_at = (size_t) (found - scanner->rest.ptr);
    return true;
}

/* Text counts directly within a child of the root, and there only. */
static void add_text(struct scanner *scanner, const char *bytes, size_t len)
{
    size_t room = sizeof scanner->text - scanner->text_len;

    if (scanner->depth != 2) {
        return;
    }
    if (len > room) {
        len = room;
    }
    memcpy(scanner->text + scanner->text_len, bytes, len);
    scanner->text_len += len;
}

/* The digits of "&#60;" or "&#x3c;"; false if there is anything else. */
static bool reference_of(struct ossdl_slice digits, uint32_t *out)
{
    bool hex = ossdl_slice_starts(digits, "x");
    uint32_t base = hex ? 16 : 10;
    uint32_t value = 0;

    for (size_t i = hex ? 1 : 0; i < digits.len; i++) {
        unsigned digit = ossdl_hex_value(digits.ptr[i]);

        if (digit >= base) {
            return false;
        }
        value = value * base + digit;
    }
    *out = value;
    return digits.len > (hex ? 1u : 0u);
}

static bool entity_of(struct ossdl_slice name, uint32_t *out)
{
    static const struct {
        const char *name;
        char character;
    } ENTITIES[] = {
        {"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}};

    if (ossdl_slice_starts(name, "#")) {
        return reference_of(ossdl_slice_of(name.ptr + 1, name.len - 1), out);
    }
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(ENTITIES); i++) {
        if (ossdl_slice_is(name, ENTITIES[i].name)) {
            *out = (unsigned char) ENTITIES[i].character;
            return true;
        }
    }
    return false;
}

/* At an ampersand. What is not an entity we know stays as it is written. */
static void take_entity(struct scanner *scanner)
{
    /* the longest is "#x10FFFF"; 8 digits cannot overflow 32 bits */
    size_t limit = scanner->rest.len < 11 ? scanner->rest.len : 11;
    const char *end = memchr(scanner->rest.ptr, ';', limit);
    uint32_t character;
    char bytes[4];

    if (!end ||
        !entity_of(ossdl_slice_of(scanner->rest.ptr + 1,
                                  (size_t) (end - scanner->rest.ptr) - 1),
                   &character)) {
        add_text(scanner, "&", 1);
        advance(scanner, 1);
        return;
    }
    add_text(scanner, bytes, ossdl_errtext_utf8(character, bytes));
    advance(scanner, (size_t) (end - scanner->rest.ptr) + 1);
}

static void take_text(struct scanner *scanner)
{
    size_t len = 0;

    while (len < scanner->rest.len && scanner->rest.ptr[len] != '<' &&
           scanner->rest.ptr[len] != '&') {
        len++;
    }
    add_text(scanner, scanner->rest.ptr, len);
    advance(scanner, len);
}

/* Steps over what starts with skip_start bytes and ends with the text. */
static bool skip_past(struct scanner *scanner, size_t skip_start,
                      const char *end)
{
    size_t at;

    if (!find(scanner, skip_start, end, &at)) {
        return false;
    }
    advance(scanner, at + strlen(end));
    return true;
}

static bool take_cdata(struct scanner *scanner)
{
    size_t start = strlen("<![CDATA[");
    size_t at;

    if (!find(scanner, start, "]]>", &at)) {
        return false;
    }
    add_text(scanner, scanner->rest.ptr + start, at - start);
    advance(scanner, at + 3);
    return true;
}

/* "<!DOCTYPE ... [ ... ]>": a '>' in brackets or quotes does not end it. */
static bool skip_declaration(struct scanner *scanner)
{
    unsigned brackets = 0;
    char quote = '\0';

    for (size_t i = 0; i < scanner->rest.len; i++) {
        char byte = scanner->rest.ptr[i];

        if (quote) {
            quote = byte == quote ? '\0' : quote;
        } else if (byte == '"' || byte == '\'') {
            quote = byte;
        } else if (byte == '[') {
            brackets++;
        } else if (byte == ']' && brackets > 0) {
            brackets--;
        } else if (byte == '>' && brackets == 0) {
            advance(scanner, i + 1);
            return true;
        }
    }
    return false;
}

/* The length of a tag up to its '>', which quotes can hide; 0 if cut off. */
static size_t tag_length(struct ossdl_slice rest)
{
    char quote = '\0';

    for (size_t i = 0; i < rest.len; i++) {
        if (quote) {
            quote = rest.ptr[i] == quote ? '\0' : quote;
        } else if (rest.ptr[i] == '"' || rest.ptr[i] == '\'') {
            quote = rest.ptr[i];
        } else if (rest.ptr[i] == '>') {
            return i + 1;
        }
    }
    return 0;
}

static struct ossdl_slice name_of(struct ossdl_slice tag)
{
    size_t len = 1; /* a tag ends with '>', and so does the loop */

    while (!ossdl_is_space(tag.ptr[len]) && tag.ptr[len] != '/' &&
           tag.ptr[len] != '>') {
        len++;
    }
    return ossdl_slice_of(tag.ptr + 1, len - 1);
}

static void end_element(struct scanner *scanner)
{
    if (scanner->depth == 2) {
        ossdl_errtext_set(scanner->out, scanner->field,
                          ossdl_slice_of(scanner->text, scanner->text_len));
    }
    scanner->depth--;
}

/* False at the end of what counts: the root is closed or is not ours. */
static bool take_tag(struct scanner *scanner)
{
    size_t len = tag_length(scanner->rest);
    struct ossdl_slice tag = ossdl_slice_of(scanner->rest.ptr, len);

    if (len == 0) {
        return false;
    }
    advance(scanner, len);
    if (tag.ptr[1] == '/') {
        if (scanner->depth > 0) {
            end_element(scanner);
        }
        return scanner->depth > 0;
    }
    if (scanner->depth == 0 && !ossdl_slice_is(name_of(tag), "Error")) {
        return false;
    }
    scanner->depth++;
    if (scanner->depth == 2) {
        scanner->field = name_of(tag);
        scanner->text_len = 0;
    }
    if (tag.ptr[len - 2] == '/') {
        end_element(scanner);
    }
    return scanner->depth > 0;
}

/* At a '<'. */
static bool take_markup(struct scanner *scanner)
{
    if (ossdl_slice_starts(scanner->rest, "<!--")) {
        return skip_past(scanner, 4, "-->");
    }
    if (ossdl_slice_starts(scanner->rest, "<![CDATA[")) {
        return take_cdata(scanner);
    }
    if (ossdl_slice_starts(scanner->rest, "<?")) {
        return skip_past(scanner, 2, "?>");
    }
    if (ossdl_slice_starts(scanner->rest, "<!")) {
        return skip_declaration(scanner);
    }
    return take_tag(scanner);
}

bool ossdl_errxml_parse(struct ossdl_slice body,
                        struct ossdl_service_error *out)
{
    struct scanner scanner = {.rest = body, .out = out};
    bool more = true;

    while (more && scanner.rest.len > 0) {
        if (scanner.rest.ptr[0] == '<') {
            more = take_markup(&scanner);
        } else if (scanner.rest.ptr[0] == '&') {
            take_entity(&scanner);
        } else {
            take_text(&scanner);
        }
    }
    return ossdl_errtext_found(out);
}
