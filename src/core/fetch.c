#include "fetch.h"

#include "balance.h"
#include "crc64.h"
#include "errtext.h"
#include "schedule.h"

#include <stdio.h>
#include <string.h>

struct fetch {
    struct ossdl_worker *worker;
    struct ossdl_job *job;
    struct ossdl_transfer *transfer;
    ossdl_fetch_accept_fn *accept;
    bool accepted;             /* the body is the object's */
    bool refused;              /* accept said no; the report says why */
    bool service;              /* the body is an error of the service's */
    bool overlong;             /* more came than was asked for */
    uint64_t position;         /* of the next byte */
    uint64_t claimed;          /* bytes below this are ours to take */
    uint64_t block;            /* where the bytes in the buffer begin */
    uint64_t crc64;            /* of the bytes in the buffer */
    int64_t paused_until_us;   /* by max_rate, before the next read */
    size_t booked;             /* bytes of max_rate that are ours */
    enum ossdl_status failure; /* of the disk or of memory: in the report */
    struct ossdl_buf body;     /* of an error */
};

static void fail(struct fetch *fetch, enum ossdl_status status)
{
    fetch->failure = status;
    fetch->worker->report.kind = OSSDL_REPORT_FAILED;
    fetch->worker->report.verdict = ossdl_classify_status(status);
}

/* --- from the buffer to the disk --------------------------------------- */

static enum ossdl_status store(struct fetch *fetch, struct ossdl_extent extent)
{
    struct ossdl_transfer *transfer = fetch->transfer;
    const char *bytes =
        fetch->worker->buffer + extent.start % fetch->job->block_bytes;
    struct ossdl_error *err = &fetch->worker->report.error;
    enum ossdl_status status;

    status = ossdl_sink_write(transfer->file.sink, extent.start, bytes,
                              (size_t) (extent.end - extent.start), err);
    if (status == OSSDL_OK && transfer->file.journaling) {
        status = ossdl_journal_append(transfer->file.journal, extent, err);
    }
    return status;
}

/* The block could not be kept: its bytes have not come, as it were. */
static void lose_block(struct fetch *fetch)
{
    atomic_fetch_sub(&fetch->transfer->received,
                     fetch->position - fetch->block);
    fetch->position = fetch->block;
    atomic_store(&fetch->job->position, fetch->position);
}

static enum ossdl_status flush(struct fetch *fetch)
{
    struct ossdl_client *client = fetch->transfer->client;
    struct ossdl_extent extent = {fetch->block, fetch->position, fetch->crc64};
    enum ossdl_status status;

    if (extent.start == extent.end) {
        return OSSDL_OK;
    }
    status = store(fetch, extent);
    if (status == OSSDL_OK) {
        ossdl_lock_take(&client->lock);
        status = ossdl_schedule_landed_locked(fetch->job, extent);
        ossdl_lock_drop(&client->lock);
        if (status != OSSDL_OK) {
            ossdl_error_memory(&fetch->worker->report.error);
        }
    }
    if (status != OSSDL_OK) {
        lose_block(fetch);
        fail(fetch, status);
        return status;
    }
    fetch->block = fetch->position;
    fetch->crc64 = 0;
    return OSSDL_OK;
}

static void claim(struct fetch *fetch)
{
    struct ossdl_client *client = fetch->transfer->client;
    int64_t now_ms = ossdl_now_ms();

    ossdl_lock_take(&client->lock);
    ossdl_schedule_end_turn_locked(fetch->job, now_ms);
    fetch->claimed = ossdl_balance_claim_locked(fetch->job, now_ms);
    ossdl_lock_drop(&client->lock);
    if (fetch->transfer->options.threads == 0) {
        /* The claim may have found that more connections are worth it. */
        ossdl_worker_bring_another(client);
    }
}

/* --- from the network to the buffer ------------------------------------ */

static bool is_limited(const struct fetch *fetch)
{
    return atomic_load_explicit(&fetch->transfer->client->limited,
                                memory_order_relaxed);
}

/*
 * Queues for the next bytes, and books them: a connection that paid only for
 * what it has would be ahead by a receive, and with many connections that is
 * a lot.
 */
static void book_locked(struct fetch *fetch, int64_t now_us)
{
    struct ossdl_pace *pace = &fetch->transfer->client->locked.pace;
    uint64_t rest = fetch->job->asked_end - fetch->position;

    fetch->booked = rest < OSSDL_HTTP_RECEIVE_BYTES
                        ? (size_t) rest
                        : (size_t) OSSDL_HTTP_RECEIVE_BYTES;
    fetch->paused_until_us = now_us + ossdl_pace_wait_us(pace, now_us);
    ossdl_pace_spend(pace, fetch->booked, now_us);
}

