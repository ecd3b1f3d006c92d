#include "opening.h"

#include "fetch.h"
#include "file.h"
#include "plan.h"
#include "schedule.h"
#include "watch.h"

#include <string.h>

static void fail(struct ossdl_worker *worker, enum ossdl_status status)
{
    worker->report.kind = OSSDL_REPORT_FAILED;
    worker->report.verdict = ossdl_classify_status(status);
    /* Whoever holds the target now will let it go. */
    worker->report.error.retryable =
        worker->report.verdict.retryable || status == OSSDL_EBUSY;
}

/* --- files ------------------------------------------------------------- */

/* Beside the target what is damaged is ours, and is written anew. */
static bool is_beside(const struct ossdl_transfer_options *options)
{
    size_t len = strlen(options->file);

    return strncmp(options->checkpoint, options->file, len) == 0 &&
           strcmp(options->checkpoint + len, ".cp") == 0;
}

static enum ossdl_status open_journal(struct ossdl_transfer *transfer,
                                      struct ossdl_error *err)
{
    const struct ossdl_transfer_options *options = &transfer->options;
    enum ossdl_status status;

    if (!options->checkpoint) {
        return OSSDL_OK;
    }
    status = ossdl_journal_open(options->checkpoint, options->bucket,
                                options->object, &transfer->file.journal, err);
    if (status == OSSDL_OK && !is_beside(options) &&
        ossdl_journal_foreign(transfer->file.journal)) {
        ossdl_journal_close(transfer->file.journal);
        transfer->file.journal = NULL;
        status = ossdl_error_set(err, OSSDL_ECHECKPOINT, "NoCheckpoint",
                                 "%s is not a checkpoint, and is left as it "
                                 "is: remove it, or choose another path",
                                 options->checkpoint);
    }
    return status;
}

/* They stay open, and locked, until the transfer ends. */
static enum ossdl_status open_files(struct ossdl_transfer *transfer,
                                    struct ossdl_error *err)
{
    enum ossdl_status status;

    if (transfer->file.sink) {
        return OSSDL_OK;
    }
    status = ossdl_file_check_target(transfer->options.file, err);
    if (status == OSSDL_OK) {
        status =
            ossdl_sink_open(transfer->part_path, &transfer->file.sink, err);
    }
    if (status == OSSDL_OK) {
        status = open_journal(transfer, err);
        if (status != OSSDL_OK) {
            ossdl_sink_close(transfer->file.sink);
            transfer->file.sink = NULL;
        }
    }
    return status;
}

static bool is_fresh(struct ossdl_transfer *transfer)
{
    bool fresh;

    ossdl_lock_take(&transfer->client->lock);
    fresh = transfer->locked.fresh;
    ossdl_lock_drop(&transfer->client->lock);
    return fresh;
}

/* What an earlier run may have left, to be believed only once checked. */
static enum ossdl_status load_extents(struct ossdl_transfer *transfer,
                                      struct ossdl_extents *known,
                                      struct ossdl_error *err)
{
    struct ossdl_journal *journal = transfer->file.journal;

    ossdl_extents_init(known, 0);
    if (!journal || !ossdl_journal_loaded(journal) || is_fresh(transfer)) {
        return OSSDL_OK;
    }
    known->grain = ossdl_plan_grain(ossdl_journal_identity(journal)->size);
    return ossdl_journal_extents(journal, known, err);
}

/*
 * The first bytes that are missing; the last byte again when none are, to
 * learn whether the object is still the same.
 */
static enum ossdl_status plan_range(struct ossdl_transfer *transfer,
                                    const struct ossdl_extents *known,
                                    struct ossdl_job *job)
{
    uint64_t length = transfer->options.part_size > 0
                          ? transfer->options.part_size
                          : OSSDL_FIRST_REQUEST_BYTES;
    uint64_t size;
    struct ossdl_ranges missing;
    struct ossdl_range first;
    enum ossdl_status status;

    job->start = 0;
    job->asked_end = length;
    if (ossdl_extents_count(known) == 0) {
        return OSSDL_OK;
    }
    size = ossdl_journal_identity(transfer->file.journal)->size;
    ossdl_ranges_init(&missing);
    status = ossdl_extents_missing(known, size, &missing);
    if (status == OSSDL_OK) {
        if (ossdl_ranges_first(&missing, &first)) {
            job->start = first.start;
            job->asked_end = first.end - first.start < length
                                 ? first.end
                                 : first.start + length;
        } else {
            job->start = size - 1;
            job->asked_end = size;
        }
    }
    ossdl_ranges_cleanup(&missing);
    return status;
}

/* --- the answer -------------------------------------------------------- */

/* Is what the checkpoint says about this very object? */
static bool can_resume(struct ossdl_transfer *transfer,
                       const struct ossdl_identity *identity)
{
    const struct ossdl_journal *journal = transfer->file.journal;

    return journal && ossdl_journal_loaded(journal) && !is_fresh(transfer) &&
           ossdl_identity_same(ossdl_journal_identity(journal), identity);
}

