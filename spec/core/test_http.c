#include "test.h"
#include "wire.h"

#include "buf.h"
#include "http.h"
#include "lock.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

#define READ_AHEAD 65536 /* what may come after a pause is asked for */
#define PAUSE_AFTER_REPLY INT64_MIN
#define BODY_MAX (8 * 1024 * 1024)
#define PAGE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\nhello"

/* --- the client's side --------------------------------------------------- */

/* A handle, and a handler that notes what happens and does as it is told. */
struct peer {
    struct ossdl_http *http;
    struct ossdl_http_handler handler;
    struct ossdl_http_outcome outcome;
    struct ossdl_buf body;
    unsigned replies;
    unsigned turns;
    int reply_status; /* what on_reply saw */

    /* Orders. */
    bool refuse_reply;
    uint64_t stop_at;   /* body bytes after which on_body refuses; 0: never */
    unsigned body_naps; /* calls of on_body that take their time */
    int64_t body_nap_ms;
    int64_t pause_ms;       /* how long to ask for pauses */
    int64_t pause_until_ms; /* PAUSE_AFTER_REPLY: from the first turn on */
    int64_t pause_us;       /* what is asked for each time */
    unsigned pause_every;   /* turns; 0: never */
    uint64_t paused_at;     /* 1 + body bytes when it began; 0: not paused */
    bool read_in_pause;
    bool over; /* no call may come any more */
    bool called_late;
    atomic_uint turns_seen; /* turns, for another thread */
    atomic_bool cancel;
};

