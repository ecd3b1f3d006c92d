/*
 * Operations on a set of ranges, against a model of one flag per byte. The
 * first byte places the universe: at 0, or at the end of all numbers.
 */
#include "fuzz.h"
#include "ranges.h"

#define UNIVERSE 256u

struct model {
    bool has[UNIVERSE];
    uint64_t base;
};

static void set_all(struct model *model, unsigned start, unsigned end,
                    bool value)
{
    for (unsigned i = start; i < end; i++) {
        model->has[i] = value;
    }
}

static void require_same(const struct ossdl_ranges *set,
                         const struct model *model)
{
    struct ossdl_range range;
    bool has[UNIVERSE] = {false};
    uint64_t total = 0;
    uint64_t last_end = 0;

    for (size_t i = 0; i < ossdl_ranges_count(set); i++) {
        range = ossdl_ranges_at(set, i);
        REQUIRE(range.start < range.end);
        REQUIRE(i == 0 || range.start > last_end);
        REQUIRE(range.start >= model->base &&
                range.end - model->base <= UNIVERSE);
        last_end = range.end;
        total += range.end - range.start;
        for (uint64_t at = range.start; at < range.end; at++) {
            has[at - model->base] = true;
        }
    }
    REQUIRE(memcmp(has, model->has, sizeof has) == 0);
    REQUIRE(ossdl_ranges_total(set) == total);
    REQUIRE(ossdl_ranges_empty(set) == (total == 0));
    REQUIRE(ossdl_ranges_first(set, &range) == (total > 0));
}

static void take(struct ossdl_ranges *set, struct model *model, unsigned max)
{
    struct ossdl_range range;
    unsigned first = 0;

    while (first < UNIVERSE && !model->has[first]) {
        first++;
    }
    if (!ossdl_ranges_take_first(set, max, &range)) {
        REQUIRE(max == 0 || first == UNIVERSE);
        return;
    }
    REQUIRE(range.start == model->base + first);
    REQUIRE(range.end > range.start && range.end - range.start <= max);
    for (uint64_t at = range.start; at < range.end; at++) {
        REQUIRE(model->has[at - model->base]);
        model->has[at - model->base] = false;
    }
}

static void step(struct ossdl_ranges *set, struct model *model,
                 struct ossdl_slice *input)
{
    unsigned kind = take_byte(input) % 8;
    unsigned start = take_byte(input);
    unsigned end = take_byte(input);
    uint64_t from = model->base + start;
    uint64_t to = model->base + end;

    if (kind < 3) {
        REQUIRE(!ossdl_ranges_add(set, from, to));
        set_all(model, start, end, true);
    } else if (kind < 6) {
        REQUIRE(!ossdl_ranges_subtract(set, from, to));
        set_all(model, start, end, false);
    } else if (kind == 6) {
        take(set, model, start);
    } else if (end % 16 == 0) {
        ossdl_ranges_reset_to(set, from, to);
        set_all(model, 0, UNIVERSE, false);
        set_all(model, start, end, true);
    } else {
        REQUIRE(!ossdl_ranges_reserve(set, end % 16));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ossdl_slice input = ossdl_slice_of(data, size);
    struct model model = {.base = 0};
    struct ossdl_ranges set;

    if (take_byte(&input) & 1) {
        model.base = UINT64_MAX - (UNIVERSE - 1);
    }
    ossdl_ranges_init(&set);
    while (input.len > 0) {
        step(&set, &model, &input);
        require_same(&set, &model);
    }
    ossdl_ranges_cleanup(&set);
    return 0;
}