/* To be called before the files are readied, which forgets the reason. */
static void note_restart(struct ossdl_transfer *transfer)
{
    const struct ossdl_journal *journal = transfer->file.journal;
    const char *reason = NULL;

    if (journal) {
        reason = ossdl_journal_loaded(journal)
                     ? "the object has changed since the checkpoint was written"
                     : ossdl_journal_reason(journal);
    }
    if (reason) {
        ossdl_lock_take(&transfer->client->lock);
        ossdl_transfer_restarted_locked(transfer, reason);
        ossdl_lock_drop(&transfer->client->lock);
    }
}

static enum ossdl_status prepare_files(struct ossdl_transfer *transfer,
                                       bool resume, struct ossdl_error *err)
{
    const struct ossdl_identity *identity = &transfer->file.identity;
    bool small = identity->size <= OSSDL_FIRST_REQUEST_BYTES;
    bool wanted = transfer->file.journal && (resume || !small);
    enum ossdl_status status;

    status = ossdl_sink_prepare(transfer->file.sink, identity->size,
                                transfer->options.direct, !resume, err);
    if (status == OSSDL_OK && wanted && !resume) {
        status = ossdl_journal_begin(transfer->file.journal, identity, err);
    }
    transfer->file.journaling = status == OSSDL_OK && wanted;
    if (status == OSSDL_OK && !small) {
        ossdl_watch_remove(transfer->file.watch);
        transfer->file.watch = ossdl_watch_add(transfer->part_path);
    }
    return status;
}

/* The journal may be trusted unread only while its file has its length. */
static bool must_verify(const struct ossdl_transfer *transfer,
                        uint64_t size_found)
{
    return transfer->options.verify_resume ||
           size_found != transfer->file.identity.size;
}

static enum ossdl_status fill_sets_locked(struct ossdl_transfer *transfer,
                                          bool resume, bool verify)
{
    struct ossdl_extents *known = &transfer->locked.unverified;
    uint64_t size = transfer->file.identity.size;
    enum ossdl_status status;

    ossdl_extents_cleanup(&transfer->locked.extents);
    ossdl_extents_init(&transfer->locked.extents, ossdl_plan_grain(size));
    transfer->locked.unread = false;
    transfer->locked.sound = false;
    transfer->locked.resuming =
        resume && verify && ossdl_extents_count(known) > 0;
    if (!resume) {
        ossdl_extents_clear(known);
        ossdl_ranges_reset_to(&transfer->locked.missing, 0, size);
        return OSSDL_OK;
    }
    status = ossdl_extents_missing(known, size, &transfer->locked.missing);
    if (status == OSSDL_OK && !verify) {
        struct ossdl_extents empty = transfer->locked.extents;

        transfer->locked.resumed_bytes = ossdl_extents_total(known);
        transfer->locked.unread = transfer->locked.resumed_bytes > 0;
        transfer->locked.extents = *known;
        *known = empty;
    }
    return status;
}

/* The part of the answer's body that is of use: all, or none of it. */
static enum ossdl_status keep_range_locked(struct ossdl_job *job, bool resume,
                                           bool whole)
{
    struct ossdl_transfer *transfer = job->transfer;
    uint64_t size = transfer->file.identity.size;
    struct ossdl_ranges *missing = &transfer->locked.missing;
    uint64_t end = job->asked_end;

    if (whole || end > size) {
        end = size;
    }
    transfer->file.single = whole;
    if (whole) {
        /* All of it comes, so nothing older is of use. */
        ossdl_extents_clear(&transfer->locked.unverified);
        ossdl_extents_clear(&transfer->locked.extents);
        ossdl_ranges_reset_to(missing, 0, size);
        transfer->locked.resuming = false;
        transfer->locked.unread = false;
        transfer->locked.resumed_bytes = 0;
    }
    if ((job->start > 0 && !resume) || ossdl_ranges_empty(missing)) {
        end = job->start;
    }
    job->asked_end = end;
    job->locked.end = end;
    job->locked.claimed = job->start;
    job->locked.sample_position = job->start;
    atomic_store(&job->position, job->start);
    return ossdl_ranges_subtract(missing, job->start, end);
}

static enum ossdl_status publish(struct ossdl_job *job, bool resume,
                                 uint64_t size_found, bool whole)
{
    struct ossdl_transfer *transfer = job->transfer;
    enum ossdl_status status;

    ossdl_lock_take(&transfer->client->lock);
    status =
        fill_sets_locked(transfer, resume, must_verify(transfer, size_found));
    if (status == OSSDL_OK) {
        status = keep_range_locked(job, resume, whole);
    }
    if (status == OSSDL_OK) {
        ossdl_schedule_publish_locked(transfer);
    }
    ossdl_lock_drop(&transfer->client->lock);
    return status;
}