static void nap(int64_t ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static enum ossdl_status peer_reply(void *context,
                                    const struct ossdl_reply *reply)
{
    struct peer *peer = context;

    peer->called_late = peer->called_late || peer->over || peer->body.len > 0;
    peer->replies++;
    peer->reply_status = reply->status;
    return peer->refuse_reply ? OSSDL_EPROTOCOL : OSSDL_OK;
}

static enum ossdl_status peer_body(void *context, const void *bytes, size_t len)
{
    struct peer *peer = context;

    peer->called_late = peer->called_late || peer->over || peer->replies != 1;
    if (peer->paused_at > 0 &&
        peer->body.len + len > peer->paused_at + READ_AHEAD) {
        peer->read_in_pause = true;
    }
    if (peer->body_naps > 0) {
        peer->body_naps--;
        nap(peer->body_nap_ms);
    }
    if (ossdl_buf_append(&peer->body, bytes, len) != OSSDL_OK) {
        return OSSDL_EMEMORY;
    }
    return peer->stop_at > 0 && peer->body.len >= peer->stop_at
               ? OSSDL_ECANCELLED
               : OSSDL_OK;
}

static enum ossdl_status peer_turn(void *context, int64_t *out_pause_us)
{
    struct peer *peer = context;

    peer->called_late = peer->called_late || peer->over;
    peer->turns++;
    atomic_fetch_add(&peer->turns_seen, 1);
    if (peer->replies > 0 && peer->pause_until_ms == PAUSE_AFTER_REPLY) {
        peer->pause_until_ms = ossdl_now_ms() + peer->pause_ms;
    }
    if (peer->replies > 0 && ossdl_now_ms() < peer->pause_until_ms) {
        if (peer->paused_at == 0) {
            peer->paused_at = peer->body.len + 1;
        }
        *out_pause_us = peer->pause_us;
    } else {
        peer->paused_at = 0;
    }
    if (peer->pause_every > 0 && peer->turns % peer->pause_every == 0) {
        *out_pause_us = peer->pause_us;
    }
    return atomic_load(&peer->cancel) ? OSSDL_ECANCELLED : OSSDL_OK;
}

/* Clocks that no test waits for, unless it sets its own. */
static struct ossdl_http_options calm(void)
{
    struct ossdl_http_options options = {0};

    options.connect_timeout_ms = WIRE_PATIENCE_MS;
    options.first_byte_timeout_ms = WIRE_PATIENCE_MS;
    options.stall_timeout_ms = WIRE_PATIENCE_MS;
    options.proxy = "";
    options.user_agent = "ossdl-test";
    options.tls_verify = true;
    return options;
}

static bool peer_open(struct peer *peer,
                      const struct ossdl_http_options *options)
{
    struct ossdl_error err;

    memset(peer, 0, sizeof(*peer));
    peer->handler.context = peer;
    peer->handler.on_reply = peer_reply;
    peer->handler.on_body = peer_body;
    peer->handler.on_turn = peer_turn;
    ossdl_buf_init(&peer->body, BODY_MAX);
    atomic_init(&peer->turns_seen, 0);
    atomic_init(&peer->cancel, false);
    if (ossdl_http_new(options, &peer->http, &err) != OSSDL_OK) {
        printf("    %s\n", err.message);
        test_failures++;
        return false;
    }
    return true;
}

static void peer_close(struct peer *peer)
{
    peer->over = true;
    ossdl_http_free(peer->http);
    ossdl_buf_cleanup(&peer->body);
    if (peer->called_late) {
        printf("    a handler was called out of order\n");
        test_failures++;
    }
}

static enum ossdl_net peer_get_url(struct peer *peer, const char *url,
                                   const struct ossdl_pairs *headers)
{
    struct ossdl_http_request request = {url, headers};

    peer->replies = 0;
    peer->turns = 0;
    peer->over = false;
    ossdl_buf_reset(&peer->body);
    ossdl_http_perform(peer->http, &request, &peer->handler, &peer->outcome);
    peer->over = true;
    return peer->outcome.net;
}

static enum ossdl_net peer_get(struct peer *peer,
                               const struct wire_server *server)
{
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/o", server->port);
    return peer_get_url(peer, url, NULL);
}

/* A server and one client of it, started and ended together. */
struct scene {
    struct wire_server server;
    struct peer peer;
};

static bool scene_open(struct scene *scene, wire_serve_fn *serve, void *context,
                       const struct ossdl_http_options *options)
{
    wire_start(&scene->server, serve, context);
    if (!peer_open(&scene->peer, options)) {
        wire_stop(&scene->server);
        return false;
    }
    return true;
}

static void scene_close(struct scene *scene)
{
    peer_close(&scene->peer);
    wire_stop(&scene->server);
}

/* One exchange with a server that plays serve; the scene is closed after it. */
static struct peer scene_once(wire_serve_fn *serve, void *context,
                              const struct ossdl_http_options *options)
{
    static struct scene scene;

    if (scene_open(&scene, serve, context, options)) {
        peer_get(&scene.peer, &scene.server);
        scene_close(&scene);
    }
    return scene.peer;
}

/* --- the server's side --------------------------------------------------- */

static void serve_pages(struct wire *wire)
{
    while (wire_read_request(wire) && wire_say(wire, PAGE)) {
    }
}

static void serve_context(struct wire *wire)
{
    if (wire_read_request(wire)) {
        wire_say(wire, wire->context);
    }
}

static void serve_context_and_wait(struct wire *wire)
{
    if (wire_read_request(wire)) {
        wire_say(wire, wire->context);
        wire_wait_closed(wire);
    }
}

/* --- what a good exchange is --------------------------------------------- */

TEST("an answer comes with its headers, then its body, then its outcome")
{
    struct ossdl_http_options options = calm();
    struct scene scene;
    char address[64];

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK_U64(scene.peer.replies, 1);
    CHECK_U64(scene.peer.reply_status, 200);
    CHECK_STR(ossdl_buf_str(&scene.peer.body), "hello");
    CHECK_U64(scene.peer.outcome.body_bytes, 5);
    CHECK_STR(scene.peer.outcome.reply.etag, "\"e\"");
    CHECK_STR(scene.peer.outcome.text, "");
    CHECK(scene.peer.outcome.answered && !scene.peer.outcome.reused);
    CHECK_U64(scene.peer.outcome.os_errno, 0);
    snprintf(address, sizeof(address), "127.0.0.1:%u", scene.server.port);
    CHECK_STR(scene.peer.outcome.address, address);
    scene_close(&scene);
}

TEST("a handler needs none of its functions")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    memset(&scene.peer.handler, 0, sizeof(scene.peer.handler));
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK_U64(scene.peer.outcome.body_bytes, 5);
    scene_close(&scene);
}

struct record {
    char request[65536];
    unsigned port;
};

static void serve_record(struct wire *wire)
{
    struct record *record = wire->context;

    if (wire_read_request(wire)) {
        memcpy(record->request, wire->request, sizeof(record->request));
        wire_say(wire, PAGE);
    }
}

TEST("nothing is sent but what was asked for")
{
    static struct record record;
    struct ossdl_http_options options = calm();
    struct ossdl_pairs headers;
    struct scene scene;
    char url[80];
    char expected[256];

    ossdl_pairs_init(&headers);
    CHECK_OK(ossdl_pairs_add(&headers, ossdl_slice_str("Range"),
                             ossdl_slice_str("bytes=0-9")));
    CHECK_OK(ossdl_pairs_add(&headers, ossdl_slice_str("x-empty"),
                             ossdl_slice_str("")));
    CHECK(scene_open(&scene, serve_record, &record, &options));
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/a/../b//c?q=%%2F",
             scene.server.port);
    peer_get_url(&scene.peer, url, &headers);
    scene_close(&scene);
    snprintf(expected, sizeof(expected),
             "GET /a/../b//c?q=%%2F HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
             "User-Agent: ossdl-test\r\nRange: bytes=0-9\r\nx-empty:\r\n\r\n",
             scene.server.port);
    CHECK_STR(record.request, expected);
    ossdl_pairs_cleanup(&headers);
}

