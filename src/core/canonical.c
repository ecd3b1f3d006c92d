#include "canonical.h"

#include "codec.h"

#include <string.h>

/* Pointers into a list, in the order of signing. */
struct order {
    const struct ossdl_pair *items[OSSDL_PAIRS_MAX];
    size_t count;
};

/*
 * Where a byte stands in encoded text. What is escaped starts with "%", which
 * comes before every byte that stays, and its digits rise with the byte.
 */
static unsigned encoded_rank(unsigned char byte)
{
    return ossdl_is_unreserved(byte) ? 256U + byte : byte;
}

static bool comes_before(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return encoded_rank((unsigned char) *a) < encoded_rank((unsigned char) *b);
}

/* By insertion: stable, and the lists are short. */
static void sort(const struct ossdl_pairs *pairs, struct order *out)
{
    out->count = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        const struct ossdl_pair *pair = &pairs->items[i];
        size_t at = out->count++;

        while (at > 0 && comes_before(pair->name, out->items[at - 1]->name)) {
            out->items[at] = out->items[at - 1];
            at--;
        }
        out->items[at] = pair;
    }
}

enum ossdl_status ossdl_canonical_query(const struct ossdl_pairs *query,
                                        struct ossdl_buf *out)
{
    struct order order;

    sort(query, &order);
    for (size_t i = 0; i < order.count; i++) {
        const struct ossdl_pair *pair = order.items[i];

        if (i > 0) {
            ossdl_buf_append_char(out, '&');
        }
        ossdl_percent_append(out, ossdl_slice_str(pair->name), false);
        if (pair->value[0] != '\0') {
            ossdl_buf_append_char(out, '=');
            ossdl_percent_append(out, ossdl_slice_str(pair->value), false);
        }
    }
    return ossdl_buf_check(out);
}

enum ossdl_status ossdl_canonical_path(struct ossdl_slice bucket,
                                       struct ossdl_slice object, bool encoded,
                                       struct ossdl_buf *out)
{
    ossdl_buf_append_char(out, '/');
    if (encoded) {
        ossdl_percent_append(out, bucket, false);
    } else {
        ossdl_buf_append_slice(out, bucket);
    }
    if (bucket.len > 0) {
        ossdl_buf_append_char(out, '/');
    }
    if (encoded) {
        ossdl_percent_append(out, object, true);
    } else {
        ossdl_buf_append_slice(out, object);
    }
    return ossdl_buf_check(out);
}

enum ossdl_status ossdl_canonical_header_add(struct ossdl_pairs *headers,
                                             const char *name,
                                             struct ossdl_slice value)
{
    enum ossdl_status status = ossdl_pairs_add(headers, ossdl_slice_str(name),
                                               ossdl_slice_trim(value));

    if (status == OSSDL_OK) {
        ossdl_ascii_lower(headers->items[headers->count - 1].name,
                          strlen(name));
    }
    return status;
}

enum ossdl_status ossdl_canonical_headers(struct ossdl_pairs *headers,
                                          struct ossdl_buf *out)
{
    ossdl_pairs_sort(headers);
    for (size_t i = 0; i < headers->count; i++) {
        ossdl_buf_append_str(out, headers->items[i].name);
        ossdl_buf_append_char(out, ':');
        ossdl_buf_append_str(out, headers->items[i].value);
        ossdl_buf_append_char(out, '\n');
    }
    return ossdl_buf_check(out);
}
