/* A connection that was never made leaves nothing behind that is used later. */
#include "http.h"
#include "http_sockets.h"
#include "lock.h"
#include "test.h"
#include "wire.h"

static struct ossdl_http *make(void)
{
    struct ossdl_http_options options = {.connect_timeout_ms = 100,
                                         .first_byte_timeout_ms = 20000,
                                         .stall_timeout_ms = 20000,
                                         .proxy = "",
                                         .user_agent = "ossdl-test"};
    struct ossdl_http *http = NULL;
    struct ossdl_error err;

    return ossdl_http_new(&options, &http, &err) == OSSDL_OK ? http : NULL;
}

static enum ossdl_net ask(struct ossdl_http *http, unsigned port)
{
    struct ossdl_http_handler handler = {0};
    struct ossdl_pairs headers;
    char url[64];
    struct ossdl_http_request request = {url, &headers};
    struct ossdl_http_outcome outcome;

    ossdl_pairs_init(&headers);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", port);
    ossdl_http_perform(http, &request, &handler, &outcome);
    ossdl_pairs_cleanup(&headers);
    return outcome.net;
}

static void serve(struct wire *wire)
{
    if (wire_read_request(wire)) {
        wire_say(wire, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
                       "Connection: close\r\n\r\n");
    }
}

/* A port whose connections are never made: the queue is full. */
static int full_port(unsigned *out_port, int fillers[3])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = wire_bind(out_port);

    listen(fd, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t) *out_port);
    for (int i = 0; i < 3; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void) !connect(fillers[i], (struct sockaddr *) &address,
                        sizeof address);
    }
    return fd;
}

TEST("an attempt to connect that timed out does not end a socket of somebody "
     "else")
{
    struct ossdl_http *http = make();
    unsigned port;
    int fillers[3];
    int closed = full_port(&port, fillers);
    int pair[2];
    char got[8];

    CHECK(http);
    CHECK_U64(ask(http, port), OSSDL_NET_CONNECT_TIMEOUT);
    /* Gets the number that the refused connection had. */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(send(pair[1], "hello", 5, 0) == 5);
    CHECK_U64(ask(http, port), OSSDL_NET_CONNECT_TIMEOUT);
    CHECK_U64(recv(pair[0], got, sizeof got, MSG_DONTWAIT), 5);
    CHECK(send(pair[0], "x", 1, MSG_NOSIGNAL) == 1);
    close(pair[0]);
    close(pair[1]);
    close(closed);
    ossdl_http_free(http);
}

TEST("a server that comes back is reached after many attempts that timed out")
{
    struct ossdl_http *http = make();
    struct wire_server server;
    unsigned port;
    int fillers[3];
    int closed = full_port(&port, fillers);

    CHECK(http);
    for (unsigned i = 0; i < OSSDL_HTTP_SOCKETS_MAX + 1; i++) {
        CHECK_U64(ask(http, port), OSSDL_NET_CONNECT_TIMEOUT);
    }
    wire_start(&server, serve, NULL);
    enum ossdl_net net = ask(http, server.port);
    ossdl_http_free(http);
    wire_stop(&server);
    close(closed);
    CHECK_U64(net, OSSDL_NET_OK);
}

TEST_MAIN()