TEST("as many headers as a list holds are sent, and none of them is kept")
{
    static struct record record;
    struct ossdl_http_options options = calm();
    struct ossdl_pairs headers;
    struct scene scene;
    char url[80];

    ossdl_pairs_init(&headers);
    for (int i = 0; i < OSSDL_PAIRS_MAX; i++) {
        CHECK_OK(ossdl_pairs_add(&headers, ossdl_slice_str("x-mark"),
                                 ossdl_slice_str("0123456789")));
    }
    CHECK(scene_open(&scene, serve_record, &record, &options));
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", scene.server.port);
    CHECK_U64(peer_get_url(&scene.peer, url, &headers), OSSDL_NET_OK);
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    scene_close(&scene);
    CHECK(!strstr(record.request, "x-mark"));
    ossdl_pairs_cleanup(&headers);
}

static void serve_large(struct wire *wire)
{
    static char block[65536];
    unsigned *blocks = wire->context;
    char head[64];

    memset(block, 'x', sizeof(block));
    while (wire_read_request(wire)) {
        snprintf(head, sizeof(head),
                 "HTTP/1.1 206 Partial\r\nContent-Length: %zu\r\n\r\n",
                 sizeof(block) * *blocks);
        wire_say(wire, head);
        for (unsigned i = 0; i < *blocks; i++) {
            if (!wire_send(wire, block, sizeof(block))) {
                return;
            }
        }
    }
}

TEST("a large body comes whole")
{
    unsigned blocks = 64;
    struct ossdl_http_options options = calm();
    struct peer peer = scene_once(serve_large, &blocks, &options);

    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.outcome.body_bytes, 64 * 65536);
}

TEST("a body in chunks is put together, and its trailers are let go")
{
    char page[] = "HTTP/1.1 206 Partial\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nETag: \"late\"\r\n\r\n";
    struct ossdl_http_options options = calm();
    struct peer peer = scene_once(serve_context_and_wait, page, &options);

    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.outcome.body_bytes, 5);
    CHECK(peer.outcome.reply.chunked);
    CHECK_STR(peer.outcome.reply.etag, "");
}

TEST("a body without a length ends with the connection")
{
    char page[] = "HTTP/1.0 200 OK\r\n\r\nhello";
    struct ossdl_http_options options = calm();
    struct peer peer = scene_once(serve_context, page, &options);

    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.outcome.body_bytes, 5);
}

TEST("a compressed body is handed over as it came")
{
    char page[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                  "Content-Length: 5\r\n\r\nhello";
    struct ossdl_http_options options = calm();
    struct peer peer = scene_once(serve_context, page, &options);

    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.outcome.body_bytes, 5);
    CHECK_STR(peer.outcome.reply.content_encoding, "gzip");
}

TEST("a redirect is an answer and not a place to go")
{
    char page[] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
                  "Content-Length: 0\r\n\r\n";
    struct ossdl_http_options options = calm();
    struct peer peer = scene_once(serve_context, page, &options);

    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.reply_status, 302);
}

TEST("informational answers before the real one are passed over")
{
    char page[] = "HTTP/1.1 100 Continue\r\nETag: \"no\"\r\n\r\n"
                  "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" PAGE;
    struct ossdl_http_options options = calm();
    struct peer peer = scene_once(serve_context, page, &options);

    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.replies, 1);
    CHECK_U64(peer.reply_status, 200);
    CHECK_STR(peer.outcome.reply.etag, "\"e\"");
}

/* --- connections that are kept ------------------------------------------- */

TEST("the connection serves one exchange after the other")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    for (int i = 0; i < 20; i++) {
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        CHECK_U64(scene.peer.outcome.reused, i > 0);
        CHECK_STR(ossdl_buf_str(&scene.peer.body), "hello");
    }
    CHECK_U64(atomic_load(&scene.server.connections), 1);
    scene_close(&scene);
}

TEST("after hanging up, the next exchange makes a new connection")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    ossdl_http_hang_up(scene.peer.http);
    for (unsigned i = 1; i <= 3; i++) {
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        CHECK(!scene.peer.outcome.reused);
        CHECK_STR(ossdl_buf_str(&scene.peer.body), "hello");
        CHECK_U64(atomic_load(&scene.server.connections), i);
        ossdl_http_hang_up(scene.peer.http);
    }
    scene_close(&scene);
}

/* Answers one request, then closes as if it had been idle for too long. */
static void serve_one_page(struct wire *wire)
{
    if (wire_read_request(wire)) {
        wire_say(wire, PAGE);
    }
}

