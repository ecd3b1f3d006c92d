/*
 * Each allocation of a client and of its transfers fails in turn: from the
 * first of ossdl_client_new() to the last of the threads. Whatever fails, the
 * run ends in time, with the right file or an error that says it is memory,
 * and the next one ends with the right file, by the same client or another.
 * What leaks, the address sanitizer tells.
 *
 * TORTURE=full also fails all allocations from each one on, and uses more
 * threads and parts.
 */
#include "alloc_fault.h"
#include "crc64.h"
#include "folder.h"
#include "ossdl.h"
#include "plan.h"
#include "test.h"
#include "wire.h"

#include <dirent.h>
#include <stdlib.h>

/* The larger one is worth a checkpoint. */
#define SMALL_BYTES ((uint64_t) 3000)
#define LARGE_BYTES (OSSDL_FIRST_REQUEST_BYTES + 70000)
#define PART_BYTES ((uint64_t) 400000)
#define PATIENCE_MS 60000
/* No scenario comes near; one that never ends is stopped here. */
#define ALLOCATIONS_MOST 20000
/* Every allocation, or some of them where all is slow. */
#if defined(__SANITIZE_THREAD__)
#define STRIDE 4
#else
#define STRIDE 1
#endif
/* Threads take turns as they like: so many runs without a failure end it. */
#define UNSTRUCK_RUNS 3

enum ending { WAIT, CANCEL, CLOSE, FORGET };

struct scenario {
    uint64_t size;
    uint64_t held_from; /* ranges from here on get no answer; 0: all do */
    unsigned threads;
    bool resume; /* half of it is there */
    enum ending ending;
    bool region;  /* the endpoint is made from it: a client and no transfer */
    bool lasting; /* all fail from the n-th on */
    bool reuse;   /* the next run is by the same client */
};

/* The service: one thread, one request per connection. */
static struct wire_server server;
static char endpoint[64];
static char *object;
static _Atomic uint64_t object_size;
static _Atomic uint64_t held_from; /* UINT64_MAX: nothing is held */
static atomic_bool refusing;       /* held ranges are refused, not left open */

/* What an interrupted run has left. */
static char *part_seed;
static size_t part_seed_len;
static char *cp_seed;
static size_t cp_seed_len;

static struct alloc_fault fault;

static bool full(void)
{
    const char *torture = getenv("TORTURE");

    return torture && strcmp(torture, "full") == 0;
}

static unsigned many(void)
{
    return full() ? 4 : 2;
}

/* --- the service ------------------------------------------------------- */

/*
 * The client closes first, and leaves no port behind in TIME_WAIT: there are
 * not enough of them for so many connections.
 */
static void wait_and_reset(struct wire *wire)
{
    wire_wait_closed(wire);
    wire_reset(wire);
}

static void say_part(struct wire *wire, uint64_t start, uint64_t end)
{
    uint64_t size = atomic_load(&object_size);
    char head[512];

    snprintf(head, sizeof head,
             "HTTP/1.1 206 Partial Content\r\n"
             "Content-Length: %" PRIu64 "\r\n"
             "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n"
             "ETag: \"5B3C1A2E053D763E1B002CC607C5A0FE\"\r\n"
             "Last-Modified: Tue, 05 Mar 2024 07:08:09 GMT\r\n"
             "x-oss-hash-crc64ecma: %" PRIu64 "\r\n"
             "x-oss-request-id: 5C3D9175B6FC201293AD4F2E\r\n"
             "Connection: close\r\n\r\n",
             end - start, start, end - 1, size,
             ossdl_crc64(0, object, (size_t) size));
    if (wire_say(wire, head)) {
        (void) wire_send(wire, object + start, (size_t) (end - start));
    }
}

/* An empty object has no range. */
static void say_empty(struct wire *wire)
{
    (void) wire_say(wire, strstr(wire->request, "Range:")
                              ? "HTTP/1.1 416 Range Not Satisfiable\r\n"
                                "Content-Length: 0\r\n"
                                "Connection: close\r\n\r\n"
                              : "HTTP/1.1 200 OK\r\n"
                                "Content-Length: 0\r\n"
                                "ETag: \"D41D8CD98F00B204E9800998ECF8427E\"\r\n"
                                "x-oss-hash-crc64ecma: 0\r\n"
                                "Connection: close\r\n\r\n");
}

