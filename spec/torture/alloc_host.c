/*
 * alloc_host.c - a Lua program whose memory runs out at every place
 *
 * alloc_host PROGRAM OBJECT FILE SAMPLES
 *
 * PROGRAM is a Lua file that downloads OBJECT, also a file here, to FILE. It
 * gets a function: when it calls that, the counting of allocations begins;
 * called with true, it begins with the loading of PROGRAM from the next run
 * on. It returns "ok", or an error's text.
 *
 * Each run has a state of its own, in which the n-th allocation fails: it
 * alone, with its repetition (Lua collects garbage and tries again), or with
 * all that follow. Then the same state must be able to do it properly, and
 * nothing of it may be left: no block, no thread, no descriptor. SAMPLES runs
 * for each way of failing, spread evenly; 0: one for each allocation.
 *
 * Part of the test support, not of the library: alloc_spec.lua compiles it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* A loaded machine may need long to let a thread go. */
#define PATIENCE_SECONDS 40
#define ALLOCATIONS_MOST 1000000
/* Runs differ a little in how often they look; so many unstruck end it. */
#define UNSTRUCK_RUNS 3

/* LuaJIT itself does not find all of its memory again after an error. */
#if LUA_VERSION_NUM < 502
#define LOSES_MEMORY true
#else
#define LOSES_MEMORY false
#endif

/* Once, with the repetition, from there on. */
static const long WAYS[] = {1, 2, LONG_MAX};

/* Of the Lua state at hand; all on one thread. */
static struct meter {
    bool armed;
    bool spent;    /* the next run is to succeed */
    long count;    /* of allocations while armed */
    long first;    /* the one that fails */
    long failures; /* so many */
    size_t bytes;  /* in use */
} meter;

static struct tally {
    long runs, struck, raised, returned, succeeded;
} tally;

static const char *program;
static const char *object;
static const char *file;
static bool from_loading;
static bool warm; /* what is opened or started once and kept, is */

static bool fails(void)
{
    if (!meter.armed) {
        return false;
    }
    meter.count++;
    return meter.count >= meter.first &&
           meter.count - meter.first < meter.failures;
}

/* Only what grows can fail: Lua takes for granted that the rest does not. */
static void *allocate(void *context, void *block, size_t old, size_t size)
{
    void *fresh;

    (void) context;
    old = block ? old : 0;
    if (size == 0) {
        free(block);
        meter.bytes -= old;
        return NULL;
    }
    if (size > old && fails()) {
        return NULL;
    }
    fresh = realloc(block, size);
    if (fresh) {
        meter.bytes += size - old;
    }
    return fresh;
}

/* What the program gets: counts from here on, or whenever it is loaded. */
static int arm(lua_State *L)
{
    if (lua_toboolean(L, 1)) {
        from_loading = true;
    } else if (!from_loading) {
        meter.armed = !meter.spent;
    }
    return 0;
}

static int run_program(lua_State *L)
{
    luaL_openlibs(L);
    meter.armed = from_loading && !meter.spent;
    if (luaL_loadfile(L, program) != 0) {
        return lua_error(L);
    }
    lua_pushcfunction(L, arm);
    lua_call(L, 1, 1);
    return 1;
}

