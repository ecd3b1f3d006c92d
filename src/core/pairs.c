#include "pairs.h"

#include "alloc.h"
#include "secret.h"

#include <string.h>
#include <strings.h>

void ossdl_pairs_init(struct ossdl_pairs *pairs)
{
    memset(pairs, 0, sizeof *pairs);
}

static void free_value(char *value)
{
    if (value) {
        ossdl_wipe(value, strlen(value));
        ossdl_free(value);
    }
}

void ossdl_pairs_truncate(struct ossdl_pairs *pairs, size_t count)
{
    while (pairs->count > count) {
        pairs->count--;
        ossdl_free(pairs->items[pairs->count].name);
        free_value(pairs->items[pairs->count].value);
    }
}

void ossdl_pairs_cleanup(struct ossdl_pairs *pairs)
{
    if (pairs) {
        ossdl_pairs_truncate(pairs, 0);
        ossdl_free(pairs->items);
        ossdl_pairs_init(pairs);
    }
}

static bool has_nul(struct ossdl_slice text)
{
    return text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
}

static bool value_valid(struct ossdl_slice value)
{
    return value.len <= OSSDL_PAIR_VALUE_MAX && !has_nul(value);
}

static bool name_valid(struct ossdl_slice name)
{
    return name.len > 0 && name.len <= OSSDL_PAIR_NAME_MAX && !has_nul(name);
}

static enum ossdl_status reserve_one(struct ossdl_pairs *pairs)
{
    size_t capacity = pairs->capacity ? pairs->capacity * 2 : 8;
    struct ossdl_pair *items;

    if (pairs->count < pairs->capacity) {
        return OSSDL_OK;
    }
    items = ossdl_realloc(pairs->items, capacity * sizeof *items);
    if (!items) {
        return OSSDL_EMEMORY;
    }
    pairs->items = items;
    pairs->capacity = capacity;
    return OSSDL_OK;
}

enum ossdl_status ossdl_pairs_add(struct ossdl_pairs *pairs,
                                  struct ossdl_slice name,
                                  struct ossdl_slice value)
{
    struct ossdl_pair pair;

    if (!name_valid(name) || !value_valid(value) ||
        pairs->count >= OSSDL_PAIRS_MAX) {
        return OSSDL_EINVALID;
    }
    if (reserve_one(pairs) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    pair.name = ossdl_alloc_string(name.ptr, name.len);
    pair.value = ossdl_alloc_string(value.ptr, value.len);
    if (!pair.name || !pair.value) {
        ossdl_free(pair.name);
        free_value(pair.value);
        return OSSDL_EMEMORY;
    }
    pairs->items[pairs->count++] = pair;
    return OSSDL_OK;
}

const char *ossdl_pairs_get(const struct ossdl_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcasecmp(pairs->items[i].name, name) == 0) {
            return pairs->items[i].value;
        }
    }
    return NULL;
}

enum ossdl_status ossdl_pairs_copy(struct ossdl_pairs *out,
                                   const struct ossdl_pairs *from)
{
    for (size_t i = 0; i < from->count; i++) {
        enum ossdl_status status =
            ossdl_pairs_add(out, ossdl_slice_str(from->items[i].name),
                            ossdl_slice_str(from->items[i].value));

        if (status != OSSDL_OK) {
            ossdl_pairs_truncate(out, 0);
            return status;
        }
    }
    return OSSDL_OK;
}

/* By insertion: stable, and the lists are short. */
void ossdl_pairs_sort(struct ossdl_pairs *pairs)
{
    for (size_t i = 1; i < pairs->count; i++) {
        struct ossdl_pair pair = pairs->items[i];
        size_t at = i;

        while (at > 0 && strcmp(pairs->items[at - 1].name, pair.name) > 0) {
            pairs->items[at] = pairs->items[at - 1];
            at--;
        }
        pairs->items[at] = pair;
    }
}
