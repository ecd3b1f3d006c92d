#include "verify.h"

#include "crc64.h"

/* Reads are as large as a block, and so is the step at which we may stop. */
static enum ossdl_status read_back(struct ossdl_worker *worker,
                                   struct ossdl_job *job,
                                   struct ossdl_extent extent, bool *out_good)
{
    uint64_t crc64 = 0;
    uint64_t at = extent.start;

    *out_good = false;
    while (at < extent.end) {
        size_t skew = (size_t) (at % OSSDL_SINK_BLOCK_BYTES);
        size_t len = worker->buffer_bytes - skew;
        size_t got = 0;
        enum ossdl_status status;

        if (atomic_load(&job->stop)) {
            return OSSDL_ECANCELLED;
        }
        if (len > extent.end - at) {
            len = (size_t) (extent.end - at);
        }
        status =
            ossdl_sink_read(job->transfer->file.sink, at, worker->buffer + skew,
                            len, &got, &worker->report.error);
        if (status != OSSDL_OK || got < len) {
            return status;
        }
        crc64 = ossdl_crc64(crc64, worker->buffer + skew, len);
        at += len;
    }
    *out_good = crc64 == extent.crc64;
    return OSSDL_OK;
}

static enum ossdl_status note_locked(struct ossdl_transfer *transfer,
                                     struct ossdl_extent extent, bool good)
{
    if (!good) {
        transfer->locked.verify_failures++;
        return ossdl_ranges_add(&transfer->locked.missing, extent.start,
                                extent.end);
    }
    if (transfer->locked.resuming) {
        transfer->locked.resumed_bytes += extent.end - extent.start;
    }
    return ossdl_extents_add(&transfer->locked.extents, extent);
}

/* The list does not change while VERIFY jobs run, only the lock is needed. */
static struct ossdl_extent extent_at(struct ossdl_transfer *transfer,
                                     uint64_t index)
{
    struct ossdl_extent extent;

    ossdl_lock_take(&transfer->client->lock);
    extent = ossdl_extents_at(&transfer->locked.unverified, (size_t) index);
    ossdl_lock_drop(&transfer->client->lock);
    return extent;
}

static enum ossdl_status verify_one(struct ossdl_worker *worker,
                                    struct ossdl_job *job, uint64_t index)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_extent extent = extent_at(transfer, index);
    bool good;
    enum ossdl_status status = read_back(worker, job, extent, &good);

    /* A disk that cannot read a block back does not have it: EIO is a reason
     * to fetch it again, not to give up. */
    if (status == OSSDL_ECANCELLED) {
        return status;
    }
    ossdl_lock_take(&transfer->client->lock);
    status = note_locked(transfer, extent, status == OSSDL_OK && good);
    ossdl_transfer_tick_locked(transfer, ossdl_now_ms());
    ossdl_lock_drop(&transfer->client->lock);
    return status == OSSDL_OK ? OSSDL_OK
                              : ossdl_error_memory(&worker->report.error);
}

void ossdl_verify_run(struct ossdl_worker *worker, struct ossdl_job *job)
{
    uint64_t end = job->asked_end;
    enum ossdl_status status =
        ossdl_worker_buffer(worker, job->block_bytes, &worker->report.error);

    for (uint64_t i = job->start; status == OSSDL_OK && i < end; i++) {
        status = verify_one(worker, job, i);
    }
    if (status == OSSDL_ECANCELLED) {
        worker->report.kind = OSSDL_REPORT_STOPPED;
    } else if (status != OSSDL_OK) {
        worker->report.kind = OSSDL_REPORT_FAILED;
        worker->report.verdict = ossdl_classify_status(status);
    }
}
