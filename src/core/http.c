#include "http.h"

#include "alloc.h"
#include "http_clock.h"
#include "http_codes.h"
#include "http_headers.h"
#include "http_sockets.h"
#include "lock.h"
#include "secret.h"

#include <curl/curl.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LIBCURL_OLDEST 0x075000 /* 7.80.0: CURLOPT_PREREQFUNCTION */

#if LIBCURL_VERSION_NUM < LIBCURL_OLDEST
#error "ossdl needs libcurl 7.80 or newer"
#endif

#define SEND_BUFFER_BYTES 16384L /* libcurl's least; the default is 64 KiB */
#define HEADER_TEXT_MAX (128 * 1024)
#define POLL_MAX_MS 60000   /* even with a clock that is set to days */
#define KEPT_CONNECTIONS 4L /* one per bucket: each has a host name */
#define KEEPALIVE_SECONDS 30L

struct ossdl_http {
    /* Fixed by ossdl_http_new(). */
    CURLM *multi;
    CURL *easy;

    struct ossdl_http_sockets sockets; /* of kept connections, and new ones */

    /* Of the running exchange; handler is NULL between two of them. */
    const struct ossdl_http_handler *handler;
    struct ossdl_http_outcome *outcome;
    struct ossdl_buf header_text; /* the lines that header_nodes point to */
    struct curl_slist header_nodes[OSSDL_HTTP_HEADERS_MAX];
    struct ossdl_http_clock clock;
    bool opened;   /* a socket of its own: the connection is not reused */
    bool heard;    /* body bytes came since the clock was set */
    bool finished; /* libcurl is done with it */
    char curl_text[CURL_ERROR_SIZE];
};

/* --- options ------------------------------------------------------------- */

static const struct long_option {
    CURLoption option;
    long value;
} LONG_OPTIONS[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_PATH_AS_IS, 1}, /* "a/../b" is an object's name like any other */
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_HTTP_CONTENT_DECODING, 0},
    {CURLOPT_DISALLOW_USERNAME_IN_URL, 1},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1}, /* the proxy's answer is not ours */
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_DNS_SHUFFLE_ADDRESSES, 1}, /* spreads the workers */
    {CURLOPT_MAXAGE_CONN, OSSDL_HTTP_IDLE_SECONDS},
    {CURLOPT_TCP_NODELAY, 1},
    {CURLOPT_TCP_KEEPALIVE, 1},
    {CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS},
    {CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS},
    {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
    {CURLOPT_BUFFERSIZE, OSSDL_HTTP_RECEIVE_BYTES},
    {CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER_BYTES},
#if LIBCURL_VERSION_NUM >= 0x075700
    /*
     * A name server that hangs must not hold up a cancel: the resolver's
     * thread is left to end by itself. Safe, as libcurl stays loaded.
     */
    {CURLOPT_QUICK_EXIT, 1},
#endif
#if LIBCURL_VERSION_NUM < 0x075500
    {CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS},
#endif
};

static CURLcode set_longs(CURL *easy, const struct long_option *options,
                          size_t count)
{
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < count && code == CURLE_OK; i++) {
        code = curl_easy_setopt(easy, options[i].option, options[i].value);
    }
    return code;
}

static CURLcode set_strings(CURL *easy,
                            const struct ossdl_http_options *options)
{
    const struct {
        CURLoption option;
        const char *value; /* NULL: libcurl's default stays */
    } strings[] = {
#if LIBCURL_VERSION_NUM >= 0x075500
        {CURLOPT_PROTOCOLS_STR, "http,https"},
#endif
        {CURLOPT_PROXY, options->proxy},
        {CURLOPT_CAINFO, options->ca_file},
        {CURLOPT_USERAGENT, options->user_agent},
    };
    CURLcode code = CURLE_OK;

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(strings) && code == CURLE_OK; i++) {
        if (strings[i].value) {
            code = curl_easy_setopt(easy, strings[i].option, strings[i].value);
        }
    }
    return code;
}

static CURLcode set_caller_options(struct ossdl_http *http,
                                   const struct ossdl_http_options *options)
{
    const struct long_option longs[] = {
        {CURLOPT_SSL_VERIFYPEER, options->tls_verify ? 1 : 0},
        {CURLOPT_SSL_VERIFYHOST, options->tls_verify ? 2 : 0},
        {CURLOPT_CONNECTTIMEOUT_MS,
         (long) http->clock.limit_ms[OSSDL_HTTP_CONNECT]},
    };
    CURLcode code = set_longs(http->easy, longs, OSSDL_ARRAY_LEN(longs));

    return code == CURLE_OK ? set_strings(http->easy, options) : code;
}

