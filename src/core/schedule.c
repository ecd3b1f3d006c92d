#include "schedule.h"

#include "balance.h"
#include "plan.h"

#include <assert.h>
#include <string.h>

/* Credentials that end within this time are renewed, and those that end
 * within that are not used any more; seconds. */
#define RENEW_BEFORE_S 60
#define UNUSABLE_BEFORE_S 5

/* How many transfers are open at once, for each thread that there may be. */
#define OPEN_PER_THREAD 2
/* And how many more while others wait out a failure. */
#define OPEN_RESTING_MOST 64

/* So long may a request take while somebody waits for his first: more than a
 * part of the planned size takes, and less than one of 5 GiB. */
#define TURN_MS 5000

/* Where all connections are alike, they end within this time of each other,
 * and nothing is gained by taking from one that is about to end. */
#define STEAL_AFTER_MS 50
/* Extents per VERIFY job: enough to be worth a turn, small enough to share. */
#define VERIFY_BYTES (64 * OSSDL_MIB)

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- how many begin ---------------------------------------------------- */

/*
 * Each open transfer holds files, and needs a connection to be of use. One that
 * waits out a failure has no use for it now, and shall not keep from beginning
 * those that have; but there is an end to the files, too.
 */
static bool may_open_locked(const struct ossdl_client *client, int64_t now_ms)
{
    size_t most = (size_t) OPEN_PER_THREAD * client->max_threads;
    size_t open = client->locked.active.count - client->locked.parked;
    size_t resting = 0;

    if (client->locked.waiting.count == 0 || open >= most + OPEN_RESTING_MOST) {
        return false;
    }
    for (const struct ossdl_transfer *transfer = client->locked.active.first;
         transfer && open - resting >= most; transfer = transfer->locked.next) {
        resting += transfer->locked.running == 0 && !transfer->locked.parked &&
                   now_ms < transfer->locked.hold_until;
    }
    return open - resting < most;
}

/* The rest of it comes later: those who have not begun do not wait for it. */
void ossdl_schedule_end_turn_locked(struct ossdl_job *job, int64_t now_ms)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_client *client = transfer->client;

    if (now_ms - job->started_at >= TURN_MS && !transfer->file.single &&
        client->locked.idle_count == 0 &&
        client->locked.worker_count >= client->max_threads &&
        may_open_locked(client, now_ms) &&
        job->locked.claimed < job->locked.end &&
        ossdl_ranges_add(&transfer->locked.missing, job->locked.claimed,
                         job->locked.end) == OSSDL_OK) {
        job->locked.end = job->locked.claimed;
        client->locked.opened_last = false;
    }
}

enum ossdl_status ossdl_schedule_landed_locked(struct ossdl_job *job,
                                               struct ossdl_extent extent)
{
    struct ossdl_transfer *transfer = job->transfer;

    if (!transfer->file.single) {
        transfer->locked.strikes = 0;
        transfer->locked.nonsense = 0;
        transfer->locked.stale = 0;
    }
    return ossdl_extents_add(&transfer->locked.extents, extent);
}

/* --- credentials ------------------------------------------------------- */

/* Seconds that the client's credentials are still good. */
static int64_t credentials_left_locked(const struct ossdl_client *client)
{
    const struct ossdl_credentials *current = client->locked.credentials;
    int64_t expires_at;

    if (!current) {
        return 0;
    }
    expires_at = ossdl_credentials_expires_at(current);
    return expires_at == 0 ? INT64_MAX
                           : expires_at - ossdl_wall_seconds() -
                                 client->locked.clock_offset_s;
}

/* Is there something to sign with now? Asks for new ones in good time. */
static bool credentials_ready_locked(struct ossdl_client *client,
                                     int64_t now_ms)
{
    int64_t left;

    if (client->signature == OSSDL_SIGNATURE_NONE) {
        return true;
    }
    if (!client->refreshable) {
        return client->locked.credentials != NULL;
    }
    if (client->locked.credentials_denied) {
        ossdl_client_want_credentials_locked(client);
        return false;
    }
    left = credentials_left_locked(client);
    if (!client->locked.credentials ||
        (left < RENEW_BEFORE_S && now_ms >= client->locked.renew_at)) {
        ossdl_client_want_credentials_locked(client);
    }
    /* New ones that seem to have expired may mean that our clock is wrong: the
     * service decides, and its answer sets the clock right. */
    return left >= UNUSABLE_BEFORE_S ||
           (client->locked.credentials && !client->locked.credentials_wanted);
}

