#include "settle.h"

#include "schedule.h"
#include "transfer.h"

#include <assert.h>
#include <string.h>

/* A server that answers, and always with nonsense, is not a matter of time. */
#define NONSENSE_MOST 4
/* Between two looks at a target that somebody else holds. */
#define BUSY_REST_MS 250
/* New credentials that are refused as well are a provider's error. */
#define CREDENTIALS_REFUSED_MOST 2
#define CLOCK_FIXES_MOST 2
#define RESTARTS_MOST 3
/* Read-backs because somebody else has the file open. */
#define TOUCHES_MOST 3
/* Time enough to tell from the file's times that nobody writes (commit.c). */
#define TOUCHED_REST_MS 2100

static void rest_locked(struct ossdl_job *job, int64_t until)
{
    job->locked.state = OSSDL_JOB_RESTING;
    job->locked.rest_until = until;
}

/* --- retries ----------------------------------------------------------- */

/* False when the budget is used up. */
static bool strike_locked(struct ossdl_job *job,
                          const struct ossdl_report *report, int64_t now_ms)
{
    struct ossdl_transfer *transfer = job->transfer;
    uint64_t received = atomic_load(&transfer->received);

    if (received > transfer->locked.strike_received && !transfer->file.single) {
        /* Sisters move, though no block landed. */
        transfer->locked.strikes = 0;
        transfer->locked.nonsense = 0;
    }
    transfer->locked.strike_received = received;
    /* By their order, not by the clock: refused connections fail within one
     * tick of it, and a rest may be as short. */
    if (transfer->locked.strikes == 0 || job->round == transfer->locked.round) {
        transfer->locked.strikes++;
        transfer->locked.round++;
        transfer->locked.strike_at = now_ms;
        transfer->locked.nonsense = report->error.status == OSSDL_EPROTOCOL
                                        ? transfer->locked.nonsense + 1
                                        : 0;
    }
    return transfer->locked.strikes <= transfer->options.max_retries &&
           transfer->locked.nonsense <= NONSENSE_MOST;
}

static void retry_locked(struct ossdl_job *job, struct ossdl_report *report,
                         bool at_once)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_client *client = transfer->client;
    int64_t now_ms = ossdl_now_ms();
    /* Without ranges all of it is fetched again: that is no progress. */
    bool moved =
        atomic_load(&job->position) > job->start && !transfer->file.single;

    if (!at_once && !moved && !strike_locked(job, report, now_ms)) {
        report->error.attempts = transfer->locked.strikes;
        ossdl_transfer_fail_locked(transfer, &report->error);
        return;
    }
    transfer->locked.retries++;
    transfer->locked.last_error = report->error;
    if (report->verdict.wait_ms > 0) {
        transfer->locked.quiet_until = now_ms + report->verdict.wait_ms;
    }
    if (!at_once) {
        int64_t wait =
            ossdl_backoff_ms(moved ? 1 : transfer->locked.strikes,
                             &client->locked.random, report->verdict.wait_ms) +
            ossdl_admission_take(&client->locked.admission, now_ms);

        rest_locked(job, now_ms + wait);
        if (!moved && transfer->locked.strike_at == now_ms) {
            transfer->locked.hold_until = now_ms + wait;
        }
    }
    ossdl_transfer_notice_locked(transfer);
}

/* Each thread may find its kept connections dead; more than that is no
 * accident any more. */
static void retry_stale_locked(struct ossdl_job *job,
                               struct ossdl_report *report)
{
    struct ossdl_transfer *transfer = job->transfer;

    retry_locked(job, report,
                 transfer->locked.stale++ < 2 * transfer->job_count);
}

static void refresh_locked(struct ossdl_job *job, struct ossdl_report *report,
                           const struct ossdl_credentials *used)
{
    struct ossdl_client *client = job->transfer->client;

    if (job->transfer->locked.ending) {
        return;
    }
    if (!client->refreshable) {
        ossdl_transfer_fail_locked(job->transfer, &report->error);
        return;
    }
    /* Until there are others, no request is made: see schedule.c. */
    if (used == client->locked.credentials &&
        !client->locked.credentials_denied) {
        client->locked.credentials_denied = true;
        if (client->locked.credentials_refused++ >= CREDENTIALS_REFUSED_MOST) {
            /* The next transfer asks the provider again. */
            client->locked.credentials_refused = 0;
            ossdl_transfer_fail_locked(job->transfer, &report->error);
            return;
        }
    }
    retry_locked(job, report, true);
}

