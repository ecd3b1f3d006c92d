#include "transfer.h"

#include "alloc.h"
#include "file.h"
#include "names.h"
#include "plan.h"
#include "schedule.h"
#include "settle.h"
#include "worker.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Where threads = "auto" begins. */
#define AUTO_THREADS_START 16

static const struct {
    const char *name;
    bool terminal;
} STATES[OSSDL_STATE_COUNT] = {
#define OSSDL_STATE_ROW(constant, name, terminal) {name, terminal},
    OSSDL_STATE_MAP(OSSDL_STATE_ROW)
#undef OSSDL_STATE_ROW
};

const char *ossdl_state_name(enum ossdl_state state)
{
    return (unsigned) state < OSSDL_STATE_COUNT ? STATES[state].name
                                                : "unknown";
}

/* --- making ------------------------------------------------------------ */

static enum ossdl_status
check_checkpoint(const struct ossdl_transfer_options *o,
                 struct ossdl_error *err)
{
    size_t len = strlen(o->file);

    if (o->checkpoint && strncmp(o->checkpoint, o->file, len) == 0 &&
        (o->checkpoint[len] == 0 ||
         strcmp(o->checkpoint + len, ".part") == 0)) {
        return ossdl_error_set(err, OSSDL_EINVALID, "checkpoint",
                               "option 'checkpoint' is where the object goes: "
                               "choose another path");
    }
    return OSSDL_OK;
}

static enum ossdl_status check_numbers(const struct ossdl_transfer_options *o,
                                       struct ossdl_error *err)
{
    if (o->threads > OSSDL_THREADS_MAX) {
        return ossdl_error_set(err, OSSDL_EINVALID, "threads",
                               "option 'threads' must be 1 to %d",
                               OSSDL_THREADS_MAX);
    }
    if (o->part_size > OSSDL_PART_BYTES_MAX) {
        return ossdl_error_set(err, OSSDL_EINVALID, "part_size",
                               "option 'part_size' must be 1 to %llu",
                               (unsigned long long) OSSDL_PART_BYTES_MAX);
    }
    if (!o->file || !o->file[0]) {
        return ossdl_error_set(err, OSSDL_EINVALID, "file",
                               "option 'file' is needed: where to put the "
                               "object");
    }
    return check_checkpoint(o, err);
}

static enum ossdl_status check_options(const struct ossdl_transfer_options *o,
                                       struct ossdl_error *err)
{
    enum ossdl_status status = check_numbers(o, err);

    if (status == OSSDL_OK) {
        status = ossdl_bucket_check(o->bucket, err);
    }
    if (status == OSSDL_OK) {
        status = ossdl_object_check(o->object, err);
    }
    if (status == OSSDL_OK && o->headers) {
        status = ossdl_headers_check(o->headers, err);
    }
    if (status == OSSDL_OK && o->query) {
        status = ossdl_query_check(o->query, err);
    }
    return status;
}

static enum ossdl_status copy_slice(struct ossdl_slice *slice)
{
    char *copy = ossdl_alloc_string(slice->ptr, slice->len);

    slice->ptr = copy;
    return copy ? OSSDL_OK : OSSDL_EMEMORY;
}

/* The host may change its folder while we run. */
static enum ossdl_status copy_path(const char **path)
{
    if (*path) {
        *path = ossdl_file_absolute(*path);
        return *path ? OSSDL_OK : OSSDL_EMEMORY;
    }
    return OSSDL_OK;
}

/* After a failure every pointer is ours or NULL, so that it can be freed. */
static enum ossdl_status copy_options(struct ossdl_transfer *transfer,
                                      const struct ossdl_transfer_options *from)
{
    struct ossdl_transfer_options *to = &transfer->options;
    enum ossdl_status status = OSSDL_OK;

    *to = *from;
    to->headers = NULL;
    to->query = NULL;
    status |= copy_slice(&to->bucket);
    status |= copy_slice(&to->object);
    status |= copy_slice(&to->version_id);
    status |= copy_path(&to->file);
    status |= copy_path(&to->checkpoint);
    return status == OSSDL_OK ? OSSDL_OK : OSSDL_EMEMORY;
}