static void take_credentials_locked(struct ossdl_job *job)
{
    struct ossdl_client *client = job->transfer->client;

    job->clock_offset_s = client->locked.clock_offset_s;
    job->credentials =
        client->signature == OSSDL_SIGNATURE_NONE
            ? NULL
            : ossdl_credentials_acquire(client->locked.credentials);
}

/* --- handing out ------------------------------------------------------- */

static struct ossdl_job *free_job_locked(struct ossdl_transfer *transfer,
                                         int64_t now_ms, int64_t *wake_at)
{
    for (unsigned i = 0; i < transfer->job_count; i++) {
        struct ossdl_job *job = &transfer->jobs[i];

        if (job->locked.state == OSSDL_JOB_RESTING) {
            if (job->locked.rest_until > now_ms) {
                *wake_at = earlier(*wake_at, job->locked.rest_until);
                continue;
            }
            job->locked.state = OSSDL_JOB_IDLE;
            job->locked.rest_until = 0;
        }
        if (job->locked.state == OSSDL_JOB_IDLE) {
            return job;
        }
    }
    return NULL;
}

/* Any job will do for work that makes no request: a rest goes on meanwhile. */
static struct ossdl_job *local_job_locked(struct ossdl_transfer *transfer)
{
    for (unsigned i = 0; i < transfer->job_count; i++) {
        if (transfer->jobs[i].locked.state != OSSDL_JOB_RUNNING) {
            return &transfer->jobs[i];
        }
    }
    return NULL;
}

/* What shares the memory for blocks: all threads of a client do. */
static unsigned connections_locked(const struct ossdl_transfer *transfer)
{
    unsigned workers = transfer->client->locked.worker_count;

    return workers > transfer->job_count ? workers : transfer->job_count;
}

static struct ossdl_job *begin_locked(struct ossdl_job *job,
                                      enum ossdl_job_kind kind,
                                      struct ossdl_worker *worker,
                                      int64_t now_ms)
{
    struct ossdl_transfer *transfer = job->transfer;
    int64_t rest_until = job->locked.rest_until;

    job->kind = kind;
    job->started_at = now_ms;
    job->round = transfer->locked.round;
    job->block_bytes = ossdl_plan_buffer_bytes(connections_locked(transfer));
    memset(&job->locked, 0, sizeof job->locked);
    job->locked.rest_until = rest_until;
    job->locked.state = OSSDL_JOB_RUNNING;
    job->locked.worker = worker;
    job->locked.sample_at = now_ms;
    atomic_store(&job->stop, false);
    transfer->locked.running++;
    if (kind == OSSDL_JOB_FETCH || kind == OSSDL_JOB_OPEN) {
        transfer->locked.fetching++;
    }
    return job;
}

static void set_range(struct ossdl_job *job, uint64_t start, uint64_t end)
{
    job->start = start;
    job->asked_end = end;
    job->locked.end = end;
    job->locked.claimed = start;
    job->locked.sample_position = start;
    atomic_store(&job->position, start);
}

/* Has this worker been without work for long enough? */
static bool may_steal(const struct ossdl_worker *worker, int64_t now_ms,
                      int64_t *wake_at)
{
    int64_t since = worker->idle_since ? worker->idle_since : now_ms;

    if (now_ms - since >= STEAL_AFTER_MS) {
        return true;
    }
    *wake_at = earlier(*wake_at, since + STEAL_AFTER_MS);
    return false;
}

/* Without ranges there is nothing less to be had than all of it, by one. */
static bool take_whole_locked(struct ossdl_transfer *transfer,
                              struct ossdl_range *out)
{
    if (ossdl_ranges_empty(&transfer->locked.missing) ||
        transfer->locked.fetching > 0 || transfer->locked.verifying > 0) {
        return false;
    }
    ossdl_extents_clear(&transfer->locked.extents);
    ossdl_ranges_reset_to(&transfer->locked.missing, 0,
                          transfer->file.identity.size);
    return ossdl_ranges_take_first(&transfer->locked.missing, UINT64_MAX, out);
}

