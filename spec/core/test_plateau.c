/*
 * Links are functions from a number of connections to bytes per second; the
 * controller meets them under a simulated clock, with noise, and with
 * connections that take a while to start and to end.
 */
#include "test.h"

#include "plateau.h"

#define TICK_MS 100
#define MBPS 1000000.0

typedef double(link_fn)(unsigned threads);

static double lossy(unsigned threads)
{
    return threads * 0.4 * MBPS;
}

static double shared(unsigned threads)
{
    return (threads < 8 ? threads : 8) * 5 * MBPS;
}

/* Two cores are busy with two connections; more only get in the way. */
static double loopback(unsigned threads)
{
    return threads <= 2 ? threads * 900 * MBPS
                        : (1800 - 5.0 * (threads - 2)) * MBPS;
}

static double collapsing(unsigned threads)
{
    return threads <= 32 ? threads * MBPS : 32 * MBPS / (threads - 30.0);
}

static double bent_at_44(unsigned threads)
{
    return (threads < 44 ? threads : 44) * MBPS;
}

static double halved_above_100(unsigned threads)
{
    return threads <= 100 ? threads * MBPS : 50 * MBPS;
}

static double single(unsigned threads)
{
    return threads > 0 ? 3 * MBPS : 0;
}

static double worth_6_percent(unsigned threads)
{
    return threads <= 8 ? 10 * MBPS : 10.6 * MBPS;
}

static double worth_12_percent(unsigned threads)
{
    return threads < 16 ? 10 * MBPS : 11.2 * MBPS;
}

static double best_of(link_fn *link, unsigned max)
{
    double best = 0;

    for (unsigned threads = 1; threads <= max; threads++) {
        best = link(threads) > best ? link(threads) : best;
    }
    return best;
}

struct world {
    struct ossdl_plateau plateau;
    int64_t now_ms;
    double bytes;
    unsigned active;
    unsigned noise_percent;
    uint64_t seed;
};

static void world_init(struct world *world, unsigned start, unsigned max,
                       unsigned noise_percent)
{
    memset(world, 0, sizeof *world);
    world->noise_percent = noise_percent;
    world->seed = 1;
    ossdl_plateau_init(&world->plateau, start, max, 0);
}

static double noise(struct world *world)
{
    double unit;

    world->seed = world->seed * 6364136223846793005u + 1442695040888963407;
    unit = (double) (world->seed >> 40) / (1 << 23) - 1;
    return 1 + unit * world->noise_percent / 100;
}

/* Connections start within a tick, and end one in four per tick. */
static void tick(struct world *world, link_fn *link)
{
    unsigned wanted = ossdl_plateau_threads(&world->plateau);

    if (world->active < wanted) {
        world->active = wanted;
    } else if (world->active > wanted) {
        world->active -= (world->active - wanted + 3) / 4;
    }
    world->bytes += link(world->active) * noise(world) * TICK_MS / 1000;
    world->now_ms += TICK_MS;
    ossdl_plateau_observe(&world->plateau, world->now_ms,
                          (uint64_t) world->bytes, world->active);
}

static void run_for(struct world *world, link_fn *link, int64_t duration_ms)
{
    int64_t until_ms = world->now_ms + duration_ms;

    while (world->now_ms < until_ms) {
        tick(world, link);
    }
}

/* Percent of the best fixed number that the place it settled at gives. */
static unsigned settled_percent(struct world *world, link_fn *link)
{
    run_for(world, link, 15000);
    return (unsigned) (link(ossdl_plateau_threads(&world->plateau)) * 100 /
                       best_of(link, world->plateau.max));
}

TEST("it starts where it was told, within the limits")
{
    struct ossdl_plateau plateau;

    ossdl_plateau_init(&plateau, 8, 64, 0);
    CHECK_U64(ossdl_plateau_threads(&plateau), 8);
    ossdl_plateau_init(&plateau, 0, 0, 0);
    CHECK_U64(ossdl_plateau_threads(&plateau), 1);
    ossdl_plateau_init(&plateau, 8, 3, 0);
    CHECK_U64(ossdl_plateau_threads(&plateau), 3);
    ossdl_plateau_init(&plateau, UINT32_MAX, UINT32_MAX, 0);
    CHECK(ossdl_plateau_threads(&plateau) <= 65536);
}

TEST("it grows to the maximum where every connection adds its share")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    run_for(&world, lossy, 2000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 64);
    run_for(&world, lossy, 300000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 64);
}

TEST("24 MiB over such a link take at most 2.5 s")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    while (world.bytes < 24 * 1048576) {
        tick(&world, lossy);
    }
    CHECK(world.now_ms <= 2500);
}

TEST("it ends within 10 % of the best fixed number")
{
    link_fn *const links[] = {lossy,      shared,           loopback,  single,
                              collapsing, halved_above_100, bent_at_44};

    for (size_t k = 0; k < OSSDL_ARRAY_LEN(links); k++) {
        for (unsigned start = 4; start <= 8; start++) {
            struct world world;

            world_init(&world, start, 64, 0);
            CHECK(settled_percent(&world, links[k]) >= 90);
            world_init(&world, start, 200, 0);
            CHECK(settled_percent(&world, links[k]) >= 90);
        }
    }
}

TEST("noise of 10 % does not change that much")
{
    link_fn *const links[] = {lossy,      shared,           loopback,  single,
                              collapsing, halved_above_100, bent_at_44};

    for (size_t k = 0; k < OSSDL_ARRAY_LEN(links); k++) {
        for (unsigned seed = 1; seed <= 50; seed++) {
            struct world world;

            world_init(&world, 8, 64, 10);
            world.seed = seed * 7919;
            CHECK(settled_percent(&world, links[k]) >= 80);
        }
    }
}