/* An answer that was asked for before they were refused says nothing. */
static void accept_credentials_locked(struct ossdl_client *client,
                                      const struct ossdl_credentials *used)
{
    if (used == client->locked.credentials &&
        !client->locked.credentials_denied) {
        client->locked.credentials_refused = 0;
    }
}

static void fix_clock_locked(struct ossdl_job *job, struct ossdl_report *report)
{
    struct ossdl_transfer *transfer = job->transfer;

    if (job->clock_offset_s != transfer->client->locked.clock_offset_s) {
        retry_locked(job, report, true); /* a sister has set it meanwhile */
        return;
    }
    if (report->server_date == 0 ||
        transfer->locked.clock_fixes >= CLOCK_FIXES_MOST) {
        ossdl_transfer_fail_locked(transfer, &report->error);
        return;
    }
    transfer->locked.clock_fixes++;
    transfer->client->locked.clock_offset_s =
        report->server_date - ossdl_wall_seconds();
    retry_locked(job, report, true);
}

static void reopen_locked(struct ossdl_transfer *transfer, const char *reason)
{
    transfer->locked.fresh = true;
    transfer->locked.published = false;
    transfer->locked.reopening = true;
    transfer->locked.finishing = false;
    ossdl_transfer_restarted_locked(transfer, reason);
    ossdl_transfer_stop_jobs_locked(transfer);
}

static void changed_locked(struct ossdl_transfer *transfer,
                           struct ossdl_report *report)
{
    if (!transfer->options.restart_on_change ||
        transfer->locked.restarts >= RESTARTS_MOST) {
        ossdl_transfer_fail_locked(transfer, &report->error);
        return;
    }
    /* Sister connections tell the same, and have nothing to add. */
    if (!transfer->locked.reopening) {
        transfer->locked.restarts++;
        reopen_locked(transfer, "the object changed during the download");
    }
}

static void failed_locked(struct ossdl_job *job, struct ossdl_report *report,
                          const struct ossdl_credentials *used)
{
    switch (report->verdict.action) {
    case OSSDL_ACTION_RETRY_NOW:
        retry_stale_locked(job, report);
        break;
    case OSSDL_ACTION_RETRY:
        retry_locked(job, report, false);
        break;
    case OSSDL_ACTION_REFRESH:
        refresh_locked(job, report, used);
        break;
    case OSSDL_ACTION_CLOCK:
        fix_clock_locked(job, report);
        break;
    case OSSDL_ACTION_CHANGED:
        changed_locked(job->transfer, report);
        break;
    case OSSDL_ACTION_FATAL:
        ossdl_transfer_fail_locked(job->transfer, &report->error);
        break;
    }
}

/* --- requests ---------------------------------------------------------- */

/* Without ranges there is no going on in the middle. */
static void give_back_all_locked(struct ossdl_transfer *transfer)
{
    ossdl_extents_clear(&transfer->locked.extents);
    ossdl_ranges_reset_to(&transfer->locked.missing, 0,
                          transfer->file.identity.size);
}

/* What was not received is missing again. Room for it was reserved. */
static void give_back_locked(struct ossdl_job *job)
{
    struct ossdl_transfer *transfer = job->transfer;
    uint64_t position = atomic_load(&job->position);

    if (!transfer->locked.published || position >= job->locked.end) {
        return;
    }
    if (transfer->file.single) {
        give_back_all_locked(transfer);
    } else if (ossdl_ranges_add(&transfer->locked.missing, position,
                                job->locked.end) != OSSDL_OK) {
        ossdl_transfer_out_of_memory_locked(transfer);
    }
}

/* What a connection brings, for judging the last one when no sister runs. */
static void note_rate_locked(const struct ossdl_job *job)
{
    struct ossdl_transfer *transfer = job->transfer;
    uint64_t bytes = atomic_load(&job->position) - job->start;
    int64_t elapsed = ossdl_now_ms() - job->started_at;
    uint64_t rate = bytes * 1000 / (uint64_t) (elapsed > 0 ? elapsed : 1);
    uint64_t before = transfer->locked.typical_rate;

    transfer->locked.typical_rate =
        before == 0 ? rate : (3 * before + rate) / 4;
}

/* It holds no file: others may be opened in its place meanwhile. */
static void park_locked(struct ossdl_transfer *transfer)
{
    if (!transfer->locked.parked) {
        transfer->locked.parked = true;
        transfer->client->locked.parked++;
    }
}