static bool take_range_locked(struct ossdl_transfer *transfer,
                              const struct ossdl_worker *worker, int64_t now_ms,
                              int64_t *wake_at, struct ossdl_range *out)
{
    uint64_t rest = ossdl_ranges_total(&transfer->locked.missing);
    uint64_t bytes;

    if (transfer->file.single) {
        return take_whole_locked(transfer, out);
    }
    if (rest == 0) {
        return may_steal(worker, now_ms, wake_at) &&
               ossdl_balance_steal_locked(transfer, out);
    }
    bytes = ossdl_plan_part_bytes(transfer->options.part_size, rest,
                                  ossdl_balance_threads_locked(transfer),
                                  ossdl_balance_rate_locked(transfer));
    return ossdl_ranges_take_first(&transfer->locked.missing, bytes, out);
}

/*
 * Nothing is asked for while the service wants to be left alone. And after a
 * failure without a byte since then, one request at a time tries
 * again, and only when its rest is over: the others would fail as it does, and
 * use up the budget before the outage has had time to end.
 */
static bool on_hold_locked(const struct ossdl_transfer *transfer,
                           int64_t now_ms, int64_t *wake_at)
{
    if (now_ms < transfer->locked.quiet_until) {
        *wake_at = earlier(*wake_at, transfer->locked.quiet_until);
        return true;
    }
    if (transfer->locked.strikes == 0 ||
        atomic_load(&transfer->received) > transfer->locked.strike_received) {
        return false;
    }
    if (transfer->locked.fetching == 0 &&
        now_ms >= transfer->locked.hold_until) {
        return false;
    }
    if (transfer->locked.fetching == 0) {
        *wake_at = earlier(*wake_at, transfer->locked.hold_until);
    }
    return true;
}

static struct ossdl_job *fetch_locked(struct ossdl_transfer *transfer,
                                      struct ossdl_worker *worker,
                                      int64_t now_ms, int64_t *wake_at)
{
    struct ossdl_job *job;
    struct ossdl_range range;

    if (transfer->locked.fetching > 0) {
        ossdl_balance_watch_locked(transfer, now_ms);
        *wake_at = earlier(*wake_at, now_ms + OSSDL_BALANCE_MS);
    } else if (ossdl_ranges_empty(&transfer->locked.missing)) {
        return NULL;
    }
    if (transfer->locked.fetching >= ossdl_balance_threads_locked(transfer) ||
        on_hold_locked(transfer, now_ms, wake_at)) {
        return NULL;
    }
    job = free_job_locked(transfer, now_ms, wake_at);
    if (!job || !credentials_ready_locked(transfer->client, now_ms)) {
        return NULL;
    }
    /* What is handed out can always be given back. */
    if (ossdl_ranges_reserve(&transfer->locked.missing,
                             transfer->job_count + 2) != OSSDL_OK) {
        ossdl_transfer_out_of_memory_locked(transfer);
    } else if (take_range_locked(transfer, worker, now_ms, wake_at, &range)) {
        begin_locked(job, OSSDL_JOB_FETCH, worker, now_ms);
        take_credentials_locked(job);
        set_range(job, range.start, range.end);
        return job;
    }
    return NULL;
}

/* Bytes of the version that is no more. */
static void forget_locked(struct ossdl_transfer *transfer)
{
    transfer->locked.reopening = false;
    ossdl_ranges_reset_to(&transfer->locked.missing, 0, 0);
    ossdl_extents_clear(&transfer->locked.extents);
    ossdl_extents_clear(&transfer->locked.unverified);
    transfer->locked.verify_next = 0;
    transfer->locked.resumed_bytes = 0;
    atomic_store(&transfer->received, 0);
    transfer->locked.strike_received = 0;
}

void ossdl_schedule_unpark_locked(struct ossdl_transfer *transfer)
{
    if (transfer->locked.parked) {
        transfer->locked.parked = false;
        transfer->client->locked.parked--;
    }
}

static struct ossdl_job *open_locked(struct ossdl_transfer *transfer,
                                     struct ossdl_worker *worker,
                                     int64_t now_ms, int64_t *wake_at)
{
    struct ossdl_job *job;

    if (transfer->locked.running > 0) {
        return NULL;
    }
    job = free_job_locked(transfer, now_ms, wake_at);
    /* One connection opens: while its job rests, all of them do. */
    if (!job || job != &transfer->jobs[0] ||
        !credentials_ready_locked(transfer->client, now_ms)) {
        return NULL;
    }
    ossdl_schedule_unpark_locked(transfer);
    if (transfer->locked.reopening) {
        forget_locked(transfer);
    }
    ossdl_transfer_set_state_locked(transfer, OSSDL_STATE_OPENING);
    begin_locked(job, OSSDL_JOB_OPEN, worker, now_ms);
    take_credentials_locked(job);
    set_range(job, 0, 0);
    return job;
}

