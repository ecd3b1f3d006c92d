#include "schedule.h"

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

/* How often the connections of a transfer are compared. */
#define WATCH_MS 250
/* A connection is judged no sooner. */
#define JUDGE_AFTER_MS 1000
/* Replaced if it has less than a part of this many of the median's rate. */
#define SLOW_FACTOR 8
/* Where all connections are alike, they end within this time of each other,
 * and nothing is gained by taking from one that is about to end. */
#define STEAL_AFTER_MS 50
/* Below these, cutting a range in two costs more than it brings. */
#define SPLIT_BYTES_LEAST (128 * OSSDL_KIB)
#define SPLIT_BYTES_MOST OSSDL_MIB
/* The smallest step of a claim, one slice of a slow connection. */
#define CLAIM_BYTES_LEAST (64 * OSSDL_KIB)
/* And the first one, when nothing is known about the connection. */
#define CLAIM_BYTES_FIRST (256 * OSSDL_KIB)
/* Extents per VERIFY job: enough to be worth a turn, small enough to share. */
#define VERIFY_BYTES (64 * OSSDL_MIB)

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static bool busy_with(const struct ossdl_job *job, enum ossdl_job_kind kind)
{
    return job->locked.state == OSSDL_JOB_RUNNING && job->kind == kind;
}

static bool is_receiving(const struct ossdl_job *job)
{
    return busy_with(job, OSSDL_JOB_FETCH) || busy_with(job, OSSDL_JOB_OPEN);
}

static uint64_t position_of(const struct ossdl_job *job)
{
    return atomic_load_explicit(&job->position, memory_order_relaxed);
}