static void spend(struct fetch *fetch, size_t len)
{
    struct ossdl_client *client = fetch->transfer->client;
    int64_t now_us;

    if (!is_limited(fetch)) {
        return;
    }
    now_us = ossdl_now_us();
    ossdl_lock_take(&client->lock);
    if (len > fetch->booked) {
        ossdl_pace_spend(&client->locked.pace, len - fetch->booked, now_us);
    }
    fetch->booked -= len < fetch->booked ? len : fetch->booked;
    if (fetch->booked == 0) {
        book_locked(fetch, now_us);
    }
    ossdl_lock_drop(&client->lock);
}

/* What was booked and did not come. */
static void give_back(struct fetch *fetch)
{
    struct ossdl_client *client = fetch->transfer->client;

    if (fetch->booked > 0) {
        ossdl_lock_take(&client->lock);
        ossdl_pace_give_back(&client->locked.pace, fetch->booked);
        ossdl_lock_drop(&client->lock);
    }
}

/* Room in the block for what is ours; 0 when there is nothing more for us. */
static enum ossdl_status room(struct fetch *fetch, size_t *out_room)
{
    size_t block_bytes = fetch->job->block_bytes;
    bool full =
        fetch->position != fetch->block && fetch->position % block_bytes == 0;
    enum ossdl_status status = OSSDL_OK;

    if (full) {
        status = flush(fetch);
    }
    if (status == OSSDL_OK && fetch->position >= fetch->claimed) {
        claim(fetch);
    }
    *out_room = 0;
    if (status == OSSDL_OK && fetch->claimed > fetch->position) {
        uint64_t block_end = (fetch->position / block_bytes + 1) * block_bytes;
        uint64_t end = fetch->claimed < block_end ? fetch->claimed : block_end;

        *out_room = (size_t) (end - fetch->position);
    }
    return status;
}

static void take(struct fetch *fetch, const char *bytes, size_t len)
{
    char *to =
        fetch->worker->buffer + fetch->position % fetch->job->block_bytes;

    memcpy(to, bytes, len);
    fetch->crc64 = ossdl_crc64(fetch->crc64, to, len);
    fetch->position += len;
    atomic_store_explicit(&fetch->job->position, fetch->position,
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&fetch->transfer->received, len,
                              memory_order_relaxed);
}

static enum ossdl_status on_object(struct fetch *fetch, const char *bytes,
                                   size_t len)
{
    while (len > 0) {
        size_t fits;
        enum ossdl_status status = room(fetch, &fits);

        if (status != OSSDL_OK) {
            return status;
        }
        if (fits == 0) {
            fetch->overlong = fetch->position >= fetch->job->asked_end;
            return OSSDL_ECANCELLED;
        }
        if (fits > len) {
            fits = len;
        }
        take(fetch, bytes, fits);
        bytes += fits;
        len -= fits;
    }
    return OSSDL_OK;
}

static enum ossdl_status on_body(void *context, const void *bytes, size_t len)
{
    struct fetch *fetch = context;
    enum ossdl_status status;

    if (fetch->accepted) {
        status = on_object(fetch, bytes, len);
        spend(fetch, len);
        return status;
    }
    /* An error's body: enough of it is enough. */
    if (len > fetch->body.max - fetch->body.len) {
        len = fetch->body.max - fetch->body.len;
    }
    if (len == 0 || ossdl_buf_append(&fetch->body, bytes, len) != OSSDL_OK) {
        return OSSDL_ECANCELLED;
    }
    return OSSDL_OK;
}

static enum ossdl_status on_reply(void *context,
                                  const struct ossdl_reply *reply)
{
    struct fetch *fetch = context;
    enum ossdl_status status;

    if (reply->status != 200 && reply->status != 206 &&
        !(fetch->job->kind == OSSDL_JOB_OPEN && reply->status == 416 &&
          !fetch->transfer->file.rangeless)) {
        fetch->service = true;
        return OSSDL_OK;
    }
    status = fetch->accept(fetch->worker, fetch->job, reply);
    if (status != OSSDL_OK) {
        fetch->refused = true;
        return status;
    }
    /* A 416 has no bytes of the object, whatever its body is. */
    fetch->accepted = reply->status != 416;
    spend(fetch, 0);
    return OSSDL_OK;
}

/* The limit may have been raised since the bytes were paid for. */
static int64_t pause_us(struct fetch *fetch)
{
    struct ossdl_client *client = fetch->transfer->client;
    int64_t now_us = ossdl_now_us();
    int64_t own = fetch->paused_until_us - now_us;
    int64_t all;

    ossdl_lock_take(&client->lock);
    all = ossdl_pace_wait_us(&client->locked.pace, now_us);
    ossdl_lock_drop(&client->lock);
    return own < all ? own : all;
}

