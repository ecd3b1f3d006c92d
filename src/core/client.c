#include "client.h"

#include "alloc.h"
#include "ascii.h"
#include "secret.h"
#include "transfer.h"
#include "worker.h"

#include <string.h>

/* Retries of a whole client: a burst, then a steady rate. */
#define ADMISSION_BURST 64
#define ADMISSION_PER_SECOND 20

/* Between two questions for credentials while the old ones are good. */
#define RENEW_INTERVAL_MS 10000

static const char *copy_string(const char *string, bool *out_failed)
{
    char *copy;

    if (!string) {
        return NULL;
    }
    copy = ossdl_alloc_string(string, strlen(string));
    *out_failed = *out_failed || !copy;
    return copy;
}

static enum ossdl_status copy_http(struct ossdl_http_options *http,
                                   const struct ossdl_client_options *options)
{
    bool failed = false;

    http->connect_timeout_ms = options->connect_timeout_ms;
    http->stall_timeout_ms = options->stall_timeout_ms;
    http->first_byte_timeout_ms = options->stall_timeout_ms;
    http->tls_verify = options->tls_verify;
    http->proxy = copy_string(options->proxy, &failed);
    http->ca_file = copy_string(options->ca_file, &failed);
    http->user_agent = copy_string(options->user_agent, &failed);
    return failed ? OSSDL_EMEMORY : OSSDL_OK;
}

static enum ossdl_status
parse_endpoint(struct ossdl_endpoint *out,
               const struct ossdl_client_options *options,
               struct ossdl_error *err)
{
    struct ossdl_slice text = options->endpoint;
    struct ossdl_buf made;
    enum ossdl_status status = OSSDL_OK;

    ossdl_buf_init(&made, 1024);
    if (text.len == 0) {
        if (options->region.len == 0) {
            return ossdl_error_set(err, OSSDL_EINVALID, "endpoint",
                                   "option 'endpoint' or 'region' is needed: "
                                   "say where the bucket is");
        }
        status = ossdl_region_check(options->region, err);
        if (status == OSSDL_OK) {
            status = ossdl_endpoint_from_region(options->region, &made);
            if (status == OSSDL_EMEMORY) {
                ossdl_error_memory(err);
            } else if (status != OSSDL_OK) {
                ossdl_error_set(err, status, "region",
                                "option 'endpoint' is needed: none can be "
                                "made from this region");
            }
        }
        text = ossdl_buf_slice(&made);
    }
    if (status == OSSDL_OK) {
        status =
            ossdl_endpoint_parse(text, options->region, options->path_style,
                                 options->cname, out, err);
    }
    if (status == OSSDL_OK && options->signature == OSSDL_SIGNATURE_V4) {
        status = ossdl_endpoint_check_region(out, err);
    }
    ossdl_buf_cleanup(&made);
    return status;
}

static enum ossdl_status check_options(const struct ossdl_client_options *o,
                                       struct ossdl_error *err)
{
    if (o->max_threads < 1 || o->max_threads > OSSDL_THREADS_MAX) {
        return ossdl_error_set(err, OSSDL_EINVALID, "max_threads",
                               "option 'max_threads' must be 1 to %d",
                               OSSDL_THREADS_MAX);
    }
    if (o->signature != OSSDL_SIGNATURE_NONE && !o->credentials &&
        !o->refreshable) {
        return ossdl_error_set(err, OSSDL_ECREDENTIALS, "credentials",
                               "no access key: give access_key_id and "
                               "access_key_secret, or signature = \"none\" "
                               "for a public bucket");
    }
    if (o->user_agent && ossdl_has_control(ossdl_slice_str(o->user_agent))) {
        return ossdl_error_set(err, OSSDL_EINVALID, "user_agent",
                               "option 'user_agent' must be one line without "
                               "control characters");
    }
    return ossdl_http_check_proxy(o->proxy, err);
}

static void free_client(struct ossdl_client *client)
{
    ossdl_credentials_release(client->locked.credentials);
    if (client->http.proxy) {
        /* It may have a password. */
        ossdl_wipe((char *) client->http.proxy, strlen(client->http.proxy));
    }
    ossdl_free((char *) client->http.proxy);
    ossdl_free((char *) client->http.ca_file);
    ossdl_free((char *) client->http.user_agent);
    ossdl_free(client);
}