static enum ossdl_status make_headers(struct ossdl_transfer *transfer,
                                      const struct ossdl_pairs *extra)
{
    struct ossdl_pairs *headers = &transfer->headers;
    char limit[24];
    enum ossdl_status status = OSSDL_OK;

    if (extra) {
        status = ossdl_pairs_copy(headers, extra);
    }
    if (status == OSSDL_OK) {
        status =
            ossdl_pairs_add(headers, ossdl_slice_str("x-oss-range-behavior"),
                            ossdl_slice_str("standard"));
    }
    if (status == OSSDL_OK) {
        status = ossdl_pairs_add(headers, ossdl_slice_str("Accept-Encoding"),
                                 ossdl_slice_str("identity"));
    }
    if (status == OSSDL_OK && transfer->options.traffic_limit > 0) {
        snprintf(limit, sizeof limit, "%llu",
                 (unsigned long long) transfer->options.traffic_limit);
        status =
            ossdl_pairs_add(headers, ossdl_slice_str("x-oss-traffic-limit"),
                            ossdl_slice_str(limit));
    }
    return status;
}

static enum ossdl_status make_url(struct ossdl_transfer *transfer,
                                  const struct ossdl_pairs *extra)
{
    const struct ossdl_transfer_options *options = &transfer->options;
    struct ossdl_buf url;
    enum ossdl_status status = OSSDL_OK;

    if (extra) {
        status = ossdl_pairs_copy(&transfer->query, extra);
    }
    if (status == OSSDL_OK && options->version_id.len > 0) {
        status = ossdl_pairs_add(&transfer->query, ossdl_slice_str("versionId"),
                                 options->version_id);
    }
    ossdl_buf_init(&url, OSSDL_URL_MAX);
    if (status == OSSDL_OK) {
        status =
            ossdl_endpoint_url(&transfer->client->endpoint, options->bucket,
                               options->object, &transfer->query, &url);
    }
    if (status == OSSDL_OK) {
        transfer->url = ossdl_alloc_string(url.data, url.len);
        status = transfer->url ? OSSDL_OK : OSSDL_EMEMORY;
    }
    ossdl_buf_cleanup(&url);
    return status;
}

static enum ossdl_status make_part_path(struct ossdl_transfer *transfer)
{
    struct ossdl_buf path;
    enum ossdl_status status;

    ossdl_buf_init(&path, 64 * 1024);
    status = ossdl_buf_printf(&path, "%s.part", transfer->options.file);
    if (status == OSSDL_OK) {
        transfer->part_path = ossdl_alloc_string(path.data, path.len);
        status = transfer->part_path ? OSSDL_OK : OSSDL_EMEMORY;
    }
    ossdl_buf_cleanup(&path);
    return status;
}

static enum ossdl_status make_jobs(struct ossdl_transfer *transfer)
{
    unsigned max = transfer->client->max_threads;
    unsigned threads = transfer->options.threads;

    transfer->job_count = threads == 0 || threads > max ? max : threads;
    transfer->jobs =
        ossdl_alloc_zero(transfer->job_count, sizeof *transfer->jobs);
    if (!transfer->jobs) {
        return OSSDL_EMEMORY;
    }
    for (unsigned i = 0; i < transfer->job_count; i++) {
        transfer->jobs[i].transfer = transfer;
        atomic_init(&transfer->jobs[i].position, 0);
        atomic_init(&transfer->jobs[i].stop, false);
    }
    ossdl_plateau_init(&transfer->locked.plateau, AUTO_THREADS_START,
                       transfer->job_count, transfer->started_at);
    return OSSDL_OK;
}

