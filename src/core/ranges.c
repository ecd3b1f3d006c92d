#include "ranges.h"

#include "alloc.h"

#include <string.h>

static struct ossdl_range *items_of(struct ossdl_ranges *set)
{
    return set->heap ? set->heap : &set->single;
}

static const struct ossdl_range *items_in(const struct ossdl_ranges *set)
{
    return set->heap ? set->heap : &set->single;
}

void ossdl_ranges_init(struct ossdl_ranges *set)
{
    memset(set, 0, sizeof *set);
    set->capacity = 1;
}

void ossdl_ranges_cleanup(struct ossdl_ranges *set)
{
    if (set) {
        ossdl_free(set->heap);
        ossdl_ranges_init(set);
    }
}

static enum ossdl_status grow(struct ossdl_ranges *set, size_t capacity)
{
    struct ossdl_range *heap;

    if (capacity > SIZE_MAX / sizeof *heap) {
        return OSSDL_EMEMORY;
    }
    heap = ossdl_realloc(set->heap, capacity * sizeof *heap);
    if (!heap) {
        return OSSDL_EMEMORY;
    }
    if (!set->heap) {
        heap[0] = set->single;
    }
    set->heap = heap;
    set->capacity = capacity;
    return OSSDL_OK;
}

enum ossdl_status ossdl_ranges_reserve(struct ossdl_ranges *set, size_t more)
{
    size_t wanted;
    size_t doubled = set->capacity * 2;

    if (more > SIZE_MAX - set->count) {
        return OSSDL_EMEMORY;
    }
    wanted = set->count + more;
    if (wanted <= set->capacity) {
        return OSSDL_OK;
    }
    return grow(set, wanted > doubled ? wanted : doubled);
}

/* The first range whose end is not below `at`; count when there is none. */
static size_t find(const struct ossdl_ranges *set, uint64_t at)
{
    const struct ossdl_range *items = items_in(set);
    size_t low = 0;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (items[middle].end < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first range from `index` on whose start is above `at`. */
static size_t find_above(const struct ossdl_ranges *set, size_t index,
                         uint64_t at)
{
    const struct ossdl_range *items = items_in(set);
    size_t low = index;
    size_t high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (items[middle].start <= at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t bytes_between(const struct ossdl_ranges *set, size_t from,
                              size_t to)
{
    const struct ossdl_range *items = items_in(set);
    uint64_t bytes = 0;

    for (size_t i = from; i < to; i++) {
        bytes += items[i].end - items[i].start;
    }
    return bytes;
}

/* Puts `count` ranges in the place of [from, to); room has been made. */
static void replace(struct ossdl_ranges *set, size_t from, size_t to,
                    const struct ossdl_range *ranges, size_t count)
{
    struct ossdl_range *items = items_of(set);

    set->total -= bytes_between(set, from, to);
    memmove(items + from + count, items + to,
            (set->count - to) * sizeof *items);
    if (count > 0) {
        memcpy(items + from, ranges, count * sizeof *items);
    }
    set->count = set->count - (to - from) + count;
    set->total += bytes_between(set, from, from + count);
}

enum ossdl_status ossdl_ranges_add(struct ossdl_ranges *set, uint64_t start,
                                   uint64_t end)
{
    struct ossdl_range merged = {start, end};
    const struct ossdl_range *items;
    size_t from;
    size_t to;

    if (start >= end) {
        return OSSDL_OK;
    }
    from = find(set, start);
    to = find_above(set, from, end);
    if (from == to && ossdl_ranges_reserve(set, 1) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    items = items_in(set);
    if (from < to) {
        merged.start = items[from].start < start ? items[from].start : start;
        merged.end = items[to - 1].end > end ? items[to - 1].end : end;
    }
    replace(set, from, to, &merged, 1);
    return OSSDL_OK;
}

enum ossdl_status ossdl_ranges_subtract(struct ossdl_ranges *set,
                                        uint64_t start, uint64_t end)
{
    struct ossdl_range left[2];
    const struct ossdl_range *items = items_in(set);
    size_t count = 0;
    size_t from;
    size_t to;

    if (start >= end || set->count == 0) {
        return OSSDL_OK;
    }
    /* start < end, so neither can wrap: ranges that merely touch stay. */
    from = find(set, start + 1);
    to = find_above(set, from, end - 1);
    if (from == to) {
        return OSSDL_OK;
    }
    if (items[from].start < start) {
        left[count++] = (struct ossdl_range){items[from].start, start};
    }
    if (items[to - 1].end > end) {
        left[count++] = (struct ossdl_range){end, items[to - 1].end};
    }
    if (count > to - from && ossdl_ranges_reserve(set, 1) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    replace(set, from, to, left, count);
    return OSSDL_OK;
}

void ossdl_ranges_reset_to(struct ossdl_ranges *set, uint64_t start,
                           uint64_t end)
{
    set->count = 0;
    set->total = 0;
    if (start < end) {
        items_of(set)[0] = (struct ossdl_range){start, end};
        set->count = 1;
        set->total = end - start;
    }
}

bool ossdl_ranges_empty(const struct ossdl_ranges *set)
{
    return set->count == 0;
}

size_t ossdl_ranges_count(const struct ossdl_ranges *set)
{
    return set->count;
}

uint64_t ossdl_ranges_total(const struct ossdl_ranges *set)
{
    return set->total;
}

struct ossdl_range ossdl_ranges_at(const struct ossdl_ranges *set, size_t index)
{
    return items_in(set)[index];
}

bool ossdl_ranges_first(const struct ossdl_ranges *set,
                        struct ossdl_range *out_range)
{
    if (set->count == 0) {
        return false;
    }
    *out_range = items_in(set)[0];
    return true;
}

bool ossdl_ranges_take_first(struct ossdl_ranges *set, uint64_t max_bytes,
                             struct ossdl_range *out_range)
{
    struct ossdl_range *first = items_of(set);

    if (set->count == 0 || max_bytes == 0) {
        return false;
    }
    *out_range = *first;
    if (first->end - first->start > max_bytes) {
        out_range->end = first->start + max_bytes;
        first->start = out_range->end;
        set->total -= max_bytes;
    } else {
        replace(set, 0, 1, NULL, 0);
    }
    return true;
}
