#include "http_headers.h"

static bool is_one_line(const char *text)
{
    return text[strcspn(text, "\r\n")] == '\0';
}

static enum ossdl_status write_line(const struct ossdl_pair *pair,
                                    struct ossdl_buf *out)
{
    /* "Name:" would take a header away; an empty value is sent by "Name;". */
    const char *format = pair->value[0] != '\0' ? "%s: %s" : "%s;%s";

    if (!is_one_line(pair->name) || !is_one_line(pair->value)) {
        return OSSDL_EINVALID;
    }
    ossdl_buf_printf(out, format, pair->name, pair->value);
    return ossdl_buf_append_char(out, '\0');
}

enum ossdl_status ossdl_http_headers_write(const struct ossdl_pairs *headers,
                                           struct ossdl_buf *out,
                                           size_t *out_count)
{
    static const char own[] = "Accept:"; /* libcurl's own is not wanted */
    size_t count = headers ? headers->count : 0;

    *out_count = 0;
    if (count > OSSDL_PAIRS_MAX) {
        return OSSDL_EINVALID;
    }
    ossdl_buf_append(out, own, sizeof own);
    for (size_t i = 0; i < count; i++) {
        enum ossdl_status status = write_line(&headers->items[i], out);

        if (status != OSSDL_OK) {
            return status;
        }
    }
    *out_count = count + OSSDL_HTTP_HEADERS_OWN;
    return ossdl_buf_check(out);
}