/* --- callbacks: on the owner's thread, inside curl_multi_perform() ------- */

/* The first reason is the one that counts. */
static void end_exchange(struct ossdl_http *http, enum ossdl_net net)
{
    if (http->outcome->net == OSSDL_NET_OK) {
        http->outcome->net = net;
    }
}

static void end_failed_multi(struct ossdl_http *http, CURLMcode code)
{
    if (code != CURLM_OK) {
        end_exchange(http, code == CURLM_OUT_OF_MEMORY ? OSSDL_NET_MEMORY
                                                       : OSSDL_NET_OTHER);
    }
}

static void enter(struct ossdl_http *http, enum ossdl_http_phase phase)
{
    ossdl_http_clock_enter(&http->clock, phase, ossdl_now_ms());
}

/*
 * Called again where libcurl replaces a dead kept connection, and for each
 * address that it tries.
 */
static curl_socket_t open_socket(void *context, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    struct ossdl_http *http = context;

    (void) purpose;
    http->opened = true;
    if (http->clock.phase != OSSDL_HTTP_CONNECT) {
        enter(http, OSSDL_HTTP_CONNECT);
    }
    return ossdl_http_sockets_open(&http->sockets, address->family,
                                   address->socktype, address->protocol);
}

/* At any moment up to the end of ossdl_http_free(). */
static int close_socket(void *context, curl_socket_t fd)
{
    struct ossdl_http *http = context;

    return ossdl_http_sockets_close(&http->sockets, fd);
}

/* The connection is ready, new or kept, and the request goes out next. */
static int on_ready(void *context, char *remote_ip, char *local_ip,
                    int remote_port, int local_port)
{
    struct ossdl_http *http = context;
    const char *format = strchr(remote_ip, ':') ? "[%s]:%d" : "%s:%d";

    (void) local_ip;
    (void) local_port;
    snprintf(http->outcome->address, sizeof http->outcome->address, format,
             remote_ip, remote_port);
    enter(http, OSSDL_HTTP_ANSWER);
    return CURL_PREREQFUNC_OK;
}

static bool headers_too_large(const struct ossdl_reply *reply, size_t len)
{
    return len > OSSDL_REPLY_LINE_BYTES ||
           reply->header_bytes + len > OSSDL_REPLY_BYTES ||
           reply->header_lines >= OSSDL_REPLY_LINES;
}

/* Going on may call on_body with what libcurl has put by meanwhile. */
static void set_paused(struct ossdl_http *http, bool paused)
{
    CURLcode code;

    ossdl_http_clock_pause(&http->clock, paused, ossdl_now_ms());
    code = curl_easy_pause(http->easy, paused ? CURLPAUSE_ALL : CURLPAUSE_CONT);
    if (code != CURLE_OK) {
        end_exchange(http, ossdl_http_codes_net(code, OSSDL_HTTP_BODY));
    }
}

/* The pause that the handler asks for, in microseconds; 0 also when it ends
 * the exchange. */
static int64_t ask_handler(struct ossdl_http *http)
{
    const struct ossdl_http_handler *handler = http->handler;
    int64_t pause_us = 0;

    if (handler->on_turn &&
        handler->on_turn(handler->context, &pause_us) != OSSDL_OK) {
        end_exchange(http, OSSDL_NET_STOPPED);
        return 0;
    }
    return pause_us;
}

/* libcurl reads on while there is something to read: a pause or a stop that
 * waited for the end of that would come too late. */
static void pause_if_asked(struct ossdl_http *http)
{
    if (ask_handler(http) > 0 && !http->clock.paused) {
        set_paused(http, true);
    }
}

static void announce_reply(struct ossdl_http *http)
{
    const struct ossdl_http_handler *handler = http->handler;

    enter(http, OSSDL_HTTP_BODY);
    if (handler->on_reply &&
        handler->on_reply(handler->context, &http->outcome->reply) !=
            OSSDL_OK) {
        end_exchange(http, OSSDL_NET_STOPPED);
        return;
    }
    pause_if_asked(http);
}

