#include "commit.h"

#include "lock.h"
#include "watch.h"

#define SECOND_NS ((int64_t) 1000000000)

static bool whole(struct ossdl_transfer *transfer, uint64_t *out_crc64)
{
    bool is_whole;

    ossdl_lock_take(&transfer->client->lock);
    is_whole = ossdl_extents_whole(&transfer->locked.extents,
                                   transfer->file.identity.size, out_crc64);
    ossdl_lock_drop(&transfer->client->lock);
    return is_whole;
}

static bool matches(const struct ossdl_identity *identity, uint64_t crc64)
{
    return !identity->has_crc64 || identity->symlink ||
           identity->crc64 == crc64;
}

/*
 * Somebody may open it again and again, only to look. Has nobody written to it
 * since the last read-back began? File times are not exact to less than a
 * moment, so it must have been left alone for a second before that.
 */
static bool left_alone(struct ossdl_transfer *transfer)
{
    int64_t changed_at = ossdl_sink_changed_at(transfer->file.sink);
    bool alone = transfer->file.suspected_at > 0 && changed_at > 0 &&
                 changed_at == transfer->file.changed_at &&
                 changed_at + SECOND_NS < transfer->file.suspected_at;

    transfer->file.changed_at = changed_at;
    transfer->file.suspected_at = ossdl_wall_seconds() * SECOND_NS;
    return alone;
}

/* Has it been read back since somebody else could last write to it? */
static bool is_suspect(struct ossdl_transfer *transfer)
{
    bool first;
    bool unread;

    ossdl_lock_take(&transfer->client->lock);
    first = transfer->locked.touches == 0;
    unread = transfer->options.read_back && !transfer->locked.sound;
    ossdl_lock_drop(&transfer->client->lock);
    if (ossdl_watch_opened(transfer->file.watch)) {
        return !left_alone(transfer);
    }
    return unread || (first && ossdl_sink_has_holes(transfer->file.sink));
}

static void close_files(struct ossdl_transfer *transfer)
{
    ossdl_watch_remove(transfer->file.watch);
    transfer->file.watch = -1;
    ossdl_sink_close(transfer->file.sink);
    transfer->file.sink = NULL;
    ossdl_journal_close(transfer->file.journal);
    transfer->file.journal = NULL;
}

void ossdl_commit_run(struct ossdl_worker *worker, struct ossdl_job *job)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_report *report = &worker->report;
    struct ossdl_error ignored;
    uint64_t crc64 = 0;
    enum ossdl_status status;

    if (atomic_load(&job->stop)) {
        report->kind = OSSDL_REPORT_STOPPED;
        return;
    }
    if (!whole(transfer, &crc64) || is_suspect(transfer)) {
        report->kind = OSSDL_REPORT_SUSPECT;
        return;
    }
    if (!matches(&transfer->file.identity, crc64)) {
        report->kind = OSSDL_REPORT_MISMATCH;
        return;
    }
    status = ossdl_sink_commit(transfer->file.sink, transfer->options.file,
                               transfer->options.durable, &report->error);
    if (ossdl_sink_committed(transfer->file.sink) && transfer->file.journal) {
        /* The file is there. A checkpoint that cannot be removed is out of
         * place, but does no harm: it is never believed unread. */
        (void) !ossdl_journal_remove(transfer->file.journal, &ignored);
    }
    if (status != OSSDL_OK) {
        report->kind = OSSDL_REPORT_FAILED;
        report->verdict = ossdl_classify_status(status);
        return;
    }
    close_files(transfer);
}

/* What was begun and holds nothing need not lie about. */
static bool nothing_landed_locked(const struct ossdl_transfer *transfer)
{
    return ossdl_extents_count(&transfer->locked.extents) == 0 &&
           ossdl_extents_count(&transfer->locked.unverified) == 0;
}

void ossdl_commit_abandon(struct ossdl_worker *worker, struct ossdl_job *job)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_journal *journal = transfer->file.journal;
    struct ossdl_error ignored;
    bool published;
    bool worthless;
    bool resumable;

    (void) worker;
    ossdl_lock_take(&transfer->client->lock);
    published = transfer->locked.published;
    worthless =
        transfer->locked.error.status == OSSDL_ECHECKSUM ||
        (transfer->file.sink && ossdl_sink_doubtful(transfer->file.sink)) ||
        (published && nothing_landed_locked(transfer));
    resumable =
        !worthless && journal &&
        !(transfer->file.sink && ossdl_sink_committed(transfer->file.sink)) &&
        (transfer->file.journaling || ossdl_journal_loaded(journal));
    transfer->locked.error.resumable = resumable;
    ossdl_lock_drop(&transfer->client->lock);
    if (worthless && journal) {
        (void) !ossdl_journal_remove(journal, &ignored);
    }
    if (transfer->file.sink &&
        (worthless || (published && !transfer->file.journaling))) {
        ossdl_sink_discard(transfer->file.sink);
    }
    close_files(transfer);
}