/* A run of unverified extents: [job->start, job->asked_end) by index. */
static struct ossdl_job *verify_locked(struct ossdl_transfer *transfer,
                                       struct ossdl_worker *worker,
                                       int64_t now_ms, int64_t *wake_at)
{
    size_t count = ossdl_extents_count(&transfer->locked.unverified);
    size_t index = transfer->locked.verify_next;
    uint64_t bytes = 0;
    struct ossdl_job *job;

    if (index >= count) {
        return NULL;
    }
    if (now_ms < transfer->locked.verify_after) {
        *wake_at = earlier(*wake_at, transfer->locked.verify_after);
        return NULL;
    }
    job = local_job_locked(transfer);
    if (!job) {
        return NULL;
    }
    begin_locked(job, OSSDL_JOB_VERIFY, worker, now_ms);
    job->start = index;
    while (index < count && bytes < VERIFY_BYTES) {
        struct ossdl_extent extent =
            ossdl_extents_at(&transfer->locked.unverified, index++);

        bytes += extent.end - extent.start;
    }
    job->asked_end = index;
    transfer->locked.verify_next = index;
    transfer->locked.verifying++;
    return job;
}

static bool all_landed_locked(const struct ossdl_transfer *transfer)
{
    return transfer->locked.running == 0 &&
           ossdl_ranges_empty(&transfer->locked.missing) &&
           transfer->locked.verify_next >=
               ossdl_extents_count(&transfer->locked.unverified);
}

static bool commit_due_locked(const struct ossdl_transfer *transfer)
{
    return transfer->locked.published && !transfer->locked.ending &&
           !transfer->locked.reopening && !transfer->locked.finishing &&
           all_landed_locked(transfer);
}

static struct ossdl_job *commit_locked(struct ossdl_transfer *transfer,
                                       struct ossdl_worker *worker,
                                       int64_t now_ms)
{
    transfer->locked.finishing = true;
    ossdl_transfer_set_state_locked(transfer, OSSDL_STATE_COMMITTING);
    return begin_locked(&transfer->jobs[0], OSSDL_JOB_COMMIT, worker, now_ms);
}

static bool end_due_locked(const struct ossdl_transfer *transfer)
{
    return transfer->locked.ending && transfer->locked.running == 0 &&
           !transfer->locked.ended;
}

static struct ossdl_job *end_locked(struct ossdl_transfer *transfer,
                                    struct ossdl_worker *worker, int64_t now_ms)
{
    if (!end_due_locked(transfer)) {
        return NULL;
    }
    transfer->locked.ended = true;
    return begin_locked(&transfer->jobs[0], OSSDL_JOB_END, worker, now_ms);
}

static struct ossdl_job *job_of_locked(struct ossdl_transfer *transfer,
                                       struct ossdl_worker *worker,
                                       int64_t now_ms, int64_t *wake_at)
{
    struct ossdl_job *job;

    if (transfer->locked.ending) {
        return end_locked(transfer, worker, now_ms);
    }
    if (commit_due_locked(transfer)) {
        return commit_locked(transfer, worker, now_ms);
    }
    if (!transfer->locked.published) {
        return open_locked(transfer, worker, now_ms, wake_at);
    }
    if (transfer->locked.reopening || transfer->locked.finishing) {
        return NULL;
    }
    job = verify_locked(transfer, worker, now_ms, wake_at);
    if (job) {
        return job;
    }
    return fetch_locked(transfer, worker, now_ms, wake_at);
}

/* Files to close: its own, before others open theirs. */
static bool is_due_locked(const struct ossdl_transfer *transfer)
{
    return end_due_locked(transfer) || commit_due_locked(transfer);
}

void ossdl_schedule_hasten_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_queue *active = &transfer->client->locked.active;

    if (is_due_locked(transfer) && active->first != transfer) {
        ossdl_queue_remove(active, transfer);
        ossdl_queue_prepend(active, transfer);
    }
}

static struct ossdl_job *open_next_locked(struct ossdl_worker *worker,
                                          int64_t now_ms, int64_t *wake_at)
{
    struct ossdl_client *client = worker->client;
    struct ossdl_transfer *transfer = client->locked.waiting.first;
    struct ossdl_job *job;

    if (!may_open_locked(client, now_ms)) {
        return NULL;
    }
    job = open_locked(transfer, worker, now_ms, wake_at);
    if (job) {
        ossdl_queue_remove(&client->locked.waiting, transfer);
        ossdl_queue_append(&client->locked.active, transfer);
    }
    return job;
}