static enum ossdl_status init_sync(struct ossdl_client *client)
{
    if (ossdl_lock_init(&client->lock) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    if (ossdl_cond_init(&client->work, &client->lock) != OSSDL_OK) {
        goto no_work;
    }
    if (ossdl_cond_init(&client->ends, &client->lock) != OSSDL_OK) {
        goto no_ends;
    }
    if (ossdl_cond_init(&client->changed, &client->lock) == OSSDL_OK) {
        return OSSDL_OK;
    }
    ossdl_cond_cleanup(&client->ends);
no_ends:
    ossdl_cond_cleanup(&client->work);
no_work:
    ossdl_lock_cleanup(&client->lock);
    return OSSDL_EMEMORY;
}

static void init_state(struct ossdl_client *client,
                       const struct ossdl_client_options *options)
{
    int64_t now_us = ossdl_now_us();

    client->signature = options->signature;
    client->refreshable = options->refreshable;
    client->max_threads = options->max_threads;
    client->process = ossdl_process_id();
    atomic_init(&client->references, 1);
    atomic_init(&client->limited, options->max_rate > 0);
    client->locked.credentials =
        ossdl_credentials_acquire(options->credentials);
    client->locked.random = (uint64_t) now_us ^ (uint64_t) (uintptr_t) client ^
                            ((uint64_t) client->process << 32);
    ossdl_pace_init(&client->locked.pace, options->max_rate, now_us);
    /* One accident that hits all connections is no storm. */
    ossdl_admission_init(&client->locked.admission,
                         options->max_threads > ADMISSION_BURST
                             ? options->max_threads
                             : ADMISSION_BURST,
                         ADMISSION_PER_SECOND);
}

enum ossdl_status ossdl_client_new(const struct ossdl_client_options *options,
                                   struct ossdl_client **out,
                                   struct ossdl_error *err)
{
    struct ossdl_client *client;
    enum ossdl_status status;

    *out = NULL;
    status = ossdl_http_global(err);
    if (status == OSSDL_OK) {
        status = check_options(options, err);
    }
    if (status != OSSDL_OK) {
        return status;
    }
    client = ossdl_alloc_zero(1, sizeof *client);
    if (!client) {
        return ossdl_error_memory(err);
    }
    status = parse_endpoint(&client->endpoint, options, err);
    if (status == OSSDL_OK && (copy_http(&client->http, options) != OSSDL_OK ||
                               init_sync(client) != OSSDL_OK)) {
        status = ossdl_error_memory(err);
    }
    if (status != OSSDL_OK) {
        free_client(client);
        return status;
    }
    init_state(client, options);
    ossdl_process_add(&client->entry, client);
    *out = client;
    return OSSDL_OK;
}

struct ossdl_client *ossdl_client_acquire(struct ossdl_client *client)
{
    atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    return client;
}

struct ossdl_client *ossdl_client_acquire_alive(struct ossdl_client *client)
{
    unsigned count = atomic_load(&client->references);

    while (count > 0 && !atomic_compare_exchange_weak(&client->references,
                                                      &count, count + 1)) {
    }
    return count > 0 ? client : NULL;
}

struct ossdl_client *ossdl_client_release(struct ossdl_client *client)
{
    if (client && atomic_fetch_sub_explicit(&client->references, 1,
                                            memory_order_acq_rel) == 1) {
        if (client->process != ossdl_process_id()) {
            /* The parent's threads may hold the lock for ever, and their
             * memory is in use by nobody: it goes with the process. */
            return NULL;
        }
        ossdl_process_remove(&client->entry);
        ossdl_client_close(client);
        ossdl_cond_cleanup(&client->changed);
        ossdl_cond_cleanup(&client->ends);
        ossdl_cond_cleanup(&client->work);
        ossdl_lock_cleanup(&client->lock);
        free_client(client);
    }
    return NULL;
}

typedef void(visit_fn)(struct ossdl_transfer *transfer, const void *context);

/* Every transfer that is not done; the visit may end and free it. */
static void visit_locked(struct ossdl_client *client, visit_fn *visit,
                         const void *context)
{
    struct ossdl_transfer *starts[] = {client->locked.active.first,
                                       client->locked.waiting.first};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(starts); i++) {
        struct ossdl_transfer *transfer = starts[i];

        while (transfer) {
            struct ossdl_transfer *next = transfer->locked.next;

            visit(transfer, context);
            transfer = next;
        }
    }
}

static void close_one_locked(struct ossdl_transfer *transfer,
                             const void *context)
{
    (void) context;
    ossdl_transfer_cancel_locked(transfer, OSSDL_ECLOSED);
}

static void notice_one_locked(struct ossdl_transfer *transfer,
                              const void *context)
{
    (void) context;
    ossdl_transfer_notice_locked(transfer);
}

