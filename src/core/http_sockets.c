#include "http_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* More than a socket can hold of bytes that came before it was shut down. */
#define DRAIN_READS_MAX 65536u

static int open_on_exec_closed(int family, int type, int protocol)
{
#if defined(SOCK_CLOEXEC)
    return socket(family, type | SOCK_CLOEXEC, protocol);
#else
    int fd = socket(family, type, protocol);

    if (fd >= 0) {
        (void) fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

int ossdl_http_sockets_open(struct ossdl_http_sockets *sockets, int family,
                            int type, int protocol)
{
    int fd;

    if (sockets->count >= OSSDL_HTTP_SOCKETS_MAX) {
        errno = EMFILE;
        return -1;
    }
    fd = open_on_exec_closed(family, type, protocol);
    if (fd >= 0) {
        sockets->fds[sockets->count] = fd;
        sockets->count++;
    }
    return fd;
}

int ossdl_http_sockets_close(struct ossdl_http_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->fds[i] == fd) {
            sockets->count--;
            sockets->fds[i] = sockets->fds[sockets->count];
            break;
        }
    }
    return close(fd);
}

/*
 * After shutdown() no more bytes are taken in; once those that were are read,
 * the socket looks closed, which is what libcurl checks before it uses one.
 */
static void end_connection(int fd)
{
    char sink[4096];

    (void) shutdown(fd, SHUT_RDWR);
    for (unsigned reads = 0; reads < DRAIN_READS_MAX; reads++) {
        if (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

void ossdl_http_sockets_sweep(struct ossdl_http_sockets *sockets)
{
    struct pollfd polls[OSSDL_HTTP_SOCKETS_MAX];

    if (sockets->count == 0) {
        return;
    }
    for (size_t i = 0; i < sockets->count; i++) {
        polls[i].fd = sockets->fds[i];
        polls[i].events = POLLIN;
        polls[i].revents = 0;
    }
    if (poll(polls, (nfds_t) sockets->count, 0) <= 0) {
        return;
    }
    for (size_t i = 0; i < sockets->count; i++) {
        if (polls[i].revents != 0) {
            end_connection(polls[i].fd);
        }
    }
}

void ossdl_http_sockets_drop(struct ossdl_http_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++) {
        end_connection(sockets->fds[i]);
    }
}