static void serve(struct wire *wire)
{
    uint64_t size = atomic_load(&object_size);
    const char *range;
    uint64_t start;
    uint64_t last;

    if (!wire_read_request(wire)) {
        return;
    }
    if (size == 0) {
        say_empty(wire);
        wait_and_reset(wire);
        return;
    }
    range = strstr(wire->request, "Range: bytes=");
    if (!range || sscanf(range, "Range: bytes=%" SCNu64 "-%" SCNu64, &start,
                         &last) != 2) {
        return;
    }
    if (start >= atomic_load(&held_from)) {
        if (!atomic_load(&refusing)) {
            wire_wait_closed(wire);
        }
        return;
    }
    say_part(wire, start, last + 1 < size ? last + 1 : size);
    wait_and_reset(wire);
}

static void make_object(void)
{
    uint32_t state = 1;

    object = malloc((size_t) LARGE_BYTES);
    for (uint64_t i = 0; object && i < LARGE_BYTES; i++) {
        state = state * 1103515245 + 12345;
        object[i] = (char) (state >> 16);
    }
}

/* --- files ------------------------------------------------------------- */

static char *read_all(const char *path, size_t *out_len)
{
    size_t room = (size_t) LARGE_BYTES + 65536;
    char *bytes = malloc(room);

    *out_len = bytes ? folder_get(path, bytes, room) : 0;
    return bytes;
}

static bool is_object(const char *path, uint64_t size)
{
    size_t len;
    char *bytes = read_all(path, &len);
    bool same = bytes && len == size && memcmp(bytes, object, len) == 0;

    free(bytes);
    return same;
}

static void remove_files(void)
{
    (void) !remove("target");
    (void) !remove("target.part");
    (void) !remove("target.cp");
}