static void fail_one_locked(struct ossdl_transfer *transfer,
                            const void *context)
{
    ossdl_transfer_fail_locked(transfer, context);
}

static void wake_one_locked(struct ossdl_transfer *transfer,
                            const void *context)
{
    (void) context;
    ossdl_transfer_wake_jobs_locked(transfer);
}

void ossdl_client_close(struct ossdl_client *client)
{
    bool first;

    if (client->process != ossdl_process_id()) {
        return;
    }
    ossdl_lock_take(&client->lock);
    first = !client->locked.closing;
    client->locked.closing = true;
    visit_locked(client, close_one_locked, NULL);
    ossdl_cond_wake_all(&client->work);
    ossdl_cond_wake_all(&client->ends);
    ossdl_lock_drop(&client->lock);
    if (first) {
        ossdl_worker_join_all(client);
    }
}

enum ossdl_status ossdl_client_check(const struct ossdl_client *client,
                                     struct ossdl_error *err)
{
    if (client->process != ossdl_process_id()) {
        return ossdl_error_set(
            err, OSSDL_EFORKED, "forked",
            "the client was made before fork(), and its threads did not come "
            "along: make one in each process (in nginx: in "
            "init_worker_by_lua, not in init_by_lua)");
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_client_closed(struct ossdl_error *err)
{
    return ossdl_error_set(err, OSSDL_ECLOSED, "closed",
                           "the client is closed: make a new one");
}

void ossdl_client_want_credentials_locked(struct ossdl_client *client)
{
    if (!client->locked.credentials_wanted) {
        client->locked.credentials_wanted = true;
        visit_locked(client, notice_one_locked, NULL);
        ossdl_cond_wake_all(&client->changed);
    }
}

bool ossdl_client_needs_credentials(struct ossdl_client *client)
{
    bool wanted;

    if (client->process != ossdl_process_id()) {
        return false;
    }
    ossdl_lock_take(&client->lock);
    wanted = client->locked.credentials_wanted;
    ossdl_lock_drop(&client->lock);
    return wanted;
}

enum ossdl_status
ossdl_client_set_credentials(struct ossdl_client *client,
                             struct ossdl_credentials *credentials,
                             struct ossdl_error *err)
{
    struct ossdl_credentials *old;
    enum ossdl_status status = ossdl_client_check(client, err);

    if (status != OSSDL_OK) {
        return status;
    }
    ossdl_lock_take(&client->lock);
    old = client->locked.credentials;
    client->locked.credentials = ossdl_credentials_acquire(credentials);
    client->locked.credentials_wanted = false;
    client->locked.credentials_denied = false;
    client->locked.renew_at = ossdl_now_ms() + RENEW_INTERVAL_MS;
    ossdl_cond_wake_all(&client->work);
    ossdl_lock_drop(&client->lock);
    ossdl_credentials_release(old);
    return OSSDL_OK;
}

/* Good ones are used up to their end, whatever the provider says today. */
static bool credentials_good_locked(const struct ossdl_client *client)
{
    const struct ossdl_credentials *current = client->locked.credentials;
    int64_t expires_at;

    if (!current || client->locked.credentials_denied) {
        return false;
    }
    expires_at = ossdl_credentials_expires_at(current);
    return expires_at == 0 ||
           expires_at > ossdl_wall_seconds() + client->locked.clock_offset_s;
}

void ossdl_client_refuse_credentials(struct ossdl_client *client,
                                     const struct ossdl_error *why)
{
    if (client->process != ossdl_process_id()) {
        return;
    }
    ossdl_lock_take(&client->lock);
    client->locked.credentials_wanted = false;
    client->locked.renew_at = ossdl_now_ms() + RENEW_INTERVAL_MS;
    if (!credentials_good_locked(client)) {
        visit_locked(client, fail_one_locked, why);
        client->locked.credentials_refused = 0;
    }
    ossdl_cond_wake_all(&client->work);
    ossdl_lock_drop(&client->lock);
    ossdl_worker_bring_closer(client);
}

void ossdl_client_set_max_rate(struct ossdl_client *client, uint64_t rate)
{
    if (client->process != ossdl_process_id()) {
        return;
    }
    ossdl_lock_take(&client->lock);
    ossdl_pace_set_rate(&client->locked.pace, rate, ossdl_now_us());
    atomic_store(&client->limited, rate > 0);
    visit_locked(client, wake_one_locked, NULL);
    ossdl_lock_drop(&client->lock);
}