/*
 * No range of an empty object can be satisfied, and whether the answer then
 * tells the size is not documented. A bare 416 proves nothing, so the whole is
 * asked for: an empty object comes as a 200 without bytes.
 */
static bool must_ask_rangeless(const struct ossdl_transfer *transfer,
                               const struct ossdl_reply *reply)
{
    return reply->status == 416 && !reply->range_total_known &&
           !transfer->file.rangeless;
}

/* A single answer without the range may be a proxy's whim, and is tried again:
 * to believe it costs what is on disk. */
static bool ignores_ranges(struct ossdl_transfer *transfer)
{
    bool again;

    ossdl_lock_take(&transfer->client->lock);
    again = transfer->locked.wholes++ > 0 || transfer->options.max_retries == 0;
    ossdl_lock_drop(&transfer->client->lock);
    return again;
}

static enum ossdl_status accept_first(struct ossdl_worker *worker,
                                      struct ossdl_job *job,
                                      const struct ossdl_reply *reply)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_error *err = &worker->report.error;
    uint64_t size_found = ossdl_sink_size(transfer->file.sink);
    enum ossdl_status status;
    bool resume;

    if (job->start > 0 &&
        (reply->status == 416 ||
         (reply->status == 200 && ignores_ranges(transfer)))) {
        ossdl_error_set(err, OSSDL_ECHECKPOINT, NULL, "%s",
                        reply->status == 200
                            ? "the server ignores ranges"
                            : "the object is smaller than it was when the "
                              "checkpoint was written");
        worker->report.kind = OSSDL_REPORT_REOPEN;
        return OSSDL_ECANCELLED;
    }
    if (must_ask_rangeless(transfer, reply)) {
        transfer->file.rangeless = true;
        worker->report.kind = OSSDL_REPORT_RANGELESS;
        return OSSDL_ECANCELLED;
    }
    status = ossdl_identity_from_reply(reply, job->start,
                                       &transfer->file.identity, err);
    if (status != OSSDL_OK) {
        fail(worker, status);
        return status;
    }
    resume = can_resume(transfer, &transfer->file.identity);
    if (!resume) {
        note_restart(transfer);
    }
    status = prepare_files(transfer, resume, err);
    if (status == OSSDL_OK) {
        status = publish(job, resume, size_found, reply->status == 200);
        if (status != OSSDL_OK) {
            ossdl_error_memory(err);
        }
    }
    if (status != OSSDL_OK) {
        fail(worker, status);
        return status;
    }
    ossdl_worker_bring_another(transfer->client);
    if (job->asked_end == job->start && reply->status != 416) {
        worker->report.kind = OSSDL_REPORT_STOPPED;
        return OSSDL_ECANCELLED;
    }
    return OSSDL_OK;
}

/* Does one of our own hold the target, which only has to close its files? */
static bool is_let_go(const struct ossdl_transfer *transfer)
{
    struct ossdl_client *client = transfer->client;
    bool found = false;

    ossdl_lock_take(&client->lock);
    for (const struct ossdl_transfer *other = client->locked.active.first;
         other && !found; other = other->locked.next) {
        found = other->locked.ending &&
                strcmp(other->options.file, transfer->options.file) == 0;
    }
    ossdl_lock_drop(&client->lock);
    return found;
}

/* *out_wait: somebody else has the target, and it is right to wait for him. */
static enum ossdl_status open_or_wait(struct ossdl_transfer *transfer,
                                      bool *out_wait, struct ossdl_error *err)
{
    enum ossdl_status status = open_files(transfer, err);

    *out_wait = status == OSSDL_EBUSY &&
                (transfer->options.wait_when_busy || is_let_go(transfer));
    if (status == OSSDL_EBUSY && !*out_wait) {
        /* It may have been let go between the two looks. */
        status = open_files(transfer, err);
    }
    return status;
}

void ossdl_opening_run(struct ossdl_worker *worker, struct ossdl_job *job)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_error *err = &worker->report.error;
    struct ossdl_extents known;
    bool wait;
    enum ossdl_status status = open_or_wait(transfer, &wait, err);

    if (wait) {
        worker->report.kind = OSSDL_REPORT_BUSY;
        return;
    }
    if (status == OSSDL_OK) {
        status = load_extents(transfer, &known, err);
        if (status == OSSDL_OK) {
            status = plan_range(transfer, &known, job);
        }
        if (status != OSSDL_OK) {
            ossdl_extents_cleanup(&known);
        }
    }
    if (status != OSSDL_OK) {
        if (status == OSSDL_EMEMORY) {
            ossdl_error_memory(err);
        }
        fail(worker, status);
        return;
    }
    ossdl_lock_take(&transfer->client->lock);
    ossdl_extents_cleanup(&transfer->locked.unverified);
    transfer->locked.unverified = known;
    ossdl_lock_drop(&transfer->client->lock);
    ossdl_fetch_exchange(worker, job, accept_first);
}
