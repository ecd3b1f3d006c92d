/*
 * status.h - what can go wrong, as a value
 *
 * Threads: plain data, copied freely between threads.
 * Memory:  fixed size, no allocation: out of memory can be reported, too.
 * Errors:  every setter truncates safely; none of them can fail.
 *
 * A fallible function returns enum ossdl_status and, where it can explain
 * itself, fills the struct ossdl_error given last. Whether an error is worth
 * another try is for classify.c to say, and for nobody else.
 */
#ifndef OSSDL_CORE_STATUS_H
#define OSSDL_CORE_STATUS_H

#include "base.h"

OSSDL_BEGIN_DECLS

/* X(constant, name in Lua (err.kind), what it means) */
#define OSSDL_STATUS_MAP(X)                                                  \
    X(OK, "ok", "nothing went wrong")                                        \
    X(INVALID, "invalid", "an option is not acceptable")                     \
    X(MEMORY, "memory", "out of memory")                                     \
    X(IO, "io", "the local disk or file system refused")                     \
    X(BUSY, "busy", "another download holds this target")                    \
    X(NETWORK, "network", "the connection failed")                           \
    X(TIMEOUT, "timeout", "the other side did not answer in time")           \
    X(TLS, "tls", "the encrypted connection could not be trusted")           \
    X(SERVICE, "service", "the service answered with an error")              \
    X(PROTOCOL, "protocol", "the service gave an answer that is not usable") \
    X(CREDENTIALS, "credentials", "no usable credentials")                   \
    X(CHANGED, "changed", "the object changed while it was downloaded")      \
    X(CHECKSUM, "checksum", "the CRC-64 of the object does not match")       \
    X(CHECKPOINT, "checkpoint", "the checkpoint cannot be used")             \
    X(CANCELLED, "cancelled", "the download was cancelled")                  \
    X(CLOSED, "closed", "the client was closed")                             \
    X(FORKED, "forked", "the client was made before fork()")

enum ossdl_status {
#define OSSDL_STATUS_ENUM(constant, name, meaning) OSSDL_E##constant,
    OSSDL_STATUS_MAP(OSSDL_STATUS_ENUM)
#undef OSSDL_STATUS_ENUM
        OSSDL_STATUS_COUNT
};

#define OSSDL_OK OSSDL_EOK

struct ossdl_error {
    enum ossdl_status status;
    int sys_errno;     /* errno of a failed system call, or 0 */
    int http_status;   /* of the service's answer, or 0 */
    unsigned attempts; /* requests made in vain before giving up */
    bool retryable;    /* the same call may succeed later */
    bool resumable;    /* bytes already fetched are kept for the next run */
    char code[64];     /* "NoSuchKey", "ENOSPC", "CURLE_28": for programs */
    char request_id[64];
    char ec[32];       /* OSS's diagnosis number, display only */
    char message[768]; /* one sentence, one line, no secret */
};

/* The name used as err.kind in Lua, e.g. "network"; never NULL. */
const char *ossdl_status_name(enum ossdl_status status);

/* One sentence for people; never NULL. */
const char *ossdl_status_text(enum ossdl_status status);

/*
 * Overwrites *err (which may be NULL: then only the status is passed through)
 * and returns status, so that callers can write `return ossdl_error_set(...)`.
 * code may be NULL. Control characters in the message become spaces.
 */
enum ossdl_status ossdl_error_set(struct ossdl_error *err,
                                  enum ossdl_status status, const char *code,
                                  const char *format, ...) OSSDL_PRINTF(4, 5);

/*
 * A failed system call: status OSSDL_EIO (OSSDL_EMEMORY for ENOMEM), code the
 * errno's symbolic name ("ENOSPC"), message "<text>: <strerror>" and, for the
 * errnos an operator can act on, what to do.
 */
enum ossdl_status ossdl_error_errno(struct ossdl_error *err, int sys_errno,
                                    const char *format, ...) OSSDL_PRINTF(3, 4);

/* "out of memory"; needs none. */
enum ossdl_status ossdl_error_memory(struct ossdl_error *err);

/* "ENOSPC" and the like; "E<number>" for one that is not in the table. The
 * result is valid until the next call on the same buffer. */
const char *ossdl_errno_name(int sys_errno, char buffer[16]);

OSSDL_END_DECLS

#endif
