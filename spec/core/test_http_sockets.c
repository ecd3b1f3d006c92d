#include "test.h"
#include "wire.h"

#include "http_sockets.h"

#include <errno.h>
#include <fcntl.h>

/* Two connections, each with its far end. */
struct line {
    struct ossdl_http_sockets sockets;
    int near[2];
    int far[2];
};

static bool line_open(struct line *line)
{
    struct sockaddr_in address = {0};
    unsigned port;
    int listener = wire_bind(&port);
    bool ready = listen(listener, 2) == 0;

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t) port);
    memset(&line->sockets, 0, sizeof(line->sockets));
    for (int i = 0; i < 2; i++) {
        line->near[i] =
            ossdl_http_sockets_open(&line->sockets, AF_INET, SOCK_STREAM, 0);
        ready = ready && connect(line->near[i], (struct sockaddr *) &address,
                                 sizeof(address)) == 0;
        line->far[i] = accept(listener, NULL, NULL);
    }
    close(listener);
    return ready && line->far[0] >= 0 && line->far[1] >= 0;
}

static void line_close(struct line *line)
{
    for (int i = 0; i < 2; i++) {
        if (ossdl_http_sockets_close(&line->sockets, line->near[i]) != 0) {
            test_failures++;
        }
        close(line->far[i]);
    }
    if (line->sockets.count != 0) {
        test_failures++;
    }
}

/* As libcurl looks at a connection that it may use again. */
static bool looks_closed(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static bool is_quiet(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

TEST("a socket is closed on exec")
{
    struct ossdl_http_sockets sockets = {.count = 0};
    int fd = ossdl_http_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0);

    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_U64(ossdl_http_sockets_close(&sockets, fd), 0);
    CHECK(fcntl(fd, F_GETFD) < 0);
    CHECK_U64(sockets.count, 0);
}

TEST("what cannot be opened is not counted")
{
    struct ossdl_http_sockets sockets = {.count = 0};

    CHECK(ossdl_http_sockets_open(&sockets, -1, SOCK_STREAM, 0) < 0);
    CHECK_U64(sockets.count, 0);
}

TEST("there is an end to the number of sockets")
{
    struct ossdl_http_sockets sockets = {.count = 0};
    int fds[OSSDL_HTTP_SOCKETS_MAX];

    for (size_t i = 0; i < OSSDL_ARRAY_LEN(fds); i++) {
        fds[i] = ossdl_http_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0);
        CHECK(fds[i] >= 0);
    }
    errno = 0;
    CHECK(ossdl_http_sockets_open(&sockets, AF_INET, SOCK_STREAM, 0) < 0);
    CHECK_U64(errno, EMFILE);
    for (size_t i = 0; i < OSSDL_ARRAY_LEN(fds); i++) {
        CHECK_U64(ossdl_http_sockets_close(&sockets, fds[i]), 0);
    }
    CHECK_U64(sockets.count, 0);
}

TEST("closing a socket that is not ours leaves ours alone")
{
    struct line line;
    int other = socket(AF_INET, SOCK_STREAM, 0);

    CHECK(line_open(&line));
    CHECK_U64(ossdl_http_sockets_close(&line.sockets, other), 0);
    CHECK_U64(line.sockets.count, 2);
    line_close(&line);
}

TEST("a sweep leaves quiet connections alone")
{
    struct ossdl_http_sockets none = {.count = 0};
    struct line line;

    ossdl_http_sockets_sweep(&none);
    CHECK(line_open(&line));
    ossdl_http_sockets_sweep(&line.sockets);
    CHECK(is_quiet(line.near[0]) && is_quiet(line.near[1]));
    CHECK(send(line.near[0], "x", 1, MSG_NOSIGNAL) == 1);
    CHECK(wire_readable(line.far[0]));
    line_close(&line);
}

TEST("a sweep ends a connection with bytes that nobody asked for")
{
    static char bytes[100000];
    struct line line;

    CHECK(line_open(&line));
    CHECK(send(line.far[1], bytes, sizeof(bytes), MSG_NOSIGNAL) > 0);
    CHECK(wire_readable(line.near[1]));
    ossdl_http_sockets_sweep(&line.sockets);
    CHECK(looks_closed(line.near[1]));
    CHECK(is_quiet(line.near[0]));
    CHECK(line.sockets.count == 2);
    line_close(&line);
}

TEST("bytes that come after a sweep do not bring a connection back")
{
    struct line line;
    char byte;

    CHECK(line_open(&line));
    CHECK(send(line.far[0], "early", 5, MSG_NOSIGNAL) == 5);
    CHECK(wire_readable(line.near[0]));
    ossdl_http_sockets_sweep(&line.sockets);
    CHECK(wire_readable(line.far[0]));
    CHECK(recv(line.far[0], &byte, 1, 0) == 0);
    (void) !send(line.far[0], "late", 4, MSG_NOSIGNAL);
    /* The answer to it is a reset, or an end: never the bytes. */
    CHECK(recv(line.near[0], &byte, 1, MSG_DONTWAIT) <= 0);
    line_close(&line);
}

TEST("a sweep ends a connection that the other side has closed")
{
    struct line line;

    CHECK(line_open(&line));
    shutdown(line.far[0], SHUT_WR);
    CHECK(wire_readable(line.near[0]));
    ossdl_http_sockets_sweep(&line.sockets);
    CHECK(looks_closed(line.near[0]));
    CHECK(is_quiet(line.near[1]));
    line_close(&line);
}

TEST_MAIN()