static struct ossdl_transfer *
make_transfer(struct ossdl_client *client,
              const struct ossdl_transfer_options *options)
{
    struct ossdl_transfer *transfer = ossdl_alloc_zero(1, sizeof *transfer);

    if (!transfer) {
        return NULL;
    }
    transfer->client = client;
    transfer->started_at = ossdl_now_ms();
    transfer->file.watch = -1;
    atomic_init(&transfer->received, 0);
    ossdl_notify_init(&transfer->notify);
    ossdl_ranges_init(&transfer->locked.missing);
    ossdl_extents_init(&transfer->locked.extents, 0);
    ossdl_extents_init(&transfer->locked.unverified, 0);
    if (copy_options(transfer, options) != OSSDL_OK ||
        make_headers(transfer, options->headers) != OSSDL_OK ||
        make_url(transfer, options->query) != OSSDL_OK ||
        make_part_path(transfer) != OSSDL_OK ||
        make_jobs(transfer) != OSSDL_OK) {
        ossdl_transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

void ossdl_transfer_free(struct ossdl_transfer *transfer)
{
    struct ossdl_transfer_options *options = &transfer->options;

    ossdl_sink_close(transfer->file.sink);
    ossdl_journal_close(transfer->file.journal);
    ossdl_notify_cleanup(&transfer->notify);
    ossdl_ranges_cleanup(&transfer->locked.missing);
    ossdl_extents_cleanup(&transfer->locked.extents);
    ossdl_extents_cleanup(&transfer->locked.unverified);
    ossdl_pairs_cleanup(&transfer->headers);
    ossdl_pairs_cleanup(&transfer->query);
    ossdl_free((char *) options->bucket.ptr);
    ossdl_free((char *) options->object.ptr);
    ossdl_free((char *) options->version_id.ptr);
    ossdl_free((char *) options->file);
    ossdl_free((char *) options->checkpoint);
    ossdl_free(transfer->url);
    ossdl_free(transfer->part_path);
    ossdl_free(transfer->jobs);
    ossdl_free(transfer);
}

/* There must be a thread before a transfer may wait for one. */
static enum ossdl_status ensure_worker(struct ossdl_client *client,
                                       struct ossdl_error *err)
{
    enum ossdl_status status;
    bool enough;
    bool none;

    ossdl_lock_take(&client->lock);
    none = client->locked.worker_count == 0;
    enough = client->locked.idle_count > 0 ||
             client->locked.worker_count >= client->max_threads;
    ossdl_lock_drop(&client->lock);
    if (enough) {
        return OSSDL_OK;
    }
    /* With one at work already, having no second is no error. */
    status = ossdl_worker_start(client, err);
    return none ? status : OSSDL_OK;
}

enum ossdl_status
ossdl_transfer_start(struct ossdl_client *client,
                     const struct ossdl_transfer_options *options,
                     struct ossdl_transfer **out, struct ossdl_error *err)
{
    struct ossdl_transfer *transfer;
    enum ossdl_status status;
    bool closing;

    *out = NULL;
    status = ossdl_client_check(client, err);
    if (status == OSSDL_OK) {
        status = check_options(options, err);
    }
    if (status == OSSDL_OK) {
        status = ensure_worker(client, err);
    }
    if (status != OSSDL_OK) {
        return status;
    }
    transfer = make_transfer(client, options);
    if (!transfer) {
        return ossdl_error_memory(err);
    }
    ossdl_lock_take(&client->lock);
    closing = client->locked.closing;
    if (!closing) {
        ossdl_client_acquire(client);
        ossdl_queue_append(&client->locked.waiting, transfer);
        ossdl_cond_wake_one(&client->work);
    }
    ossdl_lock_drop(&client->lock);
    if (closing) {
        ossdl_transfer_free(transfer);
        return ossdl_client_closed(err);
    }
    *out = transfer;
    return OSSDL_OK;
}

/* --- watching ---------------------------------------------------------- */

void ossdl_transfer_notice_locked(struct ossdl_transfer *transfer)
{
    ossdl_notify_raise(&transfer->notify);
}

void ossdl_transfer_set_state_locked(struct ossdl_transfer *transfer,
                                     enum ossdl_state state)
{
    assert(ossdl_lock_held(&transfer->client->lock));
    if (transfer->locked.state != state) {
        transfer->locked.state = state;
        ossdl_transfer_notice_locked(transfer);
        if (STATES[state].terminal && transfer->locked.waiters > 0) {
            ossdl_cond_wake_all(&transfer->client->changed);
        }
    }
}

void ossdl_transfer_tick_locked(struct ossdl_transfer *transfer, int64_t now_ms)
{
    if (now_ms - transfer->locked.noticed_at >=
        transfer->options.progress_interval_ms) {
        transfer->locked.noticed_at = now_ms;
        ossdl_notify_raise(&transfer->notify);
    }
}

uint64_t ossdl_transfer_progress_locked(struct ossdl_transfer *transfer)
{
    uint64_t done =
        transfer->locked.resumed_bytes +
        atomic_load_explicit(&transfer->received, memory_order_relaxed);

    if (transfer->locked.published && done > transfer->file.identity.size) {
        done = transfer->file.identity.size;
    }
    if (done > transfer->locked.high_water) {
        transfer->locked.high_water = done;
    }
    return transfer->locked.published &&
                   transfer->locked.high_water > transfer->file.identity.size
               ? transfer->file.identity.size
               : transfer->locked.high_water;
}

void ossdl_transfer_snapshot(struct ossdl_transfer *transfer,
                             struct ossdl_snapshot *out)
{
    struct ossdl_client *client = transfer->client;

    memset(out, 0, sizeof *out);
    if (ossdl_client_check(client, &out->last_error) != OSSDL_OK) {
        out->state = OSSDL_STATE_FAILED;
        out->done = true;
        return;
    }
    ossdl_lock_take(&client->lock);
    out->state = transfer->locked.state;
    out->done = STATES[out->state].terminal;
    out->total_known = transfer->locked.published;
    out->bytes_total = out->total_known ? transfer->file.identity.size : 0;
    out->bytes_done = ossdl_transfer_progress_locked(transfer);
    out->bytes_resumed = transfer->locked.resumed_bytes;
    out->connections = transfer->locked.fetching;
    out->requests = transfer->locked.requests + transfer->locked.fetching;
    out->retries = transfer->locked.retries;
    out->elapsed_ms = (out->done ? transfer->locked.ended_at : ossdl_now_ms()) -
                      transfer->started_at;
    out->needs_credentials = client->locked.credentials_wanted && !out->done;
    out->last_error = transfer->locked.last_error;
    ossdl_lock_drop(&client->lock);
}

void ossdl_transfer_wait(struct ossdl_transfer *transfer, int64_t timeout_ms)
{
    struct ossdl_client *client = transfer->client;
    int64_t until = OSSDL_FOREVER;
    struct ossdl_error ignored;

    if (ossdl_client_check(client, &ignored) != OSSDL_OK) {
        return;
    }
    if (timeout_ms != OSSDL_FOREVER) {
        until = ossdl_now_ms() + (timeout_ms > 0 ? timeout_ms : 0);
    }
    ossdl_lock_take(&client->lock);
    transfer->locked.waiters++;
    while (!STATES[transfer->locked.state].terminal &&
           !client->locked.credentials_wanted &&
           ossdl_cond_wait(&client->changed, until)) {
    }
    transfer->locked.waiters--;
    ossdl_lock_drop(&client->lock);
}

enum ossdl_status ossdl_transfer_result(struct ossdl_transfer *transfer,
                                        struct ossdl_result *out,
                                        struct ossdl_error *err)
{
    struct ossdl_client *client = transfer->client;
    enum ossdl_status status = ossdl_client_check(client, err);

    if (status != OSSDL_OK) {
        return status;
    }
    ossdl_lock_take(&client->lock);
    if (transfer->locked.state == OSSDL_STATE_DONE) {
        *out = transfer->locked.result;
    } else if (STATES[transfer->locked.state].terminal) {
        *err = transfer->locked.error;
        status = err->status;
    } else {
        status = ossdl_error_set(err, OSSDL_EINVALID, "running",
                                 "the download is still running: wait for it");
    }
    ossdl_lock_drop(&client->lock);
    return status;
}

int ossdl_transfer_fd(struct ossdl_transfer *transfer, struct ossdl_error *err)
{
    return ossdl_client_check(transfer->client, err) == OSSDL_OK
               ? ossdl_notify_fd(&transfer->notify, err)
               : -1;
}

void ossdl_transfer_ack(struct ossdl_transfer *transfer)
{
    /* The descriptor is shared with the parent, who still waits for it. */
    if (transfer->client->process == ossdl_process_id()) {
        ossdl_notify_ack(&transfer->notify);
    }
}

/* --- ending ------------------------------------------------------------ */

void ossdl_transfer_wake_jobs_locked(struct ossdl_transfer *transfer)
{
    for (unsigned i = 0; i < transfer->job_count; i++) {
        struct ossdl_job *job = &transfer->jobs[i];

        if (job->locked.state == OSSDL_JOB_RUNNING &&
            job->locked.worker->http) {
            ossdl_http_wake(job->locked.worker->http);
        }
    }
}

void ossdl_transfer_stop_jobs_locked(struct ossdl_transfer *transfer)
{
    for (unsigned i = 0; i < transfer->job_count; i++) {
        if (transfer->jobs[i].locked.state == OSSDL_JOB_RUNNING) {
            atomic_store(&transfer->jobs[i].stop, true);
        }
    }
    ossdl_transfer_wake_jobs_locked(transfer);
}

void ossdl_transfer_fail_locked(struct ossdl_transfer *transfer,
                                const struct ossdl_error *why)
{
    assert(ossdl_lock_held(&transfer->client->lock));
    if (transfer->locked.ending || STATES[transfer->locked.state].terminal) {
        return;
    }
    transfer->locked.ending = true;
    transfer->locked.error = *why;
    if (transfer->locked.state == OSSDL_STATE_QUEUED) {
        /* Nothing to close: no need to wait for a thread. */
        ossdl_settle_unopened_locked(transfer);
        return;
    }
    ossdl_transfer_stop_jobs_locked(transfer);
    ossdl_cond_wake_all(&transfer->client->work);
    ossdl_schedule_end_locked(transfer);
}

void ossdl_transfer_out_of_memory_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_error error;

    ossdl_error_memory(&error);
    ossdl_transfer_fail_locked(transfer, &error);
}

void ossdl_transfer_cancel_locked(struct ossdl_transfer *transfer,
                                  enum ossdl_status why)
{
    struct ossdl_error error;

    ossdl_error_set(&error, why, ossdl_status_name(why),
                    "%s before %s was complete: start it again to go on",
                    why == OSSDL_ECLOSED ? "the client was closed"
                                         : "the download was cancelled",
                    transfer->options.file);
    error.retryable = true;
    ossdl_transfer_fail_locked(transfer, &error);
}

void ossdl_transfer_cancel(struct ossdl_transfer *transfer)
{
    struct ossdl_client *client = transfer->client;

    if (client->process != ossdl_process_id()) {
        return;
    }
    ossdl_lock_take(&client->lock);
    ossdl_transfer_cancel_locked(transfer, OSSDL_ECANCELLED);
    ossdl_lock_drop(&client->lock);
    ossdl_worker_bring_closer(client);
}

struct ossdl_transfer *ossdl_transfer_release(struct ossdl_transfer *transfer)
{
    struct ossdl_client *client;
    bool over;

    if (!transfer) {
        return NULL;
    }
    client = transfer->client;
    if (client->process != ossdl_process_id()) {
        /* As for the client: the parent's threads may be in the midst of it. */
        return NULL;
    }
    ossdl_lock_take(&client->lock);
    over = STATES[transfer->locked.state].terminal;
    if (!over) {
        transfer->locked.abandoned = true;
        ossdl_transfer_cancel_locked(transfer, OSSDL_ECANCELLED);
    }
    ossdl_lock_drop(&client->lock);
    if (over) {
        ossdl_transfer_free(transfer);
    }
    ossdl_worker_bring_closer(client);
    ossdl_client_release(client);
    return NULL;
}

void ossdl_transfer_restarted_locked(struct ossdl_transfer *transfer,
                                     const char *reason)
{
    if (!transfer->locked.restarted[0]) {
        snprintf(transfer->locked.restarted, sizeof transfer->locked.restarted,
                 "%s", reason);
    }
}