TEST("a connection that was closed while idle is replaced")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_one_page, NULL, &options));
    for (int i = 0; i < 10; i++) {
        enum ossdl_net net = peer_get(&scene.peer, &scene.server);

        /* When the request crosses the end of the connection, we are told. */
        CHECK(net == OSSDL_NET_OK ||
              (scene.peer.outcome.reused && !scene.peer.outcome.answered));
    }
    scene_close(&scene);
}

static void serve_close_on_second(struct wire *wire)
{
    bool *reset = wire->context;

    if (wire_read_request(wire) && wire_say(wire, PAGE) &&
        wire_read_request(wire) && *reset) {
        wire_reset(wire);
    }
}

TEST("a kept connection that ends under a request is replaced or told of")
{
    for (int reset = 0; reset < 2; reset++) {
        bool with_reset = reset == 1;
        struct ossdl_http_options options = calm();
        struct scene scene;

        CHECK(scene_open(&scene, serve_close_on_second, &with_reset, &options));
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        if (peer_get(&scene.peer, &scene.server) == OSSDL_NET_OK) {
            CHECK(!scene.peer.outcome.reused);
            CHECK_U64(atomic_load(&scene.server.connections), 2);
        } else {
            CHECK(scene.peer.outcome.reused && !scene.peer.outcome.answered);
            CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        }
        CHECK_STR(ossdl_buf_str(&scene.peer.body), "hello");
        scene_close(&scene);
    }
}

static void serve_too_much(struct wire *wire)
{
    while (wire_read_request(wire) &&
           wire_say(wire, PAGE "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                               "wrong")) {
    }
}

TEST("bytes after the end of an answer are never part of the next one")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_too_much, NULL, &options));
    for (int i = 0; i < 10; i++) {
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        CHECK_STR(ossdl_buf_str(&scene.peer.body), "hello");
    }
    scene_close(&scene);
}

static void serve_too_much_later(struct wire *wire)
{
    atomic_int *said = wire->context;

    while (wire_read_request(wire) && wire_say(wire, PAGE)) {
        nap(20);
        wire_say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        atomic_fetch_add(said, 1);
    }
}

TEST("an answer that nobody asked for is not taken for the next one")
{
    struct ossdl_http_options options = calm();
    struct scene scene;
    atomic_int said;

    atomic_init(&said, 0);
    CHECK(scene_open(&scene, serve_too_much_later, &said, &options));
    for (int i = 0; i < 5; i++) {
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        CHECK_STR(ossdl_buf_str(&scene.peer.body), "hello");
        while (atomic_load(&said) == i) {
            nap(1);
        }
        nap(5);
    }
    scene_close(&scene);
}

/* --- being stopped ------------------------------------------------------- */

TEST("an exchange that is stopped in its body leaves nothing to the next")
{
    unsigned blocks = 64;
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_large, &blocks, &options));
    for (unsigned i = 1; i <= 3; i++) {
        scene.peer.stop_at = 100000;
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_STOPPED);
        CHECK_STR(scene.peer.outcome.text, ossdl_net_text(OSSDL_NET_STOPPED));
        CHECK(scene.peer.outcome.body_bytes < 64 * 65536);
        CHECK_U64(scene.peer.outcome.reused, i > 1);
        scene.peer.stop_at = 0;
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
        CHECK_U64(scene.peer.body.len, 64 * 65536);
        CHECK(!scene.peer.outcome.reused);
    }
    scene_close(&scene);
}

TEST("an answer that is refused by its headers has no body")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    scene.peer.refuse_reply = true;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_STOPPED);
    CHECK_U64(scene.peer.body.len, 0);
    CHECK_U64(scene.peer.outcome.reply.status, 200);
    scene.peer.refuse_reply = false;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK(!scene.peer.outcome.reused);
    scene_close(&scene);
}

TEST("what is cancelled before it began does not connect")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    atomic_store(&scene.peer.cancel, true);
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_STOPPED);
    CHECK_U64(scene.peer.turns, 1);
    CHECK_STR(scene.peer.outcome.address, "");
    scene_close(&scene);
    CHECK_U64(atomic_load(&scene.server.connections), 0);
}

/* Waits until the exchange has settled into its wait, then cancels it. */
static void *cancel_soon(void *argument)
{
    struct peer *peer = argument;
    unsigned seen = 0;

    do {
        seen = atomic_load(&peer->turns_seen);
        nap(50);
    } while (seen == 0 || seen != atomic_load(&peer->turns_seen));
    atomic_store(&peer->cancel, true);
    ossdl_http_wake(peer->http);
    return NULL;
}

