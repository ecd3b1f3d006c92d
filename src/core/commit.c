#include "commit.h"

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

/* Has it been read back since somebody else could last write to it? */
static bool is_suspect(struct ossdl_transfer *transfer)
{
    bool first;

    ossdl_lock_take(&transfer->client->lock);
    first = transfer->locked.touches == 0;
    ossdl_lock_drop(&transfer->client->lock);
    return (transfer->options.read_back && first) ||
           ossdl_watch_opened(transfer->client->watch, transfer->file.watch) ||
           (first && ossdl_sink_has_holes(transfer->file.sink));
}

static void close_files(struct ossdl_transfer *transfer)
{
    ossdl_watch_remove(transfer->client->watch, transfer->file.watch);
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
    if (status != OSSDL_OK) {
        report->kind = OSSDL_REPORT_FAILED;
        report->verdict = ossdl_classify_status(status);
        return;
    }
    if (transfer->file.journal) {
        /* The file is there. A checkpoint that cannot be removed is out of
         * place, but does no harm: it is never believed unread. */
        (void) !ossdl_journal_remove(transfer->file.journal, &ignored);
    }
    close_files(transfer);
}

void ossdl_commit_abandon(struct ossdl_worker *worker, struct ossdl_job *job)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_journal *journal = transfer->file.journal;
    struct ossdl_error ignored;
    bool published;
    bool poisoned;
    bool resumable;

    (void) worker;
    ossdl_lock_take(&transfer->client->lock);
    published = transfer->locked.published;
    poisoned = transfer->locked.error.status == OSSDL_ECHECKSUM;
    resumable = !poisoned && journal &&
                (transfer->file.journaling || ossdl_journal_loaded(journal));
    transfer->locked.error.resumable = resumable;
    ossdl_lock_drop(&transfer->client->lock);
    if (poisoned && journal) {
        (void) !ossdl_journal_remove(journal, &ignored);
    }
    if (transfer->file.sink &&
        (poisoned || (published && !transfer->file.journaling))) {
        ossdl_sink_discard(transfer->file.sink);
    }
    close_files(transfer);
}
