/*
 * classify.h - what to do about a failure, decided in one place
 *
 * Threads: pure functions. Memory: none. Errors: none: there is always a
 * verdict.
 *
 * How often and when is for the engine: it has the budget and the clock.
 * Nobody else looks at a status or a code to decide about a retry.
 */
#ifndef OSSDL_CORE_CLASSIFY_H
#define OSSDL_CORE_CLASSIFY_H

#include "errtext.h"
#include "net.h"
#include "reply.h"
#include "slice.h"
#include "status.h"

OSSDL_BEGIN_DECLS

enum ossdl_action {
    OSSDL_ACTION_RETRY_NOW, /* a kept connection had gone stale */
    OSSDL_ACTION_RETRY,     /* after a backoff, and not before wait_ms */
    OSSDL_ACTION_REFRESH,   /* once, with new credentials; without, fatal */
    OSSDL_ACTION_CLOCK,     /* once, with the server's clock; then fatal */
    OSSDL_ACTION_CHANGED,   /* the object is not the one we began with */
    OSSDL_ACTION_FATAL      /* the same request would fail again */
};

struct ossdl_verdict {
    enum ossdl_action action;
    enum ossdl_status kind;
    bool throttled; /* the service asks for fewer requests */
    bool retryable; /* for err.retryable: the same call may succeed later */
    uint32_t wait_ms;
};

/* The longest wait that a server can ask for. */
#define OSSDL_CLASSIFY_WAIT_MS 60000u

/*
 * An exchange that ended without a whole answer. stale: it went over a kept
 * connection and not one byte of an answer came.
 */
struct ossdl_verdict ossdl_classify_net(enum ossdl_net net, bool stale);

/*
 * An answer whose status is not the one a range asks for (206, or 200). A
 * 404 in a running transfer means that the object is gone; only the engine
 * knows that it runs.
 */
struct ossdl_verdict
ossdl_classify_service(const struct ossdl_reply *reply,
                       const struct ossdl_service_error *service);

/*
 * What one of our own checks found, e.g. ossdl_reply_check_part() or a disk
 * error: an unusable answer may be a proxy's mood and is worth a retry.
 */
struct ossdl_verdict ossdl_classify_status(enum ossdl_status status);

/*
 * Fills *err with everything that is known, "cannot get oss://bucket/key:
 * <what the service says>; <what to do>", and returns its status.
 */
enum ossdl_status
ossdl_classify_error(const struct ossdl_reply *reply,
                     const struct ossdl_service_error *service,
                     struct ossdl_slice bucket, struct ossdl_slice object,
                     struct ossdl_error *err);

/* The same for the transport; detail is its own words, or empty. */
enum ossdl_status ossdl_classify_net_error(enum ossdl_net net,
                                           struct ossdl_slice detail,
                                           struct ossdl_slice bucket,
                                           struct ossdl_slice object,
                                           struct ossdl_error *err);

OSSDL_END_DECLS

#endif