static void settle_request_locked(struct ossdl_job *job,
                                  struct ossdl_report *report,
                                  const struct ossdl_credentials *used)
{
    struct ossdl_transfer *transfer = job->transfer;

    transfer->locked.fetching--;
    transfer->locked.requests += report->requested;
    give_back_locked(job);
    if (report->throttled) {
        ossdl_plateau_throttled(&transfer->locked.plateau, ossdl_now_ms());
    }
    switch (report->kind) {
    case OSSDL_REPORT_FAILED:
        failed_locked(job, report, used);
        break;
    case OSSDL_REPORT_REOPEN:
        reopen_locked(transfer, report->error.message);
        break;
    case OSSDL_REPORT_RANGELESS:
        break;
    case OSSDL_REPORT_BUSY:
        rest_locked(job, ossdl_now_ms() + BUSY_REST_MS);
        park_locked(transfer);
        break;
    case OSSDL_REPORT_OK:
        note_rate_locked(job);
        accept_credentials_locked(transfer->client, used);
        break;
    default:
        break;
    }
    ossdl_schedule_hasten_locked(transfer);
}

/* --- reading back and healing ------------------------------------------ */

/* Everything on disk is read again; `extents` becomes what is to be read. */
static void reverify_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_extents empty = transfer->locked.unverified;

    ossdl_extents_clear(&empty);
    empty.grain = transfer->locked.extents.grain;
    transfer->locked.unverified = transfer->locked.extents;
    transfer->locked.extents = empty;
    transfer->locked.verify_failures = 0;
    transfer->locked.finishing = false;
    transfer->locked.unread = false;
    if (ossdl_extents_missing(&transfer->locked.unverified,
                              transfer->file.identity.size,
                              &transfer->locked.missing) != OSSDL_OK) {
        ossdl_transfer_out_of_memory_locked(transfer);
        return;
    }
    ossdl_schedule_publish_locked(transfer);
}

static void mismatch_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_error error;

    if (transfer->locked.heals++ == 0) {
        transfer->locked.disputed = true;
        reverify_locked(transfer);
        return;
    }
    ossdl_error_set(&error, OSSDL_ECHECKSUM, "crc64",
                    "oss://%s/%s came twice with a CRC-64 that is not the one "
                    "the service tells; nothing was kept. Look for a proxy or "
                    "memory that changes data, and try again",
                    transfer->options.bucket.ptr, transfer->options.object.ptr);
    error.retryable = true;
    ossdl_transfer_fail_locked(transfer, &error);
}

static void suspect_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_error error;

    if (transfer->locked.touches++ < TOUCHES_MOST) {
        if (transfer->locked.touches > 1) {
            transfer->locked.verify_after = ossdl_now_ms() + TOUCHED_REST_MS;
        }
        reverify_locked(transfer);
        return;
    }
    if (transfer->locked.verify_failures > 0) {
        ossdl_error_set(&error, OSSDL_EIO, "unreadable",
                        "%s does not read back what was written to it: check "
                        "the disk and the kernel's log, or download to "
                        "another disk",
                        transfer->part_path);
    } else {
        ossdl_error_set(&error, OSSDL_EIO, "touched",
                        "%s is opened by another program again and again: "
                        "find it (lsof) and keep it away while the download "
                        "runs",
                        transfer->part_path);
    }
    error.retryable = true;
    ossdl_transfer_fail_locked(transfer, &error);
}

/* The disk has what was received, so it was received wrong: all again. */
static void refetch_locked(struct ossdl_transfer *transfer)
{
    transfer->locked.heals++;
    transfer->locked.sound = false;
    ossdl_extents_clear(&transfer->locked.extents);
    ossdl_ranges_reset_to(&transfer->locked.missing, 0,
                          transfer->file.identity.size);
}

static void verified_locked(struct ossdl_transfer *transfer)
{
    ossdl_extents_clear(&transfer->locked.unverified);
    transfer->locked.verify_next = 0;
    transfer->locked.sound =
        !transfer->locked.resuming && transfer->locked.verify_failures == 0;
    if (transfer->locked.resuming) {
        transfer->locked.resuming = false;
        if (transfer->locked.resumed_bytes == 0) {
            ossdl_transfer_restarted_locked(
                transfer,
                "the partial file does not hold what the checkpoint says");
        }
    } else if (transfer->locked.disputed &&
               transfer->locked.verify_failures == 0) {
        refetch_locked(transfer);
    }
    transfer->locked.disputed = false;
    ossdl_transfer_set_state_locked(transfer, OSSDL_STATE_RUNNING);
}

static void settle_verify_locked(struct ossdl_job *job,
                                 struct ossdl_report *report)
{
    struct ossdl_transfer *transfer = job->transfer;