static struct ossdl_job *next_active_locked(struct ossdl_worker *worker,
                                            int64_t now_ms, int64_t *wake_at)
{
    struct ossdl_queue *active = &worker->client->locked.active;
    struct ossdl_transfer *transfer = active->first;

    while (transfer) {
        struct ossdl_transfer *next = transfer->locked.next;
        struct ossdl_job *job =
            job_of_locked(transfer, worker, now_ms, wake_at);

        if (job) {
            /* To the end of the queue: transfers take turns. */
            ossdl_queue_remove(active, transfer);
            ossdl_queue_append(active, transfer);
            return job;
        }
        transfer = next;
    }
    return NULL;
}

/* What only ends something is nobody's turn. */
static bool is_turn(const struct ossdl_job *job)
{
    return job->kind != OSSDL_JOB_COMMIT && job->kind != OSSDL_JOB_END;
}

struct ossdl_job *ossdl_schedule_next_locked(struct ossdl_worker *worker,
                                             int64_t now_ms, int64_t *wake_at)
{
    struct ossdl_client *client = worker->client;
    const struct ossdl_transfer *first = client->locked.active.first;
    /* Neither do new ones wait for a large one, nor does it wait for them. */
    bool open_first =
        !client->locked.opened_last && !(first && is_due_locked(first));
    struct ossdl_job *job = NULL;

    assert(ossdl_lock_held(&client->lock));
    if (open_first) {
        job = open_next_locked(worker, now_ms, wake_at);
    }
    if (!job) {
        job = next_active_locked(worker, now_ms, wake_at);
    }
    if (!job && !open_first) {
        job = open_next_locked(worker, now_ms, wake_at);
    }
    /* One may have failed for want of memory just now. */
    first = client->locked.active.first;
    if (!job && first && is_due_locked(first)) {
        job = next_active_locked(worker, now_ms, wake_at);
    }
    if (job && is_turn(job)) {
        client->locked.opened_last = job->kind == OSSDL_JOB_OPEN;
    }
    return job;
}

static bool has_work_locked(const struct ossdl_transfer *transfer)
{
    if (is_due_locked(transfer)) {
        return true;
    }
    if (transfer->locked.ending || transfer->locked.finishing) {
        return false;
    }
    if (!transfer->locked.published) {
        return transfer->locked.running == 0;
    }
    return transfer->locked.verify_next <
               ossdl_extents_count(&transfer->locked.unverified) ||
           (!ossdl_ranges_empty(&transfer->locked.missing) &&
            transfer->locked.fetching < ossdl_balance_threads_locked(transfer));
}

bool ossdl_schedule_wants_thread_locked(struct ossdl_client *client)
{
    const struct ossdl_transfer *transfer = client->locked.active.first;
    bool work = may_open_locked(client, ossdl_now_ms());

    for (; transfer && !work; transfer = transfer->locked.next) {
        work = has_work_locked(transfer);
    }
    if (!work) {
        return false;
    }
    if (client->locked.idle_count > 0) {
        ossdl_cond_wake_one(&client->work);
        return false;
    }
    return client->locked.worker_count < client->max_threads;
}

struct ossdl_job *ossdl_schedule_next_end_locked(struct ossdl_worker *closer)
{
    struct ossdl_transfer *transfer = closer->client->locked.active.first;
    struct ossdl_job *job = NULL;

    for (; transfer && !job; transfer = transfer->locked.next) {
        job = end_locked(transfer, closer, ossdl_now_ms());
    }
    return job;
}

void ossdl_schedule_end_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_client *client = transfer->client;

    ossdl_schedule_hasten_locked(transfer);
    if (transfer->locked.running == 0 && client->locked.idle_count == 0) {
        client->locked.closer_wanted = true;
        ossdl_cond_wake_one(&client->ends);
    }
}

void ossdl_schedule_publish_locked(struct ossdl_transfer *transfer)
{
    bool verifying = ossdl_extents_count(&transfer->locked.unverified) > 0;

    transfer->locked.published = true;
    transfer->locked.verify_next = 0;
    ossdl_transfer_set_state_locked(transfer, verifying ? OSSDL_STATE_VERIFYING
                                                        : OSSDL_STATE_RUNNING);
}
