#include "reply.h"

#include "ascii.h"
#include "codec.h"
#include "httpdate.h"

/* Longer waits are the same to us; keeps sums far from overflow. */
#define WAIT_LIMIT ((uint64_t) INT32_MAX)

typedef void(ossdl_reply_header_fn)(struct ossdl_reply *reply,
                                    struct ossdl_slice value);

static struct ossdl_slice skip(struct ossdl_slice text, size_t count)
{
    return ossdl_slice_of(text.ptr + count, text.len - count);
}

/* Takes the digits at the start of *text; false without any or if too big. */
static bool take_number(struct ossdl_slice *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i < text->len && ossdl_is_digit(text->ptr[i]); i++) {
        uint64_t digit = (uint64_t) (text->ptr[i] - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (i == 0) {
        return false;
    }
    *text = skip(*text, i);
    *out = value;
    return true;
}

static bool take_char(struct ossdl_slice *text, char byte)
{
    if (text->len == 0 || text->ptr[0] != byte) {
        return false;
    }
    *text = skip(*text, 1);
    return true;
}

static bool number_of(struct ossdl_slice text, uint64_t *out)
{
    return take_number(&text, out) && text.len == 0;
}

/* False, and nothing copied, when it does not fit or is not printable. */
static bool copy_text(char *out, size_t size, struct ossdl_slice text)
{
    if (text.len >= size || ossdl_has_control(text)) {
        return false;
    }
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    out[text.len] = '\0';
    return true;
}

/* A text that only people read: the first usable one is as good as any. */
static void note_text(char *out, size_t size, struct ossdl_slice text)
{
    if (out[0] == '\0') {
        (void) copy_text(out, size, text);
    }
}

/*
 * A number that must not be ambiguous: once bad it stays bad, and a second
 * value must be the first one again.
 */
static void note_number(struct ossdl_slice text, bool *has, bool *bad,
                        uint64_t *out)
{
    uint64_t value;

    if (!number_of(text, &value) || *bad || (*has && *out != value)) {
        *has = false;
        *bad = true;
        *out = 0;
        return;
    }
    *has = true;
    *out = value;
}

/* The same for a text; "" is no value. */
static void note_token(struct ossdl_slice text, char *out, size_t size,
                       bool *bad)
{
    bool repeated = out[0] != '\0';

    if (*bad || text.len == 0 || (repeated && !ossdl_slice_is(text, out)) ||
        !copy_text(out, size, text)) {
        out[0] = '\0';
        *bad = true;
    }
}

static void on_content_length(struct ossdl_reply *reply,
                              struct ossdl_slice value)
{
    note_number(value, &reply->has_content_length, &reply->content_length_bad,
                &reply->content_length);
}

struct content_range {
    bool unsatisfied;
    bool total_known;
    uint64_t start, end, total;
};

/* "first-last", of which last is inclusive and may be the last of all. */
static bool take_span(struct ossdl_slice *text, struct content_range *out)
{
    uint64_t last;

    if (!take_number(text, &out->start) || !take_char(text, '-') ||
        !take_number(text, &last) || last < out->start || last == UINT64_MAX) {
        return false;
    }
    out->end = last + 1;
    return true;
}

/* "bytes 0-499/1000", "bytes 0-499" "/" "*", or "bytes *" "/1000". */
static bool range_of(struct ossdl_slice text, struct content_range *out)
{
    memset(out, 0, sizeof *out);
    if (text.len < 6 || strncasecmp(text.ptr, "bytes", 5) != 0 ||
        !ossdl_is_blank(text.ptr[5])) {
        return false;
    }
    text = ossdl_slice_trim(skip(text, 6));
    out->unsatisfied = take_char(&text, '*');
    if (!out->unsatisfied && !take_span(&text, out)) {
        return false;
    }
    if (!take_char(&text, '/')) {
        return false;
    }
    if (!out->unsatisfied && ossdl_slice_is(text, "*")) {
        return true;
    }
    out->total_known = true;
    return number_of(text, &out->total) &&
           (out->unsatisfied || out->end <= out->total);
}

/* The form is in the numbers: an end of 0 is "unsatisfied", and with an end a
 * total of 0 is "not known". */
static bool range_differs(const struct ossdl_reply *reply,
                          const struct content_range *range)
{
    return reply->range_start != range->start ||
           reply->range_end != range->end || reply->range_total != range->total;
}

static void store_range(struct ossdl_reply *reply,
                        const struct content_range *range)
{
    reply->range_start = range->start;
    reply->range_end = range->end;
    reply->range_total = range->total;
    reply->range_unsatisfied = range->unsatisfied;
    reply->range_total_known = range->total_known;
}

static void on_content_range(struct ossdl_reply *reply,
                             struct ossdl_slice value)
{
    struct content_range range;

    if (!range_of(value, &range) || reply->range_bad ||
        (reply->has_content_range && range_differs(reply, &range))) {
        memset(&range, 0, sizeof range);
        store_range(reply, &range);
        reply->has_content_range = false;
        reply->range_bad = true;
        return;
    }
    store_range(reply, &range);
    reply->has_content_range = true;
}

/* A quoted text without quotes inside, or (not by the standard) without any. */
static bool is_etag(struct ossdl_slice text)
{
    bool quoted =
        text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"';

    if (quoted) {
        text = ossdl_slice_of(text.ptr + 1, text.len - 2);
    }
    return text.len > 0 && !memchr(text.ptr, '"', text.len) &&
           (quoted || !(memchr(text.ptr, ' ', text.len) ||
                        memchr(text.ptr, ',', text.len)));
}

static void on_etag(struct ossdl_reply *reply, struct ossdl_slice value)
{
    struct ossdl_slice opaque = value;

    if (ossdl_slice_starts(value, "W/")) {
        reply->etag_weak = true;
        opaque = skip(value, 2);
    }
    if (!is_etag(opaque)) {
        opaque.len = 0;
    }
    note_token(opaque.len > 0 ? value : opaque, reply->etag, sizeof reply->etag,
               &reply->etag_bad);
}

static void on_crc64(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_number(value, &reply->has_crc64, &reply->crc64_bad, &reply->crc64);
}

static void on_version_id(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_token(value, reply->version_id, sizeof reply->version_id,
               &reply->version_id_bad);
}

static void on_last_modified(struct ossdl_reply *reply,
                             struct ossdl_slice value)
{
    note_text(reply->last_modified, sizeof reply->last_modified, value);
}

/* Retry-After as a date means something only against the server's clock. */
static void settle_retry_after(struct ossdl_reply *reply)
{
    if (reply->retry_at == 0 || reply->date == 0) {
        return;
    }
    reply->retry_after_s =
        reply->retry_at > reply->date ? reply->retry_at - reply->date : 0;
}

static void on_date(struct ossdl_reply *reply, struct ossdl_slice value)
{
    (void) ossdl_httpdate_parse(value, &reply->date);
    settle_retry_after(reply);
}

static int64_t wait_of(struct ossdl_slice text)
{
    uint64_t value;

    if (!number_of(text, &value)) {
        return -1;
    }
    return (int64_t) (value < WAIT_LIMIT ? value : WAIT_LIMIT);
}

static void on_retry_after(struct ossdl_reply *reply, struct ossdl_slice value)
{
    if (ossdl_httpdate_parse(value, &reply->retry_at)) {
        settle_retry_after(reply);
        return;
    }
    reply->retry_after_s = wait_of(value);
}

static void on_qos_delay(struct ossdl_reply *reply, struct ossdl_slice value)
{
    reply->qos_delay_ms = wait_of(value);
}

static void on_request_id(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_text(reply->request_id, sizeof reply->request_id, value);
}

static void on_ec(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_text(reply->ec, sizeof reply->ec, value);
}

static void on_content_encoding(struct ossdl_reply *reply,
                                struct ossdl_slice value)
{
    if (value.len == 0) {
        return; /* an empty list of encodings: none */
    }
    note_token(value, reply->content_encoding, sizeof reply->content_encoding,
               &reply->encoding_bad);
}

static void on_object_type(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_text(reply->object_type, sizeof reply->object_type, value);
}

static void on_content_type(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_text(reply->content_type, sizeof reply->content_type, value);
}

static void on_location(struct ossdl_reply *reply, struct ossdl_slice value)
{
    note_text(reply->location, sizeof reply->location, value);
}

static void on_delete_marker(struct ossdl_reply *reply,
                             struct ossdl_slice value)
{
    reply->delete_marker = ossdl_slice_is_nocase(value, "true");
}

static void on_transfer_encoding(struct ossdl_reply *reply,
                                 struct ossdl_slice value)
{
    reply->chunked = !ossdl_slice_is_nocase(value, "identity");
}

static const struct {
    const char *name;
    ossdl_reply_header_fn *take;
} HEADERS[] = {
    {"content-length", on_content_length},
    {"content-range", on_content_range},
    {"etag", on_etag},
    {"x-oss-hash-crc64ecma", on_crc64},
    {"x-oss-version-id", on_version_id},
    {"last-modified", on_last_modified},
    {"date", on_date},
    {"retry-after", on_retry_after},
    {"x-oss-qos-delay-time", on_qos_delay},
    {"x-oss-request-id", on_request_id},
    {"x-oss-ec", on_ec},
    {"content-encoding", on_content_encoding},
    {"x-oss-object-type", on_object_type},
    {"content-type", on_content_type},
    {"location", on_location},
    {"x-oss-delete-marker", on_delete_marker},
    {"transfer-encoding", on_transfer_encoding},
};

static bool is_name_char(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           ossdl_is_digit(byte) || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

/* The length of the name before the colon; 0 if this is not a header. */
static size_t name_length(struct ossdl_slice line)
{
    size_t i = 0;

    while (i < line.len && is_name_char(line.ptr[i])) {
        i++;
    }
    return i < line.len && line.ptr[i] == ':' ? i : 0;
}

static enum ossdl_status take_header(struct ossdl_reply *reply,
                                     struct ossdl_slice line)
{
    size_t len = name_length(line);
    struct ossdl_slice name = ossdl_slice_of(line.ptr, len);

    if (len == 0 || reply->status == 0) {
        return OSSDL_EPROTOCOL;
    }
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(HEADERS); i++) {
        if (ossdl_slice_is_nocase(name, HEADERS[i].name)) {
            HEADERS[i].take(reply, ossdl_slice_trim(skip(line, len + 1)));
            break;
        }
    }
    return OSSDL_OK;
}

/* "HTTP/1.1 206 Partial Content", "HTTP/2 206": the number, or 0. */
static int status_of(struct ossdl_slice line)
{
    uint64_t ignored;
    uint64_t status;

    line = skip(line, strlen("HTTP/"));
    if (!take_number(&line, &ignored) ||
        (take_char(&line, '.') && !take_number(&line, &ignored)) ||
        !take_char(&line, ' ') || !take_number(&line, &status) ||
        status < 100 || status > 999 ||
        (line.len > 0 && !ossdl_is_blank(line.ptr[0]))) {
        return 0;
    }
    return (int) status;
}

static enum ossdl_status take_status(struct ossdl_reply *reply,
                                     struct ossdl_slice line)
{
    size_t bytes = reply->header_bytes;
    unsigned lines = reply->header_lines;

    ossdl_reply_reset(reply);
    reply->header_bytes = bytes;
    reply->header_lines = lines;
    reply->status = status_of(line);
    return reply->status == 0 ? OSSDL_EPROTOCOL : OSSDL_OK;
}

static struct ossdl_slice without_line_end(struct ossdl_slice line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\n') {
        line.len--;
    }
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

void ossdl_reply_reset(struct ossdl_reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->retry_after_s = -1;
    reply->qos_delay_ms = -1;
}

enum ossdl_status ossdl_reply_line(struct ossdl_reply *reply,
                                   struct ossdl_slice line)
{
    if (line.len > OSSDL_REPLY_LINE_BYTES ||
        line.len > OSSDL_REPLY_BYTES - reply->header_bytes ||
        reply->header_lines >= OSSDL_REPLY_LINES) {
        return OSSDL_EPROTOCOL;
    }
    reply->header_bytes += line.len;
    reply->header_lines++;
    line = without_line_end(line);
    if (ossdl_slice_starts(line, "HTTP/")) {
        return take_status(reply, line);
    }
    if (reply->complete) {
        return OSSDL_OK;
    }
    if (line.len == 0) {
        reply->complete = reply->status != 0;
        return reply->complete ? OSSDL_OK : OSSDL_EPROTOCOL;
    }
    return take_header(reply, line);
}
