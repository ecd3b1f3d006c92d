#include "plan.h"

/* A request is worth this much time of its connection. */
#define PART_SECONDS 3
/* Requests per connection that a fair share leaves room for. */
#define PARTS_PER_THREAD 4
#define SPLIT_ALIGN (64 * OSSDL_KIB)
#define EXTENTS_MOST 16384

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t divide_up(uint64_t value, uint64_t by)
{
    return value / by + (value % by != 0);
}

uint64_t ossdl_plan_part_bytes(uint64_t part_size_option, uint64_t object_size,
                               unsigned threads, uint64_t connection_rate)
{
    uint64_t wanted = OSSDL_PART_BYTES_BLIND;
    uint64_t shares = (uint64_t) (threads ? threads : 1) * PARTS_PER_THREAD;

    if (part_size_option > 0) {
        return part_size_option;
    }
    if (connection_rate > 0) {
        wanted = least(connection_rate, OSSDL_PART_BYTES_MOST) * PART_SECONDS;
    }
    wanted = least(wanted, OSSDL_PART_BYTES_MOST);
    wanted = least(wanted, divide_up(object_size, shares));
    wanted -= wanted % OSSDL_MIB;
    return wanted < OSSDL_PART_BYTES_LEAST ? OSSDL_PART_BYTES_LEAST : wanted;
}

bool ossdl_plan_split(uint64_t start_of_rest, uint64_t end, uint64_t min_piece,
                      uint64_t *out_middle)
{
    uint64_t piece = min_piece > 0 ? min_piece : 1;
    uint64_t middle;
    uint64_t aligned;

    if (start_of_rest >= end || (end - start_of_rest) / 2 < piece) {
        return false;
    }
    middle = start_of_rest + (end - start_of_rest) / 2;
    aligned = middle - middle % SPLIT_ALIGN;
    if (aligned >= start_of_rest && aligned - start_of_rest >= piece) {
        middle = aligned;
    }
    *out_middle = middle;
    return true;
}

uint64_t ossdl_plan_grain(uint64_t size)
{
    uint64_t grain = OSSDL_MIB;

    while (grain < divide_up(size, EXTENTS_MOST)) {
        grain *= 2;
    }
    return grain;
}

size_t ossdl_plan_buffer_bytes(unsigned threads)
{
    static const struct {
        unsigned threads;
        unsigned kib;
    } SIZES[] = {{2, 1024}, {4, 512}, {32, 256}};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(SIZES); i++) {
        if (threads <= SIZES[i].threads) {
            return (size_t) (SIZES[i].kib * OSSDL_KIB);
        }
    }
    return (size_t) (128 * OSSDL_KIB);
}