static void cancel_during(struct scene *scene, const char *scheme)
{
    pthread_t thread;
    char url[64];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%u/", scheme,
             scene->server.port);
    CHECK(pthread_create(&thread, NULL, cancel_soon, &scene->peer) == 0);
    peer_get_url(&scene->peer, url, NULL);
    pthread_join(thread, NULL);
    CHECK_U64(scene->peer.outcome.net, OSSDL_NET_STOPPED);
}

TEST("a wake-up ends the wait for an answer")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_context_and_wait, "", &options));
    cancel_during(&scene, "http");
    scene_close(&scene);
}

TEST("a wake-up ends a silence in the body")
{
    char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_context_and_wait, page, &options));
    cancel_during(&scene, "http");
    CHECK_U64(scene.peer.outcome.body_bytes, 3);
    scene_close(&scene);
}

TEST("a wake-up ends the wait for a handshake")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, wire_wait_closed, NULL, &options));
    cancel_during(&scene, "https");
    scene_close(&scene);
}

TEST("a wake-up ends a pause")
{
    unsigned blocks = 64;
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_large, &blocks, &options));
    scene.peer.pause_until_ms = INT64_MAX;
    scene.peer.pause_us = (int64_t) WIRE_PATIENCE_MS * 1000;
    cancel_during(&scene, "http");
    CHECK(!scene.peer.read_in_pause);
    scene_close(&scene);
}

TEST("a wake-up between exchanges does no harm")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_pages, NULL, &options));
    for (int i = 0; i < 5; i++) {
        ossdl_http_wake(scene.peer.http);
        ossdl_http_wake(scene.peer.http);
        CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    }
    scene_close(&scene);
}

static void *wake_often(void *argument)
{
    struct peer *peer = argument;

    while (!atomic_load(&peer->cancel)) {
        ossdl_http_wake(peer->http);
        nap(1);
    }
    return NULL;
}

TEST("wake-ups from another thread at any moment do no harm")
{
    unsigned blocks = 16;
    struct ossdl_http_options options = calm();
    struct scene scene;
    struct peer waker;
    pthread_t thread;

    CHECK(scene_open(&scene, serve_large, &blocks, &options));
    waker.http = scene.peer.http;
    atomic_init(&waker.cancel, false);
    CHECK(pthread_create(&thread, NULL, wake_often, &waker) == 0);
    for (int i = 0; i < 20; i++) {
        peer_get(&scene.peer, &scene.server);
        if (scene.peer.outcome.net != OSSDL_NET_OK) {
            test_failures++;
        }
    }
    atomic_store(&waker.cancel, true);
    pthread_join(thread, NULL);
    scene_close(&scene);
}

/* --- clocks -------------------------------------------------------------- */

TEST("a server that accepts and says nothing is given up")
{
    struct ossdl_http_options options = calm();
    struct peer peer;

    options.first_byte_timeout_ms = 200;
    peer = scene_once(serve_context_and_wait, "", &options);
    CHECK_U64(peer.outcome.net, OSSDL_NET_FIRST_BYTE_TIMEOUT);
    CHECK(!peer.outcome.answered);
    CHECK_STR(peer.outcome.text, "0.2 s");
}

static void serve_slow_headers(struct wire *wire)
{
    if (wire_read_request(wire) && wire_say(wire, "HTTP/1.1 200 OK\r\n")) {
        while (wire_say(wire, "x: y\r\n")) {
            nap(50);
        }
    }
}

TEST("headers that drip without an end are given up")
{
    struct ossdl_http_options options = calm();
    struct peer peer;

    options.first_byte_timeout_ms = 1000;
    peer = scene_once(serve_slow_headers, NULL, &options);
    CHECK_U64(peer.outcome.net, OSSDL_NET_FIRST_BYTE_TIMEOUT);
    CHECK(peer.outcome.answered);
    CHECK_U64(peer.replies, 0);
}

TEST("silence in the middle of the headers is given up")
{
    struct ossdl_http_options options = calm();
    struct peer peer;

    options.first_byte_timeout_ms = 100;
    peer =
        scene_once(serve_context_and_wait, "HTTP/1.1 200 OK\r\nx: ", &options);
    CHECK_U64(peer.outcome.net, OSSDL_NET_FIRST_BYTE_TIMEOUT);
}

TEST("silence in the body is a stall")
{
    char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
    struct ossdl_http_options options = calm();
    struct peer peer;

    options.stall_timeout_ms = 200;
    peer = scene_once(serve_context_and_wait, page, &options);
    CHECK_U64(peer.outcome.net, OSSDL_NET_STALL);
    CHECK_U64(peer.outcome.body_bytes, 3);
}