/* Takes a whole line; returning anything but its length ends the exchange. */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct ossdl_http *http = context;
    size_t len = size * count;
    struct ossdl_reply *reply;

    if (!http->handler) {
        return 0;
    }
    reply = &http->outcome->reply;
    http->outcome->answered = true;
    http->clock.answered = true;
    if (ossdl_reply_line(reply, ossdl_slice_of(bytes, len)) != OSSDL_OK) {
        end_exchange(http, headers_too_large(reply, len)
                               ? OSSDL_NET_HEADERS_TOO_LARGE
                               : OSSDL_NET_GARBAGE);
    } else if (reply->complete && reply->status >= 200 &&
               http->clock.phase != OSSDL_HTTP_BODY) {
        announce_reply(http);
    }
    return http->outcome->net == OSSDL_NET_OK ? len : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct ossdl_http *http = context;
    const struct ossdl_http_handler *handler = http->handler;
    size_t len = size * count;

    if (!handler) {
        return 0;
    }
    if (http->clock.paused) {
        /* It goes on with what it has put by: once more, and it waits. */
        return CURL_WRITEFUNC_PAUSE;
    }
    http->heard = true;
    if (len > 0 && handler->on_body &&
        handler->on_body(handler->context, bytes, len) != OSSDL_OK) {
        end_exchange(http, OSSDL_NET_STOPPED);
        return 0;
    }
    http->outcome->body_bytes += len;
    pause_if_asked(http);
    return http->outcome->net == OSSDL_NET_OK ? len : 0;
}

static CURLcode set_callbacks(struct ossdl_http *http)
{
    const bool failed =
        curl_easy_setopt(http->easy, CURLOPT_ERRORBUFFER, http->curl_text) ||
        curl_easy_setopt(http->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) ||
        curl_easy_setopt(http->easy, CURLOPT_OPENSOCKETDATA, http) ||
        curl_easy_setopt(http->easy, CURLOPT_CLOSESOCKETFUNCTION,
                         close_socket) ||
        curl_easy_setopt(http->easy, CURLOPT_CLOSESOCKETDATA, http) ||
        curl_easy_setopt(http->easy, CURLOPT_PREREQFUNCTION, on_ready) ||
        curl_easy_setopt(http->easy, CURLOPT_PREREQDATA, http) ||
        curl_easy_setopt(http->easy, CURLOPT_HEADERFUNCTION, on_header) ||
        curl_easy_setopt(http->easy, CURLOPT_HEADERDATA, http) ||
        curl_easy_setopt(http->easy, CURLOPT_WRITEFUNCTION, on_body) ||
        curl_easy_setopt(http->easy, CURLOPT_WRITEDATA, http);

    return failed ? CURLE_UNKNOWN_OPTION : CURLE_OK;
}

/* --- life ---------------------------------------------------------------- */