static bool prepare_files(const struct scenario *scenario)
{
    remove_files();
    return !scenario->resume ||
           (folder_put("target.part", part_seed, part_seed_len) &&
            folder_put("target.cp", cp_seed, cp_seed_len));
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

/* A thread that was joined may still be listed for a moment. */
static bool comes_down_to(const char *path, unsigned count)
{
    for (int ms = 0; entries(path) > count; ms++) {
        if (ms > PATIENCE_MS) {
            return false;
        }
        usleep(1000);
    }
    return true;
}

/* --- one run ----------------------------------------------------------- */

static enum ossdl_status make_client(const struct scenario *scenario,
                                     struct ossdl_client **out,
                                     struct ossdl_error *err)
{
    struct ossdl_client_options options = {0};
    enum ossdl_status status;

    status = ossdl_credentials_new(
        ossdl_slice_str("LTAIFAKEFORTESTS0001"),
        ossdl_slice_str("FAKEsecretForTests0123456789"),
        ossdl_slice_str("FAKE/token"), 0, &options.credentials, err);
    if (status != OSSDL_OK) {
        return status;
    }
    if (!scenario->region) {
        options.endpoint = ossdl_slice_str(endpoint);
    }
    options.region = ossdl_slice_str("cn-hangzhou");
    options.signature = OSSDL_SIGNATURE_V4;
    options.proxy = "";
    options.user_agent = "ossdl-test";
    options.tls_verify = true;
    options.connect_timeout_ms = PATIENCE_MS;
    options.stall_timeout_ms = PATIENCE_MS;
    options.max_threads = scenario->threads;
    status = ossdl_client_new(&options, out, err);
    ossdl_credentials_release(options.credentials);
    return status;
}

static enum ossdl_status start(const struct scenario *scenario,
                               struct ossdl_client *client,
                               struct ossdl_transfer **out,
                               struct ossdl_error *err)
{
    struct ossdl_transfer_options options = {0};
    struct ossdl_pairs headers;
    enum ossdl_status status;

    ossdl_pairs_init(&headers);
    status = ossdl_pairs_add(&headers, ossdl_slice_str("x-oss-meta-a"),
                             ossdl_slice_str("b"));
    if (status != OSSDL_OK) {
        ossdl_pairs_cleanup(&headers);
        return ossdl_error_memory(err);
    }
    options.bucket = ossdl_slice_str("example-bucket");
    options.object = ossdl_slice_str("a/key");
    options.version_id = ossdl_slice_str("version");
    options.file = "target";
    options.checkpoint = "target.cp";
    options.headers = &headers;
    options.threads = scenario->threads;
    options.part_size = full() ? PART_BYTES / 5 : PART_BYTES;
    options.traffic_limit = 819200;
    options.max_retries = 0;
    options.progress_interval_ms = 1;
    options.direct = OSSDL_SINK_DIRECT_OFF;
    options.verify_resume = true;
    status = ossdl_transfer_start(client, &options, out, err);
    ossdl_pairs_cleanup(&headers);
    return status;
}

/* Waits for some bytes, or for the end. */
static void wait_for_bytes(struct ossdl_transfer *transfer)
{
    struct ossdl_snapshot snapshot;

    do {
        ossdl_transfer_wait(transfer, 1);
        ossdl_transfer_snapshot(transfer, &snapshot);
    } while (!snapshot.done && snapshot.bytes_done == 0 &&
             snapshot.elapsed_ms < PATIENCE_MS);
}

/* What the transfer said at its end; OSSDL_EINVALID when it did not end. */
static enum ossdl_status finish(const struct scenario *scenario,
                                struct ossdl_client *client,
                                struct ossdl_transfer *transfer,
                                struct ossdl_error *err)
{
    struct ossdl_result result;

    if (scenario->ending != WAIT) {
        wait_for_bytes(transfer);
    }
    if (scenario->ending == CANCEL) {
        ossdl_transfer_cancel(transfer);
    } else if (scenario->ending == CLOSE) {
        ossdl_client_close(client);
    } else if (scenario->ending == FORGET) {
        return ossdl_error_set(err, OSSDL_ECANCELLED, NULL, "forgotten");
    }
    ossdl_transfer_wait(transfer, PATIENCE_MS);
    return ossdl_transfer_result(transfer, &result, err);
}

static enum ossdl_status download(const struct scenario *scenario,
                                  struct ossdl_client *client,
                                  struct ossdl_error *err)
{
    struct ossdl_transfer *transfer = NULL;
    enum ossdl_status status = start(scenario, client, &transfer, err);

    if (status == OSSDL_OK && ossdl_transfer_fd(transfer, err) < 0) {
        status = err->status;
    }
    if (status == OSSDL_OK) {
        status = finish(scenario, client, transfer, err);
    }
    ossdl_transfer_release(transfer);
    return status;
}

static enum ossdl_status run(const struct scenario *scenario,
                             struct ossdl_error *err)
{
    struct ossdl_client *client = NULL;
    enum ossdl_status status = make_client(scenario, &client, err);

    if (status == OSSDL_OK && !scenario->region) {
        status = download(scenario, client, err);
        if (status == OSSDL_EMEMORY && scenario->reuse) {
            alloc_fault_relent(&fault);
            status = download(scenario, client, err);
            if (status == OSSDL_EMEMORY) {
                status = ossdl_error_set(err, OSSDL_EINVALID, NULL,
                                         "there is memory again, and still "
                                         "the client has none");
            }
        }
    }
    ossdl_client_release(client);
    return status;
}

/* --- a scenario -------------------------------------------------------- */

/* The error of an armed run is memory's, or that of the ending. */
static bool is_expected(const struct scenario *scenario,
                        const struct ossdl_error *err)
{
    switch (err->status) {
    case OSSDL_EMEMORY:
        return strstr(err->message, "memory") != NULL;
    case OSSDL_ECANCELLED:
        return scenario->ending == CANCEL || scenario->ending == FORGET;
    case OSSDL_ECLOSED:
        return scenario->ending == CLOSE;
    default:
        return false;
    }
}

static bool complain(long n, const char *what, const struct ossdl_error *err)
{
    printf("    allocation %ld: %s (%s: %s)\n", n, what,
           ossdl_status_name(err->status), err->message);
    return false;
}

static bool try_armed(const struct scenario *scenario, long n)
{
    struct ossdl_error err = {0};
    enum ossdl_status status;

    if (!prepare_files(scenario)) {
        return complain(n, "the files cannot be prepared", &err);
    }
    alloc_fault_arm(&fault, n, scenario->lasting);
    status = run(scenario, &err);
    alloc_fault_disarm();
    if (status != OSSDL_OK && !is_expected(scenario, &err)) {
        return complain(n, "the wrong error", &err);
    }
    if (status != OSSDL_OK && status != err.status) {
        return complain(n, "the status is not the error's", &err);
    }
    if (status == OSSDL_OK && !scenario->region &&
        !is_object("target", scenario->size)) {
        return complain(n, "success and a wrong file", &err);
    }
    if (status != OSSDL_OK && folder_has("target") &&
        !is_object("target", scenario->size)) {
        return complain(n, "an error and a wrong file", &err);
    }
    return true;
}

/* Goes on with what the armed run left. */
static bool try_again(const struct scenario *scenario, long n)
{
    struct scenario clean = *scenario;
    struct ossdl_error err = {0};

    clean.ending = WAIT;
    clean.reuse = false;
    atomic_store(&held_from, UINT64_MAX);
    if (run(&clean, &err) != OSSDL_OK) {
        return complain(n, "the next run fails", &err);
    }
    if (!scenario->region && !is_object("target", scenario->size)) {
        return complain(n, "the next run gives a wrong file", &err);
    }
    if (folder_has("target.part") || folder_has("target.cp")) {
        return complain(n, "something is left after the next run", &err);
    }
    return true;
}

/* The n-th allocation fails; false when that is not survived. */
static bool torture_one(const struct scenario *scenario, long n)
{
    atomic_store(&held_from,
                 scenario->held_from ? scenario->held_from : UINT64_MAX);
    if (!try_armed(scenario, n)) {
        return false;
    }
    return scenario->region || folder_has("target") || try_again(scenario, n);
}

static bool torture(const struct scenario *scenario)
{
    long unstruck = 0;
    long n = 1;

    while (unstruck < UNSTRUCK_RUNS && n < ALLOCATIONS_MOST) {
        if (!torture_one(scenario, n)) {
            return false;
        }
        n += full() ? 1 : STRIDE;
        unstruck = atomic_load(&fault.struck) ? 0 : unstruck + 1;
    }
    return n > UNSTRUCK_RUNS + 1 && n < ALLOCATIONS_MOST;
}

/* All ways of failing, and of going on. */
static bool torture_all(struct scenario scenario)
{
    bool may_reuse = scenario.ending == WAIT && !scenario.region;
    unsigned ways = full() ? 4 : 2;

    for (unsigned way = 0; way < ways; way++) {
        scenario.reuse = way % 2 == 1;
        scenario.lasting = way >= 2;
        if ((may_reuse || !scenario.reuse) && !torture(&scenario)) {
            return false;
        }
    }
    return true;
}

/* Threads and descriptors are back to what they were after each. */
static bool survive(struct scenario scenario)
{
    const struct scenario warm_up = {.size = scenario.size, .threads = 1};
    unsigned descriptors;
    unsigned threads;
    bool survived;

    atomic_store(&object_size, scenario.size);
    if (!try_again(&warm_up, 0)) {
        return false;
    }
    descriptors = entries("/proc/self/fd");
    threads = entries("/proc/self/task");
    survived = torture_all(scenario);
    if (!comes_down_to("/proc/self/task", threads) ||
        !comes_down_to("/proc/self/fd", descriptors)) {
        printf("    descriptors or threads are left\n");
        return false;
    }
    return survived;
}

static void check(struct scenario scenario)
{
    bool survived;

    CHECK(folder_make());
    survived = survive(scenario);
    folder_drop();
    CHECK(survived);
}

/* Leaves two parts of the large object, as an interrupted run does. */
static bool make_seed(void)
{
    const struct scenario scenario = {.size = LARGE_BYTES, .threads = 1};
    struct ossdl_error err;
    bool stopped;

    atomic_store(&object_size, LARGE_BYTES);
    atomic_store(&held_from, 2 * PART_BYTES);
    atomic_store(&refusing, true);
    stopped = folder_make() && run(&scenario, &err) == OSSDL_ENETWORK;
    atomic_store(&refusing, false);
    part_seed = read_all("target.part", &part_seed_len);
    cp_seed = read_all("target.cp", &cp_seed_len);
    folder_drop();
    return stopped && part_seed_len > PART_BYTES && cp_seed_len > 0;
}

TEST("a client survives each failed allocation, with an endpoint and without")
{
    check((struct scenario){.region = true, .threads = 1});
}

TEST("a download of one part survives each failed allocation")
{
    check((struct scenario){.size = SMALL_BYTES, .threads = 1});
}

TEST("a download by two threads survives each failed allocation")
{
    check((struct scenario){.size = LARGE_BYTES, .threads = many()});
}

TEST("an empty object survives each failed allocation")
{
    check((struct scenario){.size = 0, .threads = 1});
}

TEST("a resumed download survives each failed allocation")
{
    CHECK(make_seed());
    check((struct scenario){
        .size = LARGE_BYTES, .threads = many(), .resume = true});
}

TEST("a cancel survives each failed allocation")
{
    check((struct scenario){.size = LARGE_BYTES,
                            .held_from = PART_BYTES,
                            .threads = many(),
                            .ending = CANCEL});
}

TEST("a close in the midst survives each failed allocation")
{
    check((struct scenario){.size = LARGE_BYTES,
                            .held_from = PART_BYTES,
                            .threads = many(),
                            .ending = CLOSE});
}

TEST("a transfer let go in the midst survives each failed allocation")
{
    check((struct scenario){.size = LARGE_BYTES,
                            .held_from = PART_BYTES,
                            .threads = many(),
                            .ending = FORGET});
}

int main(int argc, char **argv)
{
    int failed;

    make_object();
    atomic_init(&held_from, UINT64_MAX);
    wire_start(&server, serve, NULL);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", server.port);
    failed = object ? test_main(argc, argv) : 1;
    wire_stop(&server);
    free(object);
    free(part_seed);
    free(cp_seed);
    return failed;
}