TEST("silence right after the headers is a stall")
{
    char page[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    struct ossdl_http_options options = calm();
    struct peer peer;

    options.stall_timeout_ms = 200;
    peer = scene_once(serve_context_and_wait, page, &options);
    CHECK_U64(peer.outcome.net, OSSDL_NET_STALL);
    CHECK_U64(peer.replies, 1);
}

static void serve_drip(struct wire *wire)
{
    if (wire_read_request(wire) &&
        wire_say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")) {
        for (int i = 0; i < 10 && wire_say(wire, "x"); i++) {
            nap(200);
        }
    }
}

TEST("a body that drips is slow, not stalled")
{
    struct ossdl_http_options options = calm();
    struct peer peer;

    options.stall_timeout_ms = 1500;
    peer = scene_once(serve_drip, NULL, &options);
    CHECK_U64(peer.outcome.net, OSSDL_NET_OK);
    CHECK_U64(peer.outcome.body_bytes, 10);
}

TEST("a handler that takes its time is no stall of the server's")
{
    unsigned blocks = 64;
    struct ossdl_http_options options = calm();
    struct scene scene;

    options.stall_timeout_ms = 1000;
    CHECK(scene_open(&scene, serve_large, &blocks, &options));
    scene.peer.body_naps = 2;
    scene.peer.body_nap_ms = 1200;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK_U64(scene.peer.body.len, 64 * 65536);
    scene_close(&scene);
}

TEST("a pause keeps the body in the socket and is no stall")
{
    unsigned blocks = 64;
    struct ossdl_http_options options = calm();
    struct scene scene;

    options.stall_timeout_ms = 1000;
    CHECK(scene_open(&scene, serve_large, &blocks, &options));
    scene.peer.pause_ms = 1500;
    scene.peer.pause_until_ms = PAUSE_AFTER_REPLY;
    scene.peer.pause_us = 99001;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK(!scene.peer.read_in_pause);
    CHECK_U64(scene.peer.body.len, 64 * 65536);
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK(scene.peer.outcome.reused);
    scene_close(&scene);
}

TEST("short pauses one after the other slow a body down and do not break it")
{
    unsigned blocks = 16;
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_large, &blocks, &options));
    scene.peer.pause_every = 3;
    scene.peer.pause_us = 500;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK_U64(scene.peer.body.len, 16 * 65536);
    scene_close(&scene);
}

static void serve_chunks(struct wire *wire)
{
    static char text[64 * 1024];
    size_t len = 0;

    for (int i = 0; i < 4000; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "4\r\n%04d\r\n", i);
    }
    if (wire_read_request(wire) &&
        wire_say(wire,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") &&
        wire_send(wire, text, len) && wire_say(wire, "0\r\n\r\n")) {
        wire_wait_closed(wire);
    }
}

TEST("chunks that come into a pause are kept, whole and in order")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_chunks, NULL, &options));
    scene.peer.pause_every = 7;
    scene.peer.pause_us = 500;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_OK);
    CHECK_U64(scene.peer.body.len, 16000);
    for (int i = 0; i < 4000; i++) {
        char expected[16];

        snprintf(expected, sizeof(expected), "%04d", i);
        CHECK(memcmp(scene.peer.body.data + 4 * i, expected, 4) == 0);
    }
    scene_close(&scene);
}

TEST("a stop while kept chunks are handed over ends the exchange")
{
    struct ossdl_http_options options = calm();
    struct scene scene;

    CHECK(scene_open(&scene, serve_chunks, NULL, &options));
    scene.peer.pause_every = 7;
    scene.peer.pause_us = 500;
    scene.peer.stop_at = 9000;
    CHECK_U64(peer_get(&scene.peer, &scene.server), OSSDL_NET_STOPPED);
    CHECK(scene.peer.body.len >= 9000);
    scene_close(&scene);
}

TEST("a connection that is not ready in time is given up")
{
    struct ossdl_http_options options = calm();
    struct scene scene;
    char url[64];

    options.connect_timeout_ms = 200;
    CHECK(scene_open(&scene, wire_wait_closed, NULL, &options));
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", scene.server.port);
    CHECK_U64(peer_get_url(&scene.peer, url, NULL), OSSDL_NET_CONNECT_TIMEOUT);
    CHECK(!scene.peer.outcome.answered && !scene.peer.outcome.reused);
    scene_close(&scene);
}

/* --- answers that are none ----------------------------------------------- */

struct cut {
    size_t at; /* bytes of text that are sent */
    const char *text;
    bool reset;
};

static void serve_cut(struct wire *wire)
{
    const struct cut *cut = wire->context;

    if (wire_read_request(wire)) {
        wire_send(wire, cut->text, cut->at);
        if (cut->reset) {
            wire_reset(wire);
        }
    }
}

