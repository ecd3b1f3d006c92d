/*
 * ossdl.h - the public C API: clients, and the transfers they carry out
 *
 * Threads: every function may be called from any thread, but one object by
 *          one thread at a time, except ossdl_transfer_cancel(),
 *          ossdl_client_set_max_rate() and the snapshot functions, which are
 *          safe beside all others. Nothing here calls back.
 * Memory:  options are copied before a call returns; clients and transfers
 *          are freed when their last reference is released.
 * Errors:  status values and struct ossdl_error. After fork() every entry
 *          point answers OSSDL_EFORKED in the child, and releasing frees
 *          memory without touching the parent's threads.
 */
#ifndef OSSDL_CORE_OSSDL_H
#define OSSDL_CORE_OSSDL_H

#include "credentials.h"
#include "pairs.h"
#include "sign.h"
#include "sink.h"
#include "status.h"

OSSDL_BEGIN_DECLS

#define OSSDL_VERSION "0.1.0"
#define OSSDL_THREADS_MAX 1024
#define OSSDL_PART_BYTES_MAX (5 * OSSDL_GIB)

struct ossdl_client;
struct ossdl_transfer;

struct ossdl_client_options {
    struct ossdl_slice endpoint; /* empty: made from the region */
    struct ossdl_slice region;   /* empty: derived from the endpoint */
    enum ossdl_signature signature;
    bool path_style;
    bool cname;
    /* The first credentials, or NULL: asked for when `refreshable`. */
    struct ossdl_credentials *credentials;
    bool refreshable;    /* somebody answers needs_credentials */
    const char *proxy;   /* NULL: from the environment; "": none */
    const char *ca_file; /* NULL: the system's */
    const char *user_agent;
    bool tls_verify;
    int64_t connect_timeout_ms;
    int64_t stall_timeout_ms;
    unsigned max_threads; /* 1 to OSSDL_THREADS_MAX, of all transfers */
    uint64_t max_rate;    /* bytes per second of all transfers; 0: no limit */
};

struct ossdl_transfer_options {
    struct ossdl_slice bucket;
    struct ossdl_slice object;
    struct ossdl_slice version_id;     /* empty: the current version */
    const char *file;                  /* the finished file appears here */
    const char *checkpoint;            /* path of the journal; NULL: none */
    const struct ossdl_pairs *headers; /* extra ones, NULL: none */
    const struct ossdl_pairs *query;
    unsigned threads;       /* 1 to OSSDL_THREADS_MAX; 0: find out */
    uint64_t part_size;     /* 1 to OSSDL_PART_BYTES_MAX; 0: choose */
    uint64_t traffic_limit; /* bits per second per request, 0: none */
    unsigned max_retries;   /* failures in a row without a byte of progress */
    int64_t progress_interval_ms; /* between two wake-ups of the descriptor */
    enum ossdl_sink_direct direct;
    bool verify_resume;     /* read back what the journal claims */
    bool read_back;         /* read back everything before the rename */
    bool durable;           /* sync data and folder before success */
    bool restart_on_change; /* else OSSDL_ECHANGED */
    bool wait_when_busy;    /* else OSSDL_EBUSY */
};

/* X(constant, name in Lua, terminal) */
#define OSSDL_STATE_MAP(X)             \
    X(QUEUED, "queued", false)         \
    X(OPENING, "opening", false)       \
    X(VERIFYING, "verifying", false)   \
    X(RUNNING, "running", false)       \
    X(COMMITTING, "committing", false) \
    X(DONE, "done", true)              \
    X(FAILED, "failed", true)          \
    X(CANCELLED, "cancelled", true)

enum ossdl_state {
#define OSSDL_STATE_ENUM(constant, name, terminal) OSSDL_STATE_##constant,
    OSSDL_STATE_MAP(OSSDL_STATE_ENUM)
#undef OSSDL_STATE_ENUM
        OSSDL_STATE_COUNT
};

