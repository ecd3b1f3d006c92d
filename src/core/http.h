/*
 * http.h - one GET at a time over connections that are kept
 *
 * Threads: one thread owns a handle and calls everything but
 *          ossdl_http_wake(), which any thread may call while the handle
 *          lives. Handlers run on the owner's thread, inside
 *          ossdl_http_perform(), and never after it has returned.
 * Memory:  about 92 KB for a plain connection in use, 26 KB for an idle one.
 *          The request's headers are copied for the time of the exchange and
 *          wiped after it; what libcurl copies of them and of the URL is freed
 *          by libcurl and not wiped.
 * Errors:  an exchange ends in an outcome, whose net field says how.
 *
 * This is the only home of libcurl. Nothing here knows of OSS, of retries or
 * of files: what an answer means is for the caller to say.
 *
 * Every exchange ends. Three clocks see to it: connecting (name resolution,
 * TCP, proxy and TLS together); the wait for the answer, counted from the
 * moment the connection is ready; silence while the body comes. The last one
 * stands still while the handler pauses the reading or is busy with the bytes,
 * so that a slow disk or a rate limit is not taken for a dead server.
 */
#ifndef OSSDL_CORE_HTTP_H
#define OSSDL_CORE_HTTP_H

#include "net.h"
#include "pairs.h"
#include "reply.h"
#include "status.h"

OSSDL_BEGIN_DECLS

/*
 * What a connection receives at once: one recv() fills a buffer of this size,
 * and libcurl cuts it into slices of 16 KiB for the write callback. It is the
 * largest that keeps a connection below 100 KB, not the fastest: over loopback
 * on a busy machine, with CRC-64, the median of 15 runs was 0.83 CPU seconds
 * per GiB with 16 KiB, 0.61 with 64 KiB, 0.50 with 128 KiB and 0.54 with 256
 * KiB, each with a wide spread.
 */
#define OSSDL_HTTP_RECEIVE_BYTES 65536L
/* A connection that was idle for longer is not used again: a little less than
 * what servers and NAT boxes allow. */
#define OSSDL_HTTP_IDLE_SECONDS 55

struct ossdl_http_options {
    /* 0: the defaults of http_clock.h, which says what each one limits. */
    int64_t connect_timeout_ms;
    int64_t first_byte_timeout_ms; /* the whole header block: twice that */
    int64_t stall_timeout_ms;
    const char *proxy;   /* NULL: from the environment; "": none */
    const char *ca_file; /* PEM bundle; NULL: the system's */
    const char *user_agent;
    bool tls_verify; /* certificate and name; only tests say false */
};

struct ossdl_http_request {
    const char *url; /* may carry a signature: never shown */
    /* Sent as given, besides Host and User-Agent; nothing else is added. */
    const struct ossdl_pairs *headers; /* NULL: none */
};

/* Each function may be NULL. One that is not OK ends the exchange (STOPPED). */
struct ossdl_http_handler {
    void *context;
    /* Once, after the final (not 1xx) header block, before any body byte. */
    enum ossdl_status (*on_reply)(void *context,
                                  const struct ossdl_reply *reply);
    /* The body in order, decoded from chunks only; len is not 0. */
    enum ossdl_status (*on_body)(void *context, const void *bytes, size_t len);
    /*
     * Before the first byte is sent, after each call of on_body, before each
     * wait, and so after each wake-up. *out_pause_us is 0; a larger value asks
     * to read nothing for that long (rounded up to a millisecond), when it is
     * asked again. What was read already still comes: up to 64 KiB.
     */
    enum ossdl_status (*on_turn)(void *context, int64_t *out_pause_us);
};

struct ossdl_http_outcome {
    enum ossdl_net net; /* OSSDL_NET_OK: the whole answer came */
    struct ossdl_reply reply;
    char text[256];      /* what libcurl said; no URL and no secret in it */
    int curl_code;       /* CURLcode, 0 when libcurl saw nothing wrong */
    int os_errno;        /* of the failed connect, send or receive; 0: none */
    uint64_t body_bytes; /* given to on_body */
    bool reused;         /* the connection was one of an earlier exchange */
    bool answered;       /* a header line came */
    char address[64];    /* "192.0.2.1:443" of the server; "" not connected */
};

struct ossdl_http;

/*
 * Once per process and from any thread; further calls only give the result.
 * Nothing undoes it: the host may use libcurl, too. OSSDL_EINVALID when the
 * libcurl that was loaded is too old (before 7.80).
 */
enum ossdl_status ossdl_http_global(struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Calls ossdl_http_global(). The strings of options are copied. OSSDL_EMEMORY;
 * OSSDL_EINVALID when libcurl refuses an option.
 */
enum ossdl_status ossdl_http_new(const struct ossdl_http_options *options,
                                 struct ossdl_http **out_http,
                                 struct ossdl_error *err) OSSDL_MUST_CHECK;

/*
 * Is this a proxy that libcurl can use? "" (none at all), or host:port with or
 * without http, https, socks4, socks4a, socks5 or socks5h before it. The
 * message does not show it: there may be a password in it.
 */
enum ossdl_status
ossdl_http_check_proxy(const char *proxy,
                       struct ossdl_error *err) OSSDL_MUST_CHECK;

/* Closes the connections. Not while another thread may wake it. */
void ossdl_http_free(struct ossdl_http *http);

/*
 * Closes the connections that are kept; the next exchange makes new ones. Not
 * while another thread may wake it.
 */
void ossdl_http_hang_up(struct ossdl_http *http);

/*
 * Any thread: makes a waiting exchange call on_turn at once. What comes
 * between two exchanges, or before the wait, is kept for the next wait.
 */
void ossdl_http_wake(struct ossdl_http *http);

/*
 * Runs one exchange to its end. Redirects are not followed, cookies, netrc and
 * compression not used. After anything but OSSDL_NET_OK the connection is
 * closed. A kept connection that the server closed meanwhile is replaced by
 * libcurl itself where it can tell; where not, the outcome has reused and not
 * answered: ask again at once.
 */
void ossdl_http_perform(struct ossdl_http *http,
                        const struct ossdl_http_request *request,
                        const struct ossdl_http_handler *handler,
                        struct ossdl_http_outcome *out_outcome);

OSSDL_END_DECLS

#endif