    transfer->locked.verifying--;
    if (report->kind == OSSDL_REPORT_FAILED) {
        ossdl_transfer_fail_locked(transfer, &report->error);
    }
    if (transfer->locked.verifying == 0 &&
        transfer->locked.verify_next >=
            ossdl_extents_count(&transfer->locked.unverified) &&
        transfer->locked.published && !transfer->locked.ending) {
        verified_locked(transfer);
    }
    ossdl_schedule_hasten_locked(transfer);
}

/* --- the end ----------------------------------------------------------- */

static void fill_result_locked(struct ossdl_transfer *transfer)
{
    const struct ossdl_identity *identity = &transfer->file.identity;
    struct ossdl_result *result = &transfer->locked.result;

    result->bytes = identity->size;
    memcpy(result->etag, identity->etag, sizeof result->etag);
    memcpy(result->version_id, identity->version_id, sizeof result->version_id);
    ossdl_extents_whole(&transfer->locked.extents, identity->size,
                        &result->crc64);
    result->verified = identity->has_crc64 &&
                       identity->crc64 == result->crc64 &&
                       !transfer->locked.unread;
    result->resumed = transfer->locked.resumed_bytes;
    memcpy(result->restarted, transfer->locked.restarted,
           sizeof result->restarted);
    result->requests = transfer->locked.requests;
    result->retries = transfer->locked.retries;
    result->elapsed_ms = transfer->locked.ended_at - transfer->started_at;
}

static void finish_locked(struct ossdl_transfer *transfer,
                          enum ossdl_state state)
{
    struct ossdl_client *client = transfer->client;

    transfer->locked.ended_at = ossdl_now_ms();
    if (state == OSSDL_STATE_DONE) {
        fill_result_locked(transfer);
    }
    ossdl_schedule_unpark_locked(transfer);
    ossdl_queue_remove(transfer->locked.state == OSSDL_STATE_QUEUED
                           ? &client->locked.waiting
                           : &client->locked.active,
                       transfer);
    ossdl_transfer_set_state_locked(transfer, state);
    if (client->locked.closing) {
        ossdl_cond_wake_all(&client->work);
        ossdl_cond_wake_all(&client->ends);
    }
    if (transfer->locked.abandoned) {
        ossdl_transfer_free(transfer);
    }
}

static void settle_commit_locked(struct ossdl_transfer *transfer,
                                 struct ossdl_report *report)
{
    switch (report->kind) {
    case OSSDL_REPORT_OK:
        /* A cancel that comes after the rename comes too late. */
        finish_locked(transfer, OSSDL_STATE_DONE);
        break;
    case OSSDL_REPORT_MISMATCH:
        mismatch_locked(transfer);
        break;
    case OSSDL_REPORT_SUSPECT:
        suspect_locked(transfer);
        break;
    default:
        ossdl_transfer_fail_locked(transfer, &report->error);
        break;
    }
}

static void settle_end_locked(struct ossdl_transfer *transfer)
{
    enum ossdl_status status = transfer->locked.error.status;
    bool cancelled = status == OSSDL_ECANCELLED || status == OSSDL_ECLOSED;

    finish_locked(transfer,
                  cancelled ? OSSDL_STATE_CANCELLED : OSSDL_STATE_FAILED);
}

void ossdl_settle_unopened_locked(struct ossdl_transfer *transfer)
{
    settle_end_locked(transfer);
}

void ossdl_settle_locked(struct ossdl_worker *worker, struct ossdl_job *job)
{
    struct ossdl_client *client = worker->client;
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_report *report = &worker->report;
    struct ossdl_credentials *used = job->credentials;

    assert(ossdl_lock_held(&client->lock));
    transfer->locked.running--;
    job->locked.state =
        job->locked.rest_until > 0 ? OSSDL_JOB_RESTING : OSSDL_JOB_IDLE;
    job->locked.worker = NULL;
    job->credentials = NULL;
    /* It looks for work next: the closer is not needed for what is due. */
    client->locked.idle_count++;
    switch (job->kind) {
    case OSSDL_JOB_OPEN:
    case OSSDL_JOB_FETCH:
        settle_request_locked(job, report, used);
        break;
    case OSSDL_JOB_VERIFY:
        settle_verify_locked(job, report);
        break;
    case OSSDL_JOB_COMMIT:
        settle_commit_locked(transfer, report);
        break;
    case OSSDL_JOB_END:
        settle_end_locked(transfer);
        break;
    }
    client->locked.idle_count--;
    ossdl_credentials_release(used);
}