static enum ossdl_status on_turn(void *context, int64_t *out_pause_us)
{
    struct fetch *fetch = context;

    if (atomic_load_explicit(&fetch->job->stop, memory_order_relaxed)) {
        return OSSDL_ECANCELLED;
    }
    if (fetch->paused_until_us > 0 && is_limited(fetch)) {
        *out_pause_us = pause_us(fetch);
    }
    return OSSDL_OK;
}

/* --- the request ------------------------------------------------------- */

static enum ossdl_status add_range(struct fetch *fetch,
                                   struct ossdl_pairs *headers)
{
    const struct ossdl_transfer *transfer = fetch->transfer;
    char range[64];
    enum ossdl_status status;

    if (transfer->file.rangeless) {
        return OSSDL_OK;
    }
    snprintf(range, sizeof range, "bytes=%llu-%llu",
             (unsigned long long) fetch->job->start,
             (unsigned long long) fetch->job->asked_end - 1);
    status = ossdl_pairs_add(headers, ossdl_slice_str("Range"),
                             ossdl_slice_str(range));
    if (status == OSSDL_OK && fetch->job->kind == OSSDL_JOB_FETCH &&
        transfer->file.identity.etag[0]) {
        status = ossdl_pairs_add(headers, ossdl_slice_str("If-Match"),
                                 ossdl_slice_str(transfer->file.identity.etag));
    }
    return status;
}

static enum ossdl_status sign(struct fetch *fetch, struct ossdl_pairs *headers)
{
    const struct ossdl_transfer *transfer = fetch->transfer;
    const struct ossdl_client *client = transfer->client;
    struct ossdl_pairs signature;
    struct ossdl_sign_request request = {
        .version = client->signature,
        .method = "GET",
        .bucket = transfer->options.bucket,
        .object = transfer->options.object,
        .query = &transfer->query,
        .headers = headers,
        .region = client->endpoint.region,
        .product = client->endpoint.product,
        .credentials = fetch->job->credentials,
        .now = ossdl_wall_seconds() + fetch->job->clock_offset_s,
    };
    enum ossdl_status status;

    ossdl_pairs_init(&signature);
    status = ossdl_sign_headers(&request, &fetch->worker->sign_cache,
                                &signature, &fetch->worker->report.error);
    for (size_t i = 0; status == OSSDL_OK && i < signature.count; i++) {
        status =
            ossdl_pairs_add(headers, ossdl_slice_str(signature.items[i].name),
                            ossdl_slice_str(signature.items[i].value));
        if (status != OSSDL_OK) {
            ossdl_error_memory(&fetch->worker->report.error);
        }
    }
    ossdl_pairs_cleanup(&signature);
    return status;
}

/* The error in the report is filled when this is not OK. */
static enum ossdl_status make_headers(struct fetch *fetch,
                                      struct ossdl_pairs *headers)
{
    enum ossdl_status status =
        ossdl_pairs_copy(headers, &fetch->transfer->headers);

    if (status == OSSDL_OK) {
        status = add_range(fetch, headers);
    }
    if (status != OSSDL_OK) {
        return ossdl_error_memory(&fetch->worker->report.error);
    }
    return sign(fetch, headers);
}

/* --- what came of it --------------------------------------------------- */

static void report_service(struct fetch *fetch, const struct ossdl_reply *reply)
{
    struct ossdl_report *report = &fetch->worker->report;
    const struct ossdl_transfer_options *options = &fetch->transfer->options;
    struct ossdl_service_error service;

    ossdl_errtext_parse(reply, ossdl_buf_slice(&fetch->body), &service);
    report->kind = OSSDL_REPORT_FAILED;
    report->verdict = ossdl_classify_service(reply, &service);
    report->throttled = report->verdict.throttled;
    ossdl_classify_error(reply, &service, options->bucket, options->object,
                         &report->error);
    report->error.retryable = report->verdict.retryable;
}

static void report_net(struct fetch *fetch, enum ossdl_net net,
                       const struct ossdl_http_outcome *outcome)
{
    struct ossdl_report *report = &fetch->worker->report;
    const struct ossdl_transfer_options *options = &fetch->transfer->options;

    report->kind = OSSDL_REPORT_FAILED;
    report->verdict =
        ossdl_classify_net(net, outcome->reused && !outcome->answered);
    ossdl_classify_net_error(net, ossdl_slice_str(outcome->text),
                             options->bucket, options->object, &report->error);
    report->error.retryable = report->verdict.retryable;
}