/* How many connections this transfer should have now. */
static unsigned target_threads(const struct ossdl_transfer *transfer)
{
    return transfer->options.threads == 0
               ? ossdl_plateau_threads(&transfer->locked.plateau)
               : transfer->job_count;
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

/* --- comparing connections --------------------------------------------- */

static void sample(struct ossdl_job *job, int64_t now_ms)
{
    uint64_t position = position_of(job);
    int64_t elapsed = now_ms - job->locked.sample_at;
    uint64_t rate;

    if (elapsed < WATCH_MS / 2) {
        return;
    }
    rate = (position - job->locked.sample_position) * 1000 / (uint64_t) elapsed;
    job->locked.rate =
        job->locked.rate == 0 ? rate : (job->locked.rate + rate) / 2;
    job->locked.sample_position = position;
    job->locked.sample_at = now_ms;
}

static uint64_t median(uint64_t *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        uint64_t value = values[i];
        unsigned at = i;

        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
    return count > 0 ? values[count / 2] : 0;
}

static uint64_t median_rate_locked(const struct ossdl_transfer *transfer)
{
    uint64_t rates[64];
    unsigned count = 0;

    for (unsigned i = 0; i < transfer->job_count && count < 64; i++) {
        if (is_receiving(&transfer->jobs[i])) {
            rates[count++] = transfer->jobs[i].locked.rate;
        }
    }
    /* The last one has no sisters left: it is held against those before. */
    return count < 2 ? transfer->locked.typical_rate : median(rates, count);
}

/* Its rest goes to a fresh connection; what it has received stays. */
static void call_back_locked(struct ossdl_job *job)
{
    job->locked.relieved = true;
    atomic_store(&job->stop, true);
    ossdl_http_wake(job->locked.worker->http);
}

/* A limit of ours makes rates meaningless; and where a third of all requests
 * was relieved already, the network is like that. */
static bool may_relieve_locked(const struct ossdl_transfer *transfer)
{
    return !atomic_load(&transfer->client->limited) && !transfer->file.single &&
           transfer->locked.reliefs < 3 + transfer->locked.requests / 3;
}

static void judge_locked(struct ossdl_transfer *transfer, int64_t now_ms)
{
    uint64_t typical = median_rate_locked(transfer);

    for (unsigned i = 0; i < transfer->job_count; i++) {
        struct ossdl_job *job = &transfer->jobs[i];

        if (typical > 0 && is_receiving(job) && !job->locked.relieved &&
            now_ms - job->started_at >= JUDGE_AFTER_MS &&
            job->locked.rate < typical / SLOW_FACTOR &&
            may_relieve_locked(transfer)) {
            transfer->locked.reliefs++;
            call_back_locked(job);
        }
    }
}

static void watch_locked(struct ossdl_transfer *transfer, int64_t now_ms)
{
    if (now_ms - transfer->locked.watched_at < WATCH_MS) {
        return;
    }
    transfer->locked.watched_at = now_ms;
    for (unsigned i = 0; i < transfer->job_count; i++) {
        if (is_receiving(&transfer->jobs[i])) {
            sample(&transfer->jobs[i], now_ms);
        }
    }
    judge_locked(transfer, now_ms);
    if (transfer->options.threads == 0 &&
        ossdl_plateau_observe(
            &transfer->locked.plateau, now_ms, atomic_load(&transfer->received),
            transfer->locked.fetching) > transfer->locked.fetching) {
        ossdl_cond_wake_one(&transfer->client->work);
    }
}

/* --- claims ------------------------------------------------------------ */

/* Grows with the rate: a fast connection comes here once per block, and of a
 * slow one nearly all can still be taken away. */
static uint64_t claim_bytes(const struct ossdl_job *job)
{
    uint64_t bytes =
        job->locked.rate == 0 ? CLAIM_BYTES_FIRST : job->locked.rate / 4;

    if (bytes > job->block_bytes) {
        return job->block_bytes;
    }
    return bytes < CLAIM_BYTES_LEAST ? CLAIM_BYTES_LEAST : bytes;
}

/* The rest of it comes later: those who have not begun do not wait for it. */
static void end_turn_locked(struct ossdl_job *job, int64_t now_ms)
{
    struct ossdl_transfer *transfer = job->transfer;
    struct ossdl_client *client = transfer->client;

    if (!transfer->file.single && client->locked.idle_count == 0 &&
        client->locked.worker_count >= client->max_threads &&
        may_open_locked(client, now_ms) &&
        job->locked.claimed < job->locked.end &&
        ossdl_ranges_add(&transfer->locked.missing, job->locked.claimed,
                         job->locked.end) == OSSDL_OK) {
        job->locked.end = job->locked.claimed;
        client->locked.opened_last = false;
    }
}

uint64_t ossdl_schedule_claim_locked(struct ossdl_job *job, int64_t now_ms)
{
    struct ossdl_transfer *transfer = job->transfer;
    uint64_t position = position_of(job);
    uint64_t most = job->block_bytes;
    uint64_t block_end = (position / most + 1) * most;
    uint64_t claim;

    watch_locked(transfer, now_ms);
    ossdl_transfer_tick_locked(transfer, now_ms);
    if (now_ms - job->started_at >= TURN_MS) {
        end_turn_locked(job, now_ms);
    }
    claim = position + claim_bytes(job);
    if (claim > block_end) {
        claim = block_end;
    }
    if (claim > job->locked.end) {
        claim = job->locked.end;
    }
    if (claim > job->locked.claimed) {
        job->locked.claimed = claim;
    }
    return job->locked.claimed;
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

/* What one connection brings per second, as far as it is known. */
static uint64_t connection_rate_locked(const struct ossdl_transfer *transfer)
{
    uint64_t sum = 0;
    unsigned count = 0;

    for (unsigned i = 0; i < transfer->job_count; i++) {
        const struct ossdl_job *job = &transfer->jobs[i];

        if (is_receiving(job) && job->locked.rate > 0) {
            sum += job->locked.rate;
            count++;
        }
    }
    return count > 0 ? sum / count : 0;
}

/* What it brings per second: a new one is taken to be like those before. */
static uint64_t rate_of_locked(const struct ossdl_job *job)
{
    return job->locked.rate > 0 ? job->locked.rate
                                : job->transfer->locked.typical_rate;
}

/* The job whose rest would come last, and is worth sharing. */
static struct ossdl_job *latest_job_locked(struct ossdl_transfer *transfer)
{
    struct ossdl_job *latest = NULL;
    double latest_seconds = 0;

    for (unsigned i = 0; i < transfer->job_count; i++) {
        struct ossdl_job *job = &transfer->jobs[i];
        uint64_t rate = rate_of_locked(job);
        double seconds;

        if (!is_receiving(job) || atomic_load(&job->stop) || rate == 0 ||
            job->locked.claimed >= job->locked.end) {
            continue;
        }
        seconds =
            (double) (job->locked.end - job->locked.claimed) / (double) rate;
        if (!latest || seconds > latest_seconds) {
            latest = job;
            latest_seconds = seconds;
        }
    }
    return latest;
}

/* An eighth of a second's bytes outweigh what another request costs. */
static uint64_t split_bytes_locked(const struct ossdl_job *job)
{
    uint64_t bytes = rate_of_locked(job) / 8;

    if (bytes < SPLIT_BYTES_LEAST) {
        return SPLIT_BYTES_LEAST;
    }
    return bytes > SPLIT_BYTES_MOST ? SPLIT_BYTES_MOST : bytes;
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

/* Nothing is left to hand out: take half of what the latest has left. */
static bool steal_locked(struct ossdl_transfer *transfer,
                         struct ossdl_range *out)
{
    struct ossdl_job *latest = latest_job_locked(transfer);
    uint64_t middle;

    if (!latest || !ossdl_plan_split(latest->locked.claimed, latest->locked.end,
                                     split_bytes_locked(latest), &middle)) {
        return false;
    }
    out->start = middle;
    out->end = latest->locked.end;
    latest->locked.end = middle;
    return true;
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
               steal_locked(transfer, out);
    }
    bytes = ossdl_plan_part_bytes(transfer->options.part_size, rest,
                                  target_threads(transfer),
                                  connection_rate_locked(transfer));
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
        watch_locked(transfer, now_ms);
        *wake_at = earlier(*wake_at, now_ms + WATCH_MS);
    } else if (ossdl_ranges_empty(&transfer->locked.missing)) {
        return NULL;
    }
    if (transfer->locked.fetching >= target_threads(transfer) ||
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
            transfer->locked.fetching < target_threads(transfer));
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