static enum ossdl_status global_locked(struct ossdl_error *err)
{
    const curl_version_info_data *info;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return ossdl_error_memory(err);
    }
    info = curl_version_info(CURLVERSION_NOW);
    if (info->version_num < LIBCURL_OLDEST) {
        return ossdl_error_set(err, OSSDL_EINVALID, "LIBCURL",
                               "this libcurl is %s, but 7.80 or newer is "
                               "needed: install a newer libcurl",
                               info->version);
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_http_global(struct ossdl_error *err)
{
    static struct ossdl_lock lock = OSSDL_LOCK_INITIALIZER;
    static atomic_bool ready;
    enum ossdl_status status = OSSDL_OK;

    /* Once it is ready no lock is taken: a process may have been forked while
     * another thread held it. */
    if (atomic_load(&ready)) {
        return OSSDL_OK;
    }
    /* curl_global_init() is not safe against itself before libcurl 7.84. */
    ossdl_lock_take(&lock);
    if (!atomic_load(&ready)) {
        status = global_locked(err);
        atomic_store(&ready, status == OSSDL_OK);
    }
    ossdl_lock_drop(&lock);
    return status;
}

static CURLM *new_multi(void)
{
    CURLM *multi = curl_multi_init();

    if (multi) {
        (void) curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    }
    return multi;
}

static enum ossdl_status open_handles(struct ossdl_http *http,
                                      const struct ossdl_http_options *options,
                                      struct ossdl_error *err)
{
    CURLcode code;

    http->multi = new_multi();
    http->easy = curl_easy_init();
    if (!http->multi || !http->easy) {
        return ossdl_error_memory(err);
    }
    code = set_longs(http->easy, LONG_OPTIONS, OSSDL_ARRAY_LEN(LONG_OPTIONS));
    if (code == CURLE_OK) {
        code = set_caller_options(http, options);
    }
    if (code == CURLE_OK) {
        code = set_callbacks(http);
    }
    if (code == CURLE_OUT_OF_MEMORY) {
        return ossdl_error_memory(err);
    }
    if (code != CURLE_OK) {
        return ossdl_error_set(err, OSSDL_EINVALID, "LIBCURL",
                               "libcurl does not take an option that is "
                               "needed (%s): install a complete libcurl",
                               curl_easy_strerror(code));
    }
    return OSSDL_OK;
}

enum ossdl_status ossdl_http_new(const struct ossdl_http_options *options,
                                 struct ossdl_http **out_http,
                                 struct ossdl_error *err)
{
    enum ossdl_status status = ossdl_http_global(err);
    struct ossdl_http *http;

    *out_http = NULL;
    if (status != OSSDL_OK) {
        return status;
    }
    http = ossdl_alloc_zero(1, sizeof *http);
    if (!http) {
        return ossdl_error_memory(err);
    }
    ossdl_buf_init_secret(&http->header_text, HEADER_TEXT_MAX);
    ossdl_http_clock_init(&http->clock, options->connect_timeout_ms,
                          options->first_byte_timeout_ms,
                          options->stall_timeout_ms);
    status = open_handles(http, options, err);
    if (status != OSSDL_OK) {
        ossdl_http_free(http);
        return status;
    }
    *out_http = http;
    return OSSDL_OK;
}

void ossdl_http_free(struct ossdl_http *http)
{
    if (!http) {
        return;
    }
    curl_easy_cleanup(http->easy);
    if (http->multi) {
        curl_multi_cleanup(http->multi);
    }
    ossdl_buf_cleanup(&http->header_text);
    ossdl_free(http);
}

void ossdl_http_hang_up(struct ossdl_http *http)
{
    /* libcurl closes kept connections only together with their owner. */
    CURLM *fresh = new_multi();

    if (fresh) {
        curl_multi_cleanup(http->multi);
        http->multi = fresh;
    }
}

void ossdl_http_wake(struct ossdl_http *http)
{
    /* It fails only when a wake-up is pending already. */
    (void) curl_multi_wakeup(http->multi);
}

/* --- the request --------------------------------------------------------- */

/* Only when the text has stopped growing do its bytes have an address. */
static void link_nodes(struct ossdl_http *http, size_t count)
{
    char *text = http->header_text.data;

    for (size_t i = 0; i < count; i++) {
        http->header_nodes[i].data = text;
        http->header_nodes[i].next =
            i + 1 < count ? &http->header_nodes[i + 1] : NULL;
        text += strlen(text) + 1;
    }
}

/*
 * The list that libcurl reads is ours, in one block for all its strings:
 * cheaper than an allocation per header, and it can be wiped.
 */
static enum ossdl_net set_request(struct ossdl_http *http,
                                  const struct ossdl_http_request *request)
{
    size_t count;
    enum ossdl_status status =
        ossdl_http_headers_write(request->headers, &http->header_text, &count);
    CURLcode code;

    if (status != OSSDL_OK) {
        return status == OSSDL_EMEMORY ? OSSDL_NET_MEMORY : OSSDL_NET_BAD_URL;
    }
    link_nodes(http, count);
    code = curl_easy_setopt(http->easy, CURLOPT_URL, request->url);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER,
                                http->header_nodes);
    }
    return ossdl_http_codes_net(code, OSSDL_HTTP_CONNECT);
}

/* --- the exchange -------------------------------------------------------- */

/*
 * Asked only after libcurl has read what there is, so that a thread which was
 * kept from running for long does not blame the server.
 */
static void check_clock(struct ossdl_http *http)
{
    struct ossdl_http_outcome *outcome = http->outcome;
    int64_t now_ms = ossdl_now_ms();

    if (http->heard) {
        http->heard = false;
        ossdl_http_clock_hear(&http->clock, now_ms);
    } else if (ossdl_http_clock_left_ms(&http->clock, now_ms) == 0) {
        end_exchange(http, ossdl_http_clock_net(&http->clock));
        snprintf(outcome->text, sizeof outcome->text, "%.1f s",
                 (double) ossdl_http_clock_limit_ms(&http->clock) / 1000);
    }
}

/* Asks the handler, then waits: for bytes, for a wake-up, or for the clock. */
static void take_turn(struct ossdl_http *http, bool wait)
{
    int64_t pause_us = ask_handler(http);
    bool pause;

    if (http->outcome->net != OSSDL_NET_OK) {
        return;
    }
    pause = pause_us > 0 && http->clock.phase == OSSDL_HTTP_BODY;
    if (pause != http->clock.paused) {
        set_paused(http, pause);
        wait = wait && pause && http->outcome->net == OSSDL_NET_OK;
    }
    if (wait) {
        int64_t ms =
            pause ? pause_us / 1000 + (pause_us % 1000 != 0)
                  : ossdl_http_clock_left_ms(&http->clock, ossdl_now_ms());

        end_failed_multi(
            http,
            curl_multi_poll(http->multi, NULL, 0,
                            (int) (ms < POLL_MAX_MS ? ms : POLL_MAX_MS), NULL));
    }
}

