/*
 * transfer.h - one download: what it is, what it knows, where it stands
 *
 * Threads: see the groups of fields. Memory: freed when its handle is given
 *          back and it is done, whichever comes last.
 * Errors:  the first fatal one is kept and ends it.
 *
 *   queued -> opening -> verifying -> running -> committing -> done
 *      |         |           |           |           |
 *      +---------+-----------+-----------+-----------+-> failed | cancelled
 *
 * Verifying and running overlap: what is known to be missing is fetched while
 * older extents are read back. From committing it goes back to verifying when
 * the CRC-64 does not match or somebody else has opened the file. A transfer
 * that is to end takes no new jobs, waits for those that run, closes its
 * files, and only then shows its last state.
 */
#ifndef OSSDL_CORE_TRANSFER_H
#define OSSDL_CORE_TRANSFER_H

#include "client.h"
#include "extents.h"
#include "identity.h"
#include "job.h"
#include "journal.h"
#include "notify.h"
#include "ossdl.h"
#include "plateau.h"
#include "ranges.h"
#include "sink.h"

OSSDL_BEGIN_DECLS

struct ossdl_transfer {
    /* Fixed by ossdl_transfer_start(); any thread may read. */
    struct ossdl_client *client; /* a reference while the handle is held */
    struct ossdl_transfer_options options; /* its pointers are ours */
    struct ossdl_pairs headers; /* the same for every request, unsigned */
    struct ossdl_pairs query;
    char *url;
    char *part_path;
    struct ossdl_job *jobs;
    unsigned job_count;
    int64_t started_at;
    struct ossdl_notify notify;

    /* Owned by the OPEN job; read by the others, which begin after it has
     * published (ossdl_schedule_publish_locked()). */
    struct {
        struct ossdl_sink *sink;
        struct ossdl_journal *journal; /* NULL: no checkpoint */
        bool journaling;               /* records are to be appended */
        struct ossdl_identity identity;
        bool rangeless; /* ask without a Range: see opening.c */
        bool single;    /* the server ignores ranges: one request for all */
        int watch;      /* of the data file, see watch.h; -1: none */
        int64_t suspected_at; /* ns of the wall clock: the COMMIT job had it */
        int64_t changed_at;   /* read back; and its time of change then */
    } file;

    /* Guarded by the client's lock. */
    struct {
        struct ossdl_transfer *next;
        struct ossdl_transfer *previous;
        enum ossdl_state state;
        unsigned waiters; /* for its end */
        bool published;   /* the identity is known */
        bool fresh;       /* do not believe the checkpoint */
        bool ending;      /* wind down; `error` says why */
        bool reopening;   /* start over once no job runs */
        bool ended;       /* the END job has been given out */
        bool abandoned;   /* nobody holds the handle */
        bool parked;      /* somebody else holds the target: it waits */
        bool finishing;   /* the COMMIT job has been given out */
        unsigned running; /* jobs at workers */
        unsigned fetching;
        struct ossdl_ranges missing; /* not on disk, and nobody is at it */
        struct ossdl_extents extents;
        struct ossdl_extents unverified; /* to be read back */
        size_t verify_next;              /* index into it */
        unsigned verifying;              /* jobs at it */
        int64_t verify_after;            /* ms; not before */
        bool sound; /* read back whole, and all of it was as it should be */
        unsigned verify_failures;
        bool resuming; /* what is verified counts as resumed */
        bool unread;   /* a part of it is believed as the checkpoint has it */
        unsigned heals;
        bool disputed;    /* it is read back because its CRC-64 is wrong */
        unsigned touches; /* times it was read back for being touched */
        unsigned restarts;
        unsigned strikes;  /* failures in a row without progress */
        unsigned nonsense; /* of them, the last in a row that were nonsense */
        unsigned stale;    /* kept connections found dead, in a row */
        unsigned round;    /* of failures; a job knows in which it began */
        int64_t strike_at;
        uint64_t strike_received; /* bytes in hand at the last one */
        int64_t hold_until;  /* ms; after a strike, no request before that */
        int64_t quiet_until; /* ms; the service asked for no request before */
        unsigned clock_fixes;
        unsigned wholes; /* answers without a range to the opening request */
        unsigned reliefs;
        uint64_t typical_rate; /* bytes/s of finished requests, smoothed */
        struct ossdl_plateau plateau; /* for threads = "auto" */
        int64_t watched_at;           /* last look at the connections */
        int64_t noticed_at;           /* last progress tick */
        uint64_t resumed_bytes;
        uint64_t high_water; /* of the progress shown */
        uint64_t requests;
        uint64_t retries;
        int64_t ended_at;
        char restarted[160];
        struct ossdl_error error;
        struct ossdl_error last_error;
        struct ossdl_result result;
    } locked;

    /* Written by workers, read by anyone; bytes of this run in hand. */
    atomic_uint_fast64_t received;
};

/* Makes the descriptor readable: a state changed. */
void ossdl_transfer_notice_locked(struct ossdl_transfer *transfer);
void ossdl_transfer_set_state_locked(struct ossdl_transfer *transfer,
                                     enum ossdl_state state);
/* A progress tick, if the last one is long enough ago. */
void ossdl_transfer_tick_locked(struct ossdl_transfer *transfer,
                                int64_t now_ms);
/* Ends it with this error unless it is ending already; stops its jobs. */
void ossdl_transfer_fail_locked(struct ossdl_transfer *transfer,
                                const struct ossdl_error *why);
/* The same for want of memory. */
void ossdl_transfer_out_of_memory_locked(struct ossdl_transfer *transfer);
void ossdl_transfer_cancel_locked(struct ossdl_transfer *transfer,
                                  enum ossdl_status why);
/* Asks every running job to leave. */
void ossdl_transfer_stop_jobs_locked(struct ossdl_transfer *transfer);
/* Makes every running job look around: a limit changed. */
void ossdl_transfer_wake_jobs_locked(struct ossdl_transfer *transfer);
/* Notes why earlier progress does not count; the first reason stays. */
void ossdl_transfer_restarted_locked(struct ossdl_transfer *transfer,
                                     const char *reason);
/* Bytes on disk or in hand. */
uint64_t ossdl_transfer_progress_locked(struct ossdl_transfer *transfer);
/* Frees it; no job runs, nobody holds it. */
void ossdl_transfer_free(struct ossdl_transfer *transfer);

OSSDL_END_DECLS

#endif