struct ossdl_snapshot {
    enum ossdl_state state;
    bool done;           /* the state is terminal */
    bool total_known;    /* an answer has told the object's size */
    uint64_t bytes_done; /* on disk or in hand; never falls */
    uint64_t bytes_total;
    uint64_t bytes_resumed; /* taken over from an earlier run */
    unsigned connections;   /* requests on their way now */
    uint64_t requests;
    uint64_t retries;
    int64_t elapsed_ms;
    bool needs_credentials;        /* of the client: see below */
    struct ossdl_error last_error; /* last one that was retried; EOK: none */
};

struct ossdl_result {
    uint64_t bytes;
    char etag[160];
    char version_id[128];
    uint64_t crc64; /* of the bytes received, always computed */
    bool verified;  /* the service gave a CRC-64, and it is this one */
    uint64_t resumed;
    char restarted[160]; /* why older progress was discarded, or "" */
    uint64_t requests;
    uint64_t retries;
    int64_t elapsed_ms;
};

/* "running" etc.; never NULL. */
const char *ossdl_state_name(enum ossdl_state state);

/*
 * OSSDL_EINVALID names the option that is wrong. Starts no thread and sends
 * nothing. *out holds one reference.
 */
enum ossdl_status ossdl_client_new(const struct ossdl_client_options *options,
                                   struct ossdl_client **out,
                                   struct ossdl_error *err) OSSDL_MUST_CHECK;

struct ossdl_client *ossdl_client_acquire(struct ossdl_client *client);
/*
 * Drops one reference and returns NULL. The last one cancels what still runs,
 * waits for the threads (at worst one disk write) and frees the client.
 */
struct ossdl_client *ossdl_client_release(struct ossdl_client *client);

/*
 * Cancels every transfer, joins the threads; the client then answers
 * OSSDL_ECLOSED. Transfers keep answering. Idempotent.
 */
void ossdl_client_close(struct ossdl_client *client);

/* True while a job waits for new credentials. */
bool ossdl_client_needs_credentials(struct ossdl_client *client);
/* The answer: acquired, used from the next request on. */
enum ossdl_status
ossdl_client_set_credentials(struct ossdl_client *client,
                             struct ossdl_credentials *credentials,
                             struct ossdl_error *err);
/* The other answer: transfers that cannot go on end with this error. Those
 * whose credentials are still good go on, and it is asked again later. */
void ossdl_client_refuse_credentials(struct ossdl_client *client,
                                     const struct ossdl_error *why);

/* Bytes per second over all connections; 0 lifts the limit. */
void ossdl_client_set_max_rate(struct ossdl_client *client, uint64_t rate);

/*
 * Checks the options and queues the transfer; the disk is touched and the
 * first request made on a thread of the client. The transfer holds a
 * reference to its client.
 */
enum ossdl_status ossdl_transfer_start(
    struct ossdl_client *client, const struct ossdl_transfer_options *options,
    struct ossdl_transfer **out, struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Gives the handle back and returns NULL. A transfer still running is
 * cancelled (resumable) and winds down by itself.
 */
struct ossdl_transfer *ossdl_transfer_release(struct ossdl_transfer *transfer);

/* Asks for the end; the state becomes CANCELLED soon. Never blocks. */
void ossdl_transfer_cancel(struct ossdl_transfer *transfer);

void ossdl_transfer_snapshot(struct ossdl_transfer *transfer,
                             struct ossdl_snapshot *out);

/*
 * Blocks until the transfer is done, credentials are needed, or timeout_ms
 * (OSSDL_FOREVER: no limit) have passed.
 */
void ossdl_transfer_wait(struct ossdl_transfer *transfer, int64_t timeout_ms);

/*
 * Once done: OSSDL_OK and *out, or the error that ended it. While running,
 * OSSDL_EINVALID.
 */
enum ossdl_status ossdl_transfer_result(struct ossdl_transfer *transfer,
                                        struct ossdl_result *out,
                                        struct ossdl_error *err);

/*
 * A descriptor that is readable from each state change or progress tick to
 * the next ossdl_transfer_ack(). Made on first use, owned by the transfer;
 * only ever poll it. -1 and *err when there is none to be had.
 */
int ossdl_transfer_fd(struct ossdl_transfer *transfer, struct ossdl_error *err);
void ossdl_transfer_ack(struct ossdl_transfer *transfer);

OSSDL_END_DECLS

#endif
