#include "worker.h"

#include "alloc.h"
#include "commit.h"
#include "fetch.h"
#include "opening.h"
#include "schedule.h"
#include "settle.h"
#include "sink.h"
#include "transfer.h"
#include "verify.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* getaddrinfo() and TLS fit with room to spare. */
#define STACK_BYTES (512 * 1024)
/* After so long without work the block buffer is given back. */
#define IDLE_BUFFER_MS 5000
/* And its connections, which nobody would use any more. */
#define IDLE_CONNECTIONS_MS (OSSDL_HTTP_IDLE_SECONDS * INT64_C(1000))

enum ossdl_status ossdl_worker_buffer(struct ossdl_worker *worker, size_t bytes,
                                      struct ossdl_error *err)
{
    if (worker->buffer && worker->buffer_bytes == bytes) {
        return OSSDL_OK;
    }
    ossdl_free(worker->buffer);
    worker->buffer_bytes = 0;
    worker->buffer = ossdl_alloc_aligned(OSSDL_SINK_BLOCK_BYTES, bytes);
    if (!worker->buffer) {
        return ossdl_error_memory(err);
    }
    worker->buffer_bytes = bytes;
    return OSSDL_OK;
}

static void drop_buffer(struct ossdl_worker *worker)
{
    ossdl_free(worker->buffer);
    worker->buffer = NULL;
    worker->buffer_bytes = 0;
}

/* Closing, and nothing is left to wind down. */
static bool is_over_locked(const struct ossdl_client *client)
{
    return client->locked.closing && client->locked.active.count == 0 &&
           client->locked.waiting.count == 0;
}

static void run(struct ossdl_worker *worker, struct ossdl_job *job)
{
    memset(&worker->report, 0, sizeof worker->report);
    switch (job->kind) {
    case OSSDL_JOB_OPEN:
        ossdl_opening_run(worker, job);
        break;
    case OSSDL_JOB_FETCH:
        ossdl_fetch_run(worker, job);
        break;
    case OSSDL_JOB_VERIFY:
        ossdl_verify_run(worker, job);
        break;
    case OSSDL_JOB_COMMIT:
        ossdl_commit_run(worker, job);
        break;
    case OSSDL_JOB_END:
        ossdl_commit_abandon(worker, job);
        break;
    }
}

/* Gives back what has not been used for long; the lock is dropped for it.
 * False when there is nothing to give back yet: then *wake_at may be earlier.
 */
static bool tidy_locked(struct ossdl_worker *worker, int64_t now,
                        int64_t *wake_at)
{
    int64_t drop_at = worker->idle_since + IDLE_BUFFER_MS;
    int64_t hang_up_at = worker->idle_since + IDLE_CONNECTIONS_MS;
    bool drop = worker->buffer && now >= drop_at;
    bool hang_up = worker->connected && now >= hang_up_at;

    if (worker->buffer && drop_at < *wake_at) {
        *wake_at = drop_at;
    }
    if (worker->connected && hang_up_at < *wake_at) {
        *wake_at = hang_up_at;
    }
    if (!drop && !hang_up) {
        return false;
    }
    ossdl_lock_drop(&worker->client->lock);
    if (drop) {
        drop_buffer(worker);
    }
    if (hang_up) {
        ossdl_http_hang_up(worker->http);
        worker->connected = false;
    }
    ossdl_lock_take(&worker->client->lock);
    return true;
}

static void wait_locked(struct ossdl_worker *worker, int64_t wake_at)
{
    struct ossdl_client *client = worker->client;

    client->locked.idle_count++;
    (void) ossdl_cond_wait(&client->work, wake_at);
    client->locked.idle_count--;
}

static void *worker_main(void *argument)
{
    struct ossdl_worker *worker = argument;
    struct ossdl_client *client = worker->client;

    ossdl_lock_take(&client->lock);
    while (!is_over_locked(client)) {
        int64_t now = ossdl_now_ms();
        int64_t wake_at = OSSDL_FOREVER;
        struct ossdl_job *job =
            ossdl_schedule_next_locked(worker, now, &wake_at);

        if (!job) {
            worker->idle_since = worker->idle_since ? worker->idle_since : now;
            if (!tidy_locked(worker, now, &wake_at)) {
                wait_locked(worker, wake_at);
            }
            continue;
        }
        worker->idle_since = 0;
        worker->connected = true;
        ossdl_lock_drop(&client->lock);
        ossdl_worker_bring_another(client);
        run(worker, job);
        ossdl_lock_take(&client->lock);
        ossdl_settle_locked(worker, job);
    }
    ossdl_lock_drop(&client->lock);
    return NULL;
}

/* Takes only what needs neither a connection nor a buffer. */
static void *closer_main(void *argument)
{
    struct ossdl_worker *closer = argument;
    struct ossdl_client *client = closer->client;

    ossdl_lock_take(&client->lock);
    while (!is_over_locked(client)) {
        struct ossdl_job *job = ossdl_schedule_next_end_locked(closer);

        if (!job) {
            (void) ossdl_cond_wait(&client->ends, OSSDL_FOREVER);
            continue;
        }
        ossdl_lock_drop(&client->lock);
        run(closer, job);
        ossdl_lock_take(&client->lock);
        ossdl_settle_locked(closer, job);
    }
    ossdl_lock_drop(&client->lock);
    return NULL;
}

