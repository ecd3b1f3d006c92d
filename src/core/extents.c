#include "extents.h"

#include "alloc.h"
#include "crc64.h"

#include <string.h>

void ossdl_extents_init(struct ossdl_extents *set, uint64_t grain)
{
    memset(set, 0, sizeof *set);
    set->grain = grain;
}

void ossdl_extents_cleanup(struct ossdl_extents *set)
{
    if (set) {
        ossdl_free(set->items);
        ossdl_extents_init(set, set->grain);
    }
}

void ossdl_extents_clear(struct ossdl_extents *set)
{
    set->count = 0;
    set->total = 0;
}

enum ossdl_status ossdl_extents_reserve(struct ossdl_extents *set, size_t more)
{
    struct ossdl_extent *items;
    size_t capacity = set->capacity < 8 ? 8 : set->capacity * 2;

    if (more <= set->capacity - set->count) {
        return OSSDL_OK;
    }
    if (more > SIZE_MAX / sizeof *items - set->count) {
        return OSSDL_EMEMORY;
    }
    if (capacity < set->count + more) {
        capacity = set->count + more;
    }
    items = ossdl_realloc(set->items, capacity * sizeof *items);
    if (!items) {
        return OSSDL_EMEMORY;
    }
    set->items = items;
    set->capacity = capacity;
    return OSSDL_OK;
}

/* The first extent that ends above `at`; count when there is none. */
static size_t find(const struct ossdl_extents *set, uint64_t at)
{
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->items[middle].end <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first extent from `index` on that starts at or above `at`. */
static size_t find_from(const struct ossdl_extents *set, size_t index,
                        uint64_t at)
{
    size_t low = index;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (set->items[middle].start < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Whether b continues a and both together are not above the grain. */
static bool mergeable(const struct ossdl_extents *set,
                      const struct ossdl_extent *a,
                      const struct ossdl_extent *b)
{
    return a->end == b->start &&
           (set->grain == 0 || b->end - a->start <= set->grain);
}

static struct ossdl_extent merge(const struct ossdl_extent *a,
                                 const struct ossdl_extent *b)
{
    struct ossdl_extent merged = {a->start, b->end, 0};

    merged.crc64 = ossdl_crc64_combine(a->crc64, b->crc64, b->end - b->start);
    return merged;
}

/* Drops those of [from, to), leaving room for one in their place. */
static void make_room(struct ossdl_extents *set, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        set->total -= set->items[i].end - set->items[i].start;
    }
    if (set->count > to) {
        memmove(set->items + from + 1, set->items + to,
                (set->count - to) * sizeof *set->items);
    }
    set->count = set->count - (to - from) + 1;
}

enum ossdl_status ossdl_extents_add(struct ossdl_extents *set,
                                    struct ossdl_extent extent)
{
    size_t from;
    size_t to;

    if (extent.start >= extent.end) {
        return OSSDL_OK;
    }
    from = find(set, extent.start);
    to = find_from(set, from, extent.end);
    if (from > 0 && mergeable(set, &set->items[from - 1], &extent)) {
        from--;
        extent = merge(&set->items[from], &extent);
    }
    if (to < set->count && mergeable(set, &extent, &set->items[to])) {
        extent = merge(&extent, &set->items[to]);
        to++;
    }
    if (from == to && ossdl_extents_reserve(set, 1) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    make_room(set, from, to);
    set->items[from] = extent;
    set->total += extent.end - extent.start;
    return OSSDL_OK;
}

size_t ossdl_extents_count(const struct ossdl_extents *set)
{
    return set->count;
}

uint64_t ossdl_extents_total(const struct ossdl_extents *set)
{
    return set->total;
}

struct ossdl_extent ossdl_extents_at(const struct ossdl_extents *set,
                                     size_t index)
{
    return set->items[index];
}

bool ossdl_extents_whole(const struct ossdl_extents *set, uint64_t size,
                         uint64_t *out_crc)
{
    struct ossdl_extent all = {0, 0, 0};

    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].start != all.end) {
            return false;
        }
        all = merge(&all, &set->items[i]);
    }
    if (all.end != size) {
        return false;
    }
    *out_crc = all.crc64;
    return true;
}

enum ossdl_status ossdl_extents_missing(const struct ossdl_extents *set,
                                        uint64_t size, struct ossdl_ranges *out)
{
    uint64_t at = 0;

    ossdl_ranges_reset_to(out, 0, 0);
    for (size_t i = 0; i < set->count && set->items[i].start < size; i++) {
        if (ossdl_ranges_add(out, at, set->items[i].start) != OSSDL_OK) {
            return OSSDL_EMEMORY;
        }
        at = set->items[i].end;
    }
    return ossdl_ranges_add(out, at, size);
}