/* The whole text but one byte, cut at each byte. */
static void check_cuts(const char *text, bool reset)
{
    size_t head = (size_t) (strstr(text, "\r\n\r\n") + 4 - text);

    for (size_t at = 0; at < strlen(text); at++) {
        struct cut cut = {at, text, reset};
        struct ossdl_http_options options = calm();
        struct peer peer = scene_once(serve_cut, &cut, &options);

        CHECK(peer.outcome.net == OSSDL_NET_EMPTY_REPLY ||
              peer.outcome.net == OSSDL_NET_SHORT_BODY ||
              peer.outcome.net == OSSDL_NET_RECEIVE ||
              peer.outcome.net == OSSDL_NET_GARBAGE);
        CHECK(peer.outcome.text[0] != '\0');
        CHECK(at >= head || peer.replies == 0);
        CHECK(reset || at < head || peer.replies == 1);
        CHECK(reset || at <= head || peer.outcome.net == OSSDL_NET_SHORT_BODY);
        CHECK(!peer.outcome.reused);
    }
}

TEST("an answer that is cut off at any byte is not a whole one")
{
    check_cuts(PAGE, false);
}

TEST("an answer that is reset at any byte is not a whole one")
{
    check_cuts(PAGE, true);
}

TEST("a body in chunks that is cut off at any byte is not a whole one")
{
    check_cuts("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               "5\r\nhello\r\n0\r\n\r",
               false);
}

TEST("what is not HTTP is garbage")
{
    const char *const texts[] = {
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 ftp.example.com ready\r\n\r\n",
        "<html>hello</html>\n",
        "HTTP/1.1 abc\r\n\r\n",
        "HTTX/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "\r\n\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header at all\r\n\r\n",
    };

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(texts); i++) {
        struct cut cut = {strlen(texts[i]), texts[i], false};
        struct ossdl_http_options options = calm();
        struct peer peer = scene_once(serve_cut, &cut, &options);

        if (peer.outcome.net != OSSDL_NET_GARBAGE) {
            TEST_FAIL("%s: %s (%d %s)", texts[i],
                      ossdl_net_name(peer.outcome.net), peer.outcome.curl_code,
                      peer.outcome.text);
        }
        CHECK_U64(peer.replies, 0);
    }
}

static void serve_endless(struct wire *wire)
{
    const char *text = wire->context;

    if (wire_read_request(wire) &&
        (text[0] == 'H' || wire_say(wire, "HTTP/1.1 200 OK\r\n"))) {
        while (wire_say(wire, text)) {
        }
    }
}

TEST("headers without an end are too large")
{
    static char long_line[40001];
    char *const texts[] = {"x: y\r\n", long_line, "xxxxxxxxxxxxxxxx",
                           "HTTP/1.1 100 Continue\r\n\r\n"};

    memset(long_line, 'x', sizeof(long_line) - 1);
    memcpy(long_line + sizeof(long_line) - 5, ": \r\n", 4);
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(texts); i++) {
        struct ossdl_http_options options = calm();
        struct peer peer = scene_once(serve_endless, texts[i], &options);

        if (peer.outcome.net != OSSDL_NET_HEADERS_TOO_LARGE) {
            TEST_FAIL("%.20s: %s (%d %s)", texts[i],
                      ossdl_net_name(peer.outcome.net), peer.outcome.curl_code,
                      peer.outcome.text);
        }
        CHECK_U64(peer.replies, 0);
    }
}

/* --- connections that do not come about ---------------------------------- */

static struct peer get_without_server(const char *url,
                                      const struct ossdl_http_options *options,
                                      const struct ossdl_pairs *headers)
{
    static struct peer peer;

    if (peer_open(&peer, options)) {
        peer_get_url(&peer, url, headers);
        peer_close(&peer);
    }
    return peer;
}

TEST("nobody listening is a failure to connect")
{
    struct ossdl_http_options options = calm();
    struct peer peer;
    unsigned port;
    char url[64];
    int fd = wire_bind(&port);

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
    peer = get_without_server(url, &options, NULL);
    CHECK_U64(peer.outcome.net, OSSDL_NET_CONNECT);
    CHECK_U64(peer.outcome.os_errno, ECONNREFUSED);
    CHECK_U64(peer.outcome.curl_code, 7);
    CHECK(!peer.outcome.answered && !peer.outcome.reused);
    close(fd);
}