static void free_worker(struct ossdl_worker *worker)
{
    ossdl_http_free(worker->http);
    ossdl_sign_cache_cleanup(&worker->sign_cache);
    drop_buffer(worker);
    ossdl_free(worker);
}

/* A worker leaves every signal to the host's threads. */
static int create_thread(struct ossdl_worker *worker, void *(*body)(void *) )
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int failed;

    failed = pthread_attr_init(&attributes);
    if (failed) {
        return failed;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_attr_setstacksize(&attributes, STACK_BYTES);
    if (!failed) {
        failed = pthread_create(&worker->thread, &attributes, body, worker);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed;
}

/* Counted before it runs, so that no two callers pass the maximum. */
static bool reserve(struct ossdl_client *client)
{
    bool granted;

    ossdl_lock_take(&client->lock);
    granted = client->locked.worker_count < client->max_threads;
    if (granted) {
        client->locked.worker_count++;
    }
    ossdl_lock_drop(&client->lock);
    return granted;
}

static void unreserve(struct ossdl_client *client)
{
    ossdl_lock_take(&client->lock);
    client->locked.worker_count--;
    ossdl_lock_drop(&client->lock);
}

static struct ossdl_worker *make_closer(struct ossdl_client *client)
{
    struct ossdl_worker *worker = ossdl_alloc_zero(1, sizeof *worker);

    if (worker) {
        worker->client = client;
        ossdl_sign_cache_init(&worker->sign_cache);
    }
    return worker;
}

static enum ossdl_status make_worker(struct ossdl_client *client,
                                     struct ossdl_worker **out,
                                     struct ossdl_error *err)
{
    struct ossdl_worker *worker = make_closer(client);
    enum ossdl_status status;

    if (!worker) {
        return ossdl_error_memory(err);
    }
    status = ossdl_http_new(&client->http, &worker->http, err);
    if (status != OSSDL_OK) {
        free_worker(worker);
        return status;
    }
    *out = worker;
    return OSSDL_OK;
}

static void list_locked(struct ossdl_worker *worker)
{
    worker->next = worker->client->locked.workers;
    worker->client->locked.workers = worker;
}

/*
 * The thread is listed under the lock that it needs to do anything, so it
 * cannot be seen running before it can be joined.
 */
static int launch(struct ossdl_client *client, struct ossdl_worker *worker)
{
    int failed;

    ossdl_lock_take(&client->lock);
    failed =
        is_over_locked(client) ? ECANCELED : create_thread(worker, worker_main);
    if (!failed) {
        list_locked(worker);
    }
    ossdl_lock_drop(&client->lock);
    return failed;
}

enum ossdl_status ossdl_worker_start(struct ossdl_client *client,
                                     struct ossdl_error *err)
{
    struct ossdl_worker *worker = NULL;
    enum ossdl_status status;
    int failed;

    if (!reserve(client)) {
        return OSSDL_OK;
    }
    status = make_worker(client, &worker, err);
    if (status == OSSDL_OK) {
        failed = launch(client, worker);
        if (failed) {
            free_worker(worker);
            status =
                failed == ECANCELED
                    ? ossdl_client_closed(err)
                    : ossdl_error_errno(err, failed, "cannot start a thread");
        }
    }
    if (status != OSSDL_OK) {
        unreserve(client);
    }
    return status;
}

void ossdl_worker_bring_another(struct ossdl_client *client)
{
    struct ossdl_error ignored;
    bool wanted;

    ossdl_lock_take(&client->lock);
    wanted = ossdl_schedule_wants_thread_locked(client);
    ossdl_lock_drop(&client->lock);
    if (wanted) {
        /* Where the system has no more threads to give, those that are there
         * do it all, only more slowly. */
        (void) !ossdl_worker_start(client, &ignored);
    }
}

static bool launch_closer(struct ossdl_client *client,
                          struct ossdl_worker *closer)
{
    bool launched;

    ossdl_lock_take(&client->lock);
    launched = !client->locked.closer_started && !is_over_locked(client) &&
               create_thread(closer, closer_main) == 0;
    if (launched) {
        client->locked.closer_started = true;
        list_locked(closer);
    }
    ossdl_lock_drop(&client->lock);
    return launched;
}

void ossdl_worker_bring_closer(struct ossdl_client *client)
{
    struct ossdl_worker *closer;
    bool needed;

    ossdl_lock_take(&client->lock);
    needed = client->locked.closer_wanted && !client->locked.closer_started;
    ossdl_lock_drop(&client->lock);
    if (!needed) {
        return;
    }
    closer = make_closer(client);
    if (closer && !launch_closer(client, closer)) {
        free_worker(closer);
    }
}

void ossdl_worker_join_all(struct ossdl_client *client)
{
    for (;;) {
        struct ossdl_worker *worker;

        ossdl_lock_take(&client->lock);
        worker = client->locked.workers;
        if (worker) {
            client->locked.workers = worker->next;
        }
        ossdl_lock_drop(&client->lock);
        if (!worker) {
            return;
        }
        pthread_join(worker->thread, NULL);
        free_worker(worker);
    }
}