static void step(struct ossdl_http *http)
{
    int count = 0;
    CURLMcode code = curl_multi_perform(http->multi, &count);

    if (code != CURLM_OK) {
        end_failed_multi(http, code);
    } else if (count > 0) {
        check_clock(http);
    } else {
        CURLMsg *message = curl_multi_info_read(http->multi, &count);

        http->finished = true;
        http->outcome->curl_code =
            message ? (int) message->data.result : CURLE_FAILED_INIT;
    }
}

static void run(struct ossdl_http *http)
{
    bool wait = false;

    end_failed_multi(http, curl_multi_add_handle(http->multi, http->easy));
    while (!http->finished && http->outcome->net == OSSDL_NET_OK) {
        take_turn(http, wait);
        wait = true;
        if (http->outcome->net == OSSDL_NET_OK) {
            step(http);
        }
    }
}

/* --- the outcome --------------------------------------------------------- */

static enum ossdl_net net_of_result(struct ossdl_http *http)
{
    long proxy_status = 0;

    (void) curl_easy_getinfo(http->easy, CURLINFO_HTTP_CONNECTCODE,
                             &proxy_status);
    if (http->clock.phase == OSSDL_HTTP_CONNECT && proxy_status >= 300) {
        return OSSDL_NET_PROXY;
    }
    return ossdl_http_codes_net((CURLcode) http->outcome->curl_code,
                                http->clock.phase);
}

/*
 * libcurl quotes what it was given and what it got: a proxy with its password
 * (told by its "@") is not passed on, and no control character either.
 */
static void copy_curl_text(struct ossdl_http *http)
{
    struct ossdl_http_outcome *outcome = http->outcome;
    const char *text = http->curl_text;

    if (text[0] == '\0' || strchr(text, '@')) {
        text = curl_easy_strerror((CURLcode) outcome->curl_code);
    }
    snprintf(outcome->text, sizeof outcome->text, "%s", text);
    for (char *at = outcome->text; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') {
            *at = ' ';
        }
    }
}

static void explain(struct ossdl_http *http)
{
    struct ossdl_http_outcome *outcome = http->outcome;
    long os_errno = 0;

    if (http->finished && outcome->net == OSSDL_NET_OK) {
        outcome->net = net_of_result(http);
        if (outcome->curl_code != CURLE_OK) {
            copy_curl_text(http);
        }
        (void) curl_easy_getinfo(http->easy, CURLINFO_OS_ERRNO, &os_errno);
        outcome->os_errno = outcome->net == OSSDL_NET_OK ? 0 : (int) os_errno;
    }
    if (outcome->net != OSSDL_NET_OK && outcome->text[0] == '\0') {
        snprintf(outcome->text, sizeof outcome->text, "%s",
                 ossdl_net_text(outcome->net));
    }
}

static void begin(struct ossdl_http *http,
                  const struct ossdl_http_handler *handler,
                  struct ossdl_http_outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    ossdl_reply_reset(&outcome->reply);
    http->handler = handler;
    http->outcome = outcome;
    http->opened = false;
    http->heard = false;
    http->finished = false;
    http->curl_text[0] = '\0';
    enter(http, OSSDL_HTTP_CONNECT);
}

/* Handles go back to how they were; no handler is called from here on. */
static void finish(struct ossdl_http *http)
{
    struct ossdl_http_outcome *outcome = http->outcome;

    outcome->reused = outcome->address[0] != '\0' && !http->opened;
    http->handler = NULL;
    (void) curl_multi_remove_handle(http->multi, http->easy);
    http->outcome = NULL;
    (void) curl_easy_setopt(http->easy, CURLOPT_HTTPHEADER, NULL);
    ossdl_buf_reset(&http->header_text);
}

void ossdl_http_perform(struct ossdl_http *http,
                        const struct ossdl_http_request *request,
                        const struct ossdl_http_handler *handler,
                        struct ossdl_http_outcome *out_outcome)
{
    begin(http, handler, out_outcome);
    ossdl_http_sockets_sweep(&http->sockets);
    out_outcome->net = set_request(http, request);
    if (out_outcome->net == OSSDL_NET_OK) {
        run(http);
    }
    explain(http);
    finish(http);
}