static void report_overlong(struct fetch *fetch)
{
    struct ossdl_report *report = &fetch->worker->report;

    report->kind = OSSDL_REPORT_FAILED;
    report->verdict = ossdl_classify_status(OSSDL_EPROTOCOL);
    ossdl_error_set(&report->error, OSSDL_EPROTOCOL, "long_body",
                    "the answer for %s has more bytes than its headers say; "
                    "look for a proxy that rewrites answers",
                    fetch->transfer->options.file);
    report->error.retryable = true;
}

static void report_outcome(struct fetch *fetch,
                           const struct ossdl_http_outcome *outcome)
{
    struct ossdl_report *report = &fetch->worker->report;

    report->server_date = outcome->reply.date;
    if (outcome->reply.qos_delay_ms > 0) {
        report->throttled = true;
    }
    if (fetch->failure != OSSDL_OK || fetch->refused) {
        return; /* the report is filled */
    }
    if (fetch->overlong) {
        report_overlong(fetch);
    } else if (atomic_load(&fetch->job->stop)) {
        report->kind = OSSDL_REPORT_STOPPED;
    } else if (fetch->service) {
        report_service(fetch, &outcome->reply);
    } else if (outcome->net == OSSDL_NET_STOPPED) {
        report->kind = OSSDL_REPORT_STOPPED;
    } else if (outcome->net != OSSDL_NET_OK) {
        report_net(fetch, outcome->net, outcome);
    } else if (fetch->accepted && fetch->position < fetch->job->asked_end) {
        report_net(fetch, OSSDL_NET_SHORT_BODY, outcome);
    }
}

static void perform(struct fetch *fetch, const struct ossdl_pairs *headers)
{
    struct ossdl_http_request request = {fetch->transfer->url, headers};
    struct ossdl_http_handler handler = {fetch, on_reply, on_body, on_turn};
    struct ossdl_http_outcome outcome;

    fetch->worker->report.requested = true;
    ossdl_http_perform(fetch->worker->http, &request, &handler, &outcome);
    give_back(fetch);
    if (fetch->failure == OSSDL_OK) {
        /* Whatever has come is kept, also when the exchange failed. */
        (void) !flush(fetch);
    }
    report_outcome(fetch, &outcome);
}

void ossdl_fetch_exchange(struct ossdl_worker *worker, struct ossdl_job *job,
                          ossdl_fetch_accept_fn *accept)
{
    struct ossdl_pairs headers;
    struct fetch fetch = {
        .worker = worker,
        .job = job,
        .transfer = job->transfer,
        .accept = accept,
        .position = job->start,
        .claimed = job->start,
        .block = job->start,
    };
    enum ossdl_status status;

    ossdl_pairs_init(&headers);
    ossdl_buf_init(&fetch.body, OSSDL_ERRTEXT_BODY_BYTES);
    status =
        ossdl_worker_buffer(worker, job->block_bytes, &worker->report.error);
    if (status == OSSDL_OK) {
        status = make_headers(&fetch, &headers);
    }
    if (status == OSSDL_OK) {
        perform(&fetch, &headers);
    } else {
        fail(&fetch, status);
    }
    ossdl_buf_cleanup(&fetch.body);
    ossdl_pairs_cleanup(&headers);
}

/* From a server that ignores ranges: all of the same version again. */
static enum ossdl_status accept_whole(const struct ossdl_job *job,
                                      const struct ossdl_reply *reply,
                                      struct ossdl_error *err)
{
    const struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_identity identity;
    enum ossdl_status status =
        ossdl_identity_from_reply(reply, job->start, &identity, err);

    if (status == OSSDL_OK &&
        !ossdl_identity_same(&identity, &transfer->file.identity)) {
        status = ossdl_error_set(err, OSSDL_ECHANGED, "changed",
                                 "the object changed while it was downloaded");
    }
    return status;
}

static enum ossdl_status accept_part(struct ossdl_worker *worker,
                                     struct ossdl_job *job,
                                     const struct ossdl_reply *reply)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_report *report = &worker->report;
    enum ossdl_status status;

    if (transfer->file.single && reply->status == 200) {
        status = accept_whole(job, reply, &report->error);
    } else {
        status =
            ossdl_reply_check_part(reply, &transfer->file.identity, job->start,
                                   job->asked_end, &report->error);
    }
    if (status != OSSDL_OK) {
        report->kind = OSSDL_REPORT_FAILED;
        report->verdict = ossdl_classify_status(status);
        report->error.retryable = report->verdict.retryable;
    }
    return status;
}

void ossdl_fetch_run(struct ossdl_worker *worker, struct ossdl_job *job)
{
    ossdl_fetch_exchange(worker, job, accept_part);
}