TEST("it stays near the plateau instead of using all it may")
{
    struct world world;

    world_init(&world, 8, 256, 0);
    run_for(&world, shared, 20000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
    world_init(&world, 4, 256, 0);
    run_for(&world, shared, 20000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
}

TEST("6 % are not worth twice the connections, 12 % are")
{
    struct world world;

    world_init(&world, 8, 16, 0);
    run_for(&world, worth_6_percent, 20000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
    world_init(&world, 8, 16, 0);
    run_for(&world, worth_12_percent, 20000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 16);
}

TEST("looking beyond the plateau again costs less than 2 % of the bytes")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    run_for(&world, collapsing, 5000);
    world.bytes = 0;
    ossdl_plateau_observe(&world.plateau, world.now_ms, 0, world.active);
    run_for(&world, collapsing, 600000);
    CHECK(world.bytes >= 0.98 * 600 * 32 * MBPS);
}

TEST("a link that grows later is found out")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    run_for(&world, shared, 10000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
    run_for(&world, lossy, 120000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 64);
}

TEST("a link that collapses later makes it step back")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    run_for(&world, lossy, 10000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 64);
    run_for(&world, collapsing, 15000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 32);
}

TEST("a collapse with one connection leaves one")
{
    struct world world;

    world_init(&world, 1, 64, 0);
    run_for(&world, single, 10000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 1);
    run_for(&world, lossy, 20000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 1);
}

TEST("looking beyond the plateau respects the maximum")
{
    struct world world;

    world_init(&world, 8, 10, 0);
    run_for(&world, shared, 10000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
    for (int i = 0; i < 1000; i++) {
        tick(&world, shared);
        CHECK(ossdl_plateau_threads(&world.plateau) <= 10);
    }
    run_for(&world, lossy, 150000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 10);
}

TEST("throttling during a trial goes back and is remembered")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    while (ossdl_plateau_threads(&world.plateau) == 8) {
        tick(&world, lossy);
    }
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 16);
    ossdl_plateau_throttled(&world.plateau, world.now_ms);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
    for (int i = 0; i < 250; i++) {
        tick(&world, lossy);
        CHECK_U64(ossdl_plateau_threads(&world.plateau), 8);
    }
}

TEST("throttling on the plateau takes a quarter away, once per second")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    run_for(&world, lossy, 10000);
    ossdl_plateau_throttled(&world.plateau, world.now_ms);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 48);
    ossdl_plateau_throttled(&world.plateau, world.now_ms + 999);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 48);
    ossdl_plateau_throttled(&world.plateau, world.now_ms + 1000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 36);
}

TEST("throttling never goes below one connection, and is got over")
{
    struct world world;

    world_init(&world, 4, 64, 0);
    for (int64_t i = 0; i < 20; i++) {
        world.now_ms += 1000;
        ossdl_plateau_throttled(&world.plateau, world.now_ms);
        CHECK(ossdl_plateau_threads(&world.plateau) >= 1);
    }
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 1);
    run_for(&world, lossy, 60000);
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 64);
}

TEST("nothing is concluded while nothing arrives")
{
    struct ossdl_plateau plateau;

    ossdl_plateau_init(&plateau, 8, 64, 0);
    for (int64_t now = 0; now < 60000; now += TICK_MS) {
        CHECK_U64(ossdl_plateau_observe(&plateau, now, 0, 8), 8);
    }
}

TEST("an outage on the plateau is no reason to use fewer")
{
    struct world world;

    world_init(&world, 8, 64, 0);
    run_for(&world, lossy, 10000);
    for (int i = 0; i < 100; i++) {
        world.now_ms += TICK_MS;
        ossdl_plateau_observe(&world.plateau, world.now_ms,
                              (uint64_t) world.bytes, 64);
    }
    CHECK_U64(ossdl_plateau_threads(&world.plateau), 64);
}

TEST("numbers other than asked for are not measured")
{
    struct ossdl_plateau plateau;
    uint64_t bytes = 0;

    ossdl_plateau_init(&plateau, 8, 64, 0);
    for (int64_t now = 0; now < 10000; now += TICK_MS) {
        CHECK_U64(ossdl_plateau_observe(&plateau, now, bytes += 999999, 5), 8);
    }
    for (int64_t now = 10000; now < 20000; now += TICK_MS) {
        CHECK_U64(ossdl_plateau_observe(&plateau, now, bytes += 999999, 10), 8);
    }
}

TEST("a byte count that goes back starts the window again")
{
    struct ossdl_plateau plateau;

    ossdl_plateau_init(&plateau, 8, 64, 0);
    CHECK_U64(ossdl_plateau_observe(&plateau, 300, 5000000, 8), 8);
    CHECK_U64(ossdl_plateau_observe(&plateau, 1000, 10, 8), 8);
    CHECK_U64(ossdl_plateau_observe(&plateau, 1100, 10, 8), 8);
    CHECK_U64(ossdl_plateau_observe(&plateau, 1300, 20, 8), 8);
    CHECK_U64(ossdl_plateau_observe(&plateau, 1600, 5000, 8), 16);
}

TEST("absurd counts and gaps in time are survived")
{
    struct ossdl_plateau plateau;

    ossdl_plateau_init(&plateau, 8, 64, 0);
    CHECK_U64(ossdl_plateau_observe(&plateau, 300, 0, 8), 8);
    CHECK_U64(ossdl_plateau_observe(&plateau, 600, UINT64_MAX, 8), 16);
    CHECK_U64(ossdl_plateau_observe(&plateau, INT64_MAX / 2, UINT64_MAX, 16),
              16);
    CHECK(ossdl_plateau_observe(&plateau, 300, UINT64_MAX, UINT32_MAX) > 0);
}

TEST_MAIN()