static int collect(lua_State *L)
{
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

/* Leaves the outcome on the stack; true when it is "ok". */
static bool call_program(lua_State *L, int *out_status)
{
    const char *outcome;

    lua_settop(L, 0);
    lua_pushcfunction(L, run_program);
    *out_status = lua_pcall(L, 0, 1, 0);
    outcome = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    return *out_status == 0 && strcmp(outcome, "ok") == 0;
}

static unsigned entries(const char *path)
{
    DIR *folder = opendir(path);
    unsigned count = 0;

    while (folder && readdir(folder)) {
        count++;
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double) at.tv_sec + (double) at.tv_nsec / 1e9;
}

/* A thread that was joined may still be listed for a moment. */
static bool comes_down_to(const char *path, unsigned count)
{
    double limit = now() + PATIENCE_SECONDS;

    while (warm && entries(path) > count) {
        if (now() > limit) {
            return false;
        }
        usleep(1000);
    }
    return true;
}

static char *read_file(const char *path, size_t *out_len)
{
    FILE *stream = fopen(path, "rb");
    char *bytes = NULL;
    size_t room = 0;
    ssize_t len = stream ? getdelim(&bytes, &room, EOF, stream) : -1;

    if (stream) {
        fclose(stream);
    }
    *out_len = len > 0 ? (size_t) len : 0;
    return bytes;
}

static bool is_object(void)
{
    size_t len, wanted_len;
    char *bytes = read_file(file, &len);
    char *wanted = read_file(object, &wanted_len);
    bool same =
        bytes && wanted && len == wanted_len && memcmp(bytes, wanted, len) == 0;

    free(bytes);
    free(wanted);
    return same;
}

static bool complain(lua_State *L, const char *what)
{
    const char *outcome =
        L && lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    printf("allocation %ld of %s, failing %ld times: %s (%s)\n", meter.first,
           program, meter.failures, what, outcome);
    return false;
}

/* Ends what the program has let go of, without closing it. */
static bool settles(lua_State *L, unsigned threads)
{
    lua_settop(L, 0);
    lua_pushcfunction(L, collect);
    if (lua_pcall(L, 0, 0, 0) != 0) {
        return complain(L, "a finaliser fails");
    }
    return comes_down_to("/proc/self/task", threads) ||
           complain(L, "threads run on for nobody");
}

/* With the memory it wants, in a state where it once had too little. */
static bool works_again(lua_State *L, unsigned threads)
{
    int status;

    if (!settles(L, threads)) {
        return false;
    }
    remove(file);
    if (!call_program(L, &status)) {
        return complain(L, "the next run fails");
    }
    return (is_object() || complain(L, "the next run gives a wrong file")) &&
           settles(L, threads);
}

/* The outcome of the armed run is on the stack. */
static bool is_good(lua_State *L, bool ok, int status)
{
    const char *outcome =
        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    if (access(file, F_OK) == 0 && !is_object()) {
        return complain(L, "a wrong file");
    }
    if (ok) {
        tally.succeeded++;
        return access(file, F_OK) == 0 || complain(L, "no file");
    }
    if (status != 0) {
        tally.raised++;
    } else {
        tally.returned++;
    }
    /* The second is Lua's word for a stack that cannot be made larger. */
    return status == LUA_ERRMEM || strstr(outcome, "memory") ||
           strstr(outcome, "stack overflow") || complain(L, "the wrong error");
}

static bool is_struck(void)
{
    return meter.count >= meter.first;
}

static bool run_state(unsigned threads)
{
    lua_State *L = lua_newstate(allocate, NULL);
    int status = 0;
    bool good;

    if (!L) {
        return complain(NULL, "there is no Lua state");
    }
    remove(file);
    good = call_program(L, &status);
    good = is_good(L, good, status);
    meter.armed = false;
    meter.spent = true;
    good = good && works_again(L, threads);
    lua_close(L);
    return good;
}

/* One state from its birth to its end, with the n-th allocation failing. */
static bool run(long n, long failures)
{
    unsigned threads = entries("/proc/self/task");
    unsigned descriptors = entries("/proc/self/fd");

    memset(&meter, 0, sizeof meter);
    meter.first = n;
    meter.failures = failures;
    if (!run_state(threads)) {
        return false;
    }
    tally.runs++;
    tally.struck += is_struck();
    if (meter.bytes != 0 && !LOSES_MEMORY) {
        return complain(NULL, "memory of Lua's is left");
    }
    return (comes_down_to("/proc/self/task", threads) &&
            comes_down_to("/proc/self/fd", descriptors)) ||
           complain(NULL, "threads or descriptors are left");
}

/* Spread over the allocations of a run in which none failed. */
static bool run_samples(long samples, long failures, long count)
{
    for (long i = 0; i < samples; i++) {
        if (!run(1 + i * count / samples, failures)) {
            return false;
        }
    }
    return true;
}

static bool run_all(long failures)
{
    long unstruck = 0;

    for (long n = 1; unstruck < UNSTRUCK_RUNS; n++) {
        if (n > ALLOCATIONS_MOST) {
            return complain(NULL, "there is no end to it");
        }
        if (!run(n, failures)) {
            return false;
        }
        unstruck = is_struck() ? 0 : unstruck + 1;
    }
    return true;
}

/* The second run tells how many allocations there are: by then it is known
 * where to begin. */
static bool measure(long *out_count)
{
    for (int i = 0; i < 2; i++) {
        if (!run(ALLOCATIONS_MOST, 0)) {
            return false;
        }
        warm = true;
    }
    *out_count = meter.count;
    memset(&tally, 0, sizeof tally);
    return true;
}

int main(int argc, char **argv)
{
    long samples;
    long count;

    if (argc != 5) {
        return 2;
    }
    program = argv[1];
    object = argv[2];
    file = argv[3];
    samples = strtol(argv[4], NULL, 10);
    if (!measure(&count)) {
        return 1;
    }
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
        if (samples > 0 ? !run_samples(samples, WAYS[i], count)
                        : !run_all(WAYS[i])) {
            return 1;
        }
    }
    printf("%ld allocations, %ld runs, %ld struck: %ld raised, %ld returned an "
           "error, %ld succeeded\n",
           count, tally.runs, tally.struck, tally.raised, tally.returned,
           tally.succeeded);
    return 0;
}