TEST("a name that cannot exist is not resolved")
{
    char url[128];
    struct ossdl_http_options options = calm();
    struct peer peer;

    snprintf(url, sizeof(url), "http://%.*s.invalid/", 70,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    peer = get_without_server(url, &options, NULL);
    CHECK_U64(peer.outcome.net, OSSDL_NET_RESOLVE);
}

TEST("a URL that is none, or not ours, is refused")
{
    const char *const urls[] = {"",
                                "http://",
                                "http://a b/",
                                "ftp://127.0.0.1/",
                                "file:///etc/passwd",
                                "http://u:p@127.0.0.1/"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(urls); i++) {
        struct ossdl_http_options options = calm();
        struct peer peer = get_without_server(urls[i], &options, NULL);

        if (peer.outcome.net != OSSDL_NET_BAD_URL) {
            TEST_FAIL("%s: %s (%d %s)", urls[i],
                      ossdl_net_name(peer.outcome.net), peer.outcome.curl_code,
                      peer.outcome.text);
        }
    }
}

TEST("a header with a line break is not sent")
{
    char name[] = "x";
    char value[] = "a\r\nb: c";
    struct ossdl_pair pair = {name, value};
    struct ossdl_pairs headers = {&pair, 1, 1};
    struct ossdl_http_options options = calm();
    struct peer peer =
        get_without_server("http://127.0.0.1:1/", &options, &headers);

    CHECK_U64(peer.outcome.net, OSSDL_NET_BAD_URL);
    CHECK_U64(peer.turns, 0);
    CHECK(!strstr(peer.outcome.text, "b: c"));
}

static void serve_plain_to_tls(struct wire *wire)
{
    wire_say(wire, PAGE);
    wire_wait_closed(wire);
}

TEST("a server that does not speak TLS is a TLS failure")
{
    struct ossdl_http_options options = calm();
    struct scene scene;
    char url[64];

    CHECK(scene_open(&scene, serve_plain_to_tls, NULL, &options));
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", scene.server.port);
    CHECK_U64(peer_get_url(&scene.peer, url, NULL), OSSDL_NET_TLS);
    scene_close(&scene);
}

TEST("a file of certificates that is not there is named as the cause")
{
    struct ossdl_http_options options = calm();
    struct scene scene;
    char url[64];

    options.ca_file = "/nonexistent/ca.pem";
    CHECK(scene_open(&scene, wire_wait_closed, NULL, &options));
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", scene.server.port);
    CHECK_U64(peer_get_url(&scene.peer, url, NULL), OSSDL_NET_TLS_CA_FILE);
    scene_close(&scene);
}

/* --- proxies ------------------------------------------------------------- */

TEST("a proxy is used when it is given")
{
    static struct record record;
    struct wire_server server;
    struct ossdl_http_options options = calm();
    char proxy[64];

    wire_start(&server, serve_record, &record);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", server.port);
    options.proxy = proxy;
    CHECK_U64(get_without_server("http://example.invalid/o", &options, NULL)
                  .outcome.net,
              OSSDL_NET_OK);
    wire_stop(&server);
    CHECK(strstr(record.request, "GET http://example.invalid/o HTTP/1.1"));
}

TEST("a proxy that refuses the tunnel is the proxy's failure")
{
    char page[] = "HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n";
    struct wire_server server;
    struct ossdl_http_options options = calm();
    struct peer peer;
    char proxy[64];

    wire_start(&server, serve_context, page);
    snprintf(proxy, sizeof(proxy), "http://u:secret@127.0.0.1:%u", server.port);
    options.proxy = proxy;
    peer = get_without_server("https://example.invalid/", &options, NULL);
    wire_stop(&server);
    CHECK_U64(peer.outcome.net, OSSDL_NET_PROXY);
    CHECK_U64(peer.replies, 0);
    CHECK(!peer.outcome.answered);
}

TEST("the password of a proxy is not in the text of a failure")
{
    const char *const proxies[] = {"gopher://u:secret@127.0.0.1:1",
                                   "http://u:secret@127.0.0.1:99999",
                                   "http://u:secret@[::1:1"};

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(proxies); i++) {
        struct ossdl_http_options options = calm();
        struct peer peer;

        options.proxy = proxies[i];
        peer = get_without_server("http://example.invalid/", &options, NULL);
        CHECK(peer.outcome.net != OSSDL_NET_OK);
        CHECK(peer.outcome.text[0] != '\0');
        CHECK(!strstr(peer.outcome.text, "secret"));
    }
}

/* --- life ---------------------------------------------------------------- */

static void *open_and_close(void *unused)
{
    struct ossdl_http_options options = calm();

    for (int i = 0; i < 20; i++) {
        struct ossdl_http *http;

        if (ossdl_http_new(&options, &http, NULL) != OSSDL_OK) {
            return unused;
        }
        ossdl_http_free(http);
    }
    return NULL;
}

TEST("handles are made and freed by several threads at once")
{
    pthread_t threads[4];
    char failed;

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(threads); i++) {
        CHECK(pthread_create(&threads[i], NULL, open_and_close, &failed) == 0);
    }
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(threads); i++) {
        void *result;

        pthread_join(threads[i], &result);
        CHECK(!result);
    }
    ossdl_http_free(NULL);
}

TEST_MAIN()
