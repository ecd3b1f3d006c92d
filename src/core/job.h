/*
 * job.h - one thing for a worker to do for a transfer
 *
 * Threads: a job is handed to one worker and back; each field says who may
 *          touch it meanwhile.
 * Memory:  part of the transfer's array, never allocated alone; a running job
 *          keeps its transfer alive.
 * Errors:  in the worker's report.
 *
 * A transfer has one job per connection that it may use. A job that failed
 * rests before it is used again, so a failure slows down its own connection
 * and no other.
 */
#ifndef OSSDL_CORE_JOB_H
#define OSSDL_CORE_JOB_H

#include "classify.h"
#include "credentials.h"
#include "status.h"

#include <stdatomic.h>

OSSDL_BEGIN_DECLS

struct ossdl_transfer;
struct ossdl_worker;

enum ossdl_job_kind {
    OSSDL_JOB_OPEN,   /* files, first request, identity; then as FETCH */
    OSSDL_JOB_FETCH,  /* one ranged request */
    OSSDL_JOB_VERIFY, /* read extents back and compare */
    OSSDL_JOB_COMMIT, /* checks, sync, rename */
    OSSDL_JOB_END     /* close the files of a transfer that did not make it */
};

enum ossdl_job_state {
    OSSDL_JOB_IDLE,
    OSSDL_JOB_RUNNING,
    OSSDL_JOB_RESTING /* after a failure, until rest_until */
};

struct ossdl_job {
    /* Fixed when the transfer is made. */
    struct ossdl_transfer *transfer;

    /* Set when the job is given out, then read only. */
    enum ossdl_job_kind kind;
    struct ossdl_credentials *credentials; /* reference; NULL: anonymous */
    int64_t clock_offset_s;                /* server's clock less ours */
    int64_t started_at;                    /* ms */
    unsigned round;     /* of failures that it began in: see settle.c */
    uint64_t start;     /* of its range; for VERIFY the first index */
    uint64_t asked_end; /* as given out; the tail may be taken later */
    size_t block_bytes; /* of the worker's buffer */

    /* Guarded by the client's lock. */
    struct {
        enum ossdl_job_state state;
        int64_t rest_until;
        struct ossdl_worker *worker; /* while RUNNING */
        uint64_t end;     /* of the range; another job may take its tail */
        uint64_t claimed; /* no one may take bytes below this */
        bool relieved;    /* was judged slow and stopped for it */
        uint64_t sample_position; /* at sample_at, to measure the rate */
        int64_t sample_at;
        uint64_t rate; /* bytes per second, smoothed; 0: not known */
    } locked;

    /* Written by the worker, read by anyone. */
    atomic_uint_fast64_t position; /* first byte that has not come yet */
    /* Written by anyone, read by the worker: leave as soon as you can. */
    atomic_bool stop;
};

enum ossdl_report_kind {
    OSSDL_REPORT_OK,        /* did what it had to */
    OSSDL_REPORT_STOPPED,   /* was told to leave, or its tail was taken */
    OSSDL_REPORT_FAILED,    /* see verdict and error */
    OSSDL_REPORT_REOPEN,    /* OPEN: the checkpoint does not fit: start anew */
    OSSDL_REPORT_RANGELESS, /* OPEN: ask again, without a Range */
    OSSDL_REPORT_BUSY,      /* OPEN: the target is held and we may wait */
    OSSDL_REPORT_MISMATCH,  /* COMMIT: the CRC-64 of the object is wrong */
    OSSDL_REPORT_SUSPECT    /* COMMIT: the file may have been touched */
};

/* What a worker hands back with a job. */
struct ossdl_report {
    enum ossdl_report_kind kind;
    struct ossdl_verdict verdict;
    struct ossdl_error error;
    int64_t server_date; /* seconds since 1970, 0 unknown */
    bool requested;      /* a request was made */
    bool throttled;      /* an answer asked for fewer requests */
};

OSSDL_END_DECLS

#endif
