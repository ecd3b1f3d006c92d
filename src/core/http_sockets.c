#include "http_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* Only our own thread closes one of ours, so that the answer stays true. */
static bool is_ours(const struct ossdl_http_socket *item)
{
    struct stat info;

    return fstat(item->fd, &info) == 0 && info.st_dev == item->device &&
           info.st_ino == item->inode;
}

static void forget_closed(struct ossdl_http_sockets *sockets)
{
    size_t kept = 0;

    for (size_t i = 0; i < sockets->count; i++) {
        if (is_ours(&sockets->items[i])) {
            sockets->items[kept++] = sockets->items[i];
        }
    }
    sockets->count = kept;
}

int ossdl_http_sockets_open(struct ossdl_http_sockets *sockets, int family,
                            int type, int protocol)
{
    struct ossdl_http_socket item;
    struct stat info;

    forget_closed(sockets);
    if (sockets->count >= OSSDL_HTTP_SOCKETS_MAX) {
        errno = EMFILE;
        return -1;
    }
    item.fd = open_on_exec_closed(family, type, protocol);
    if (item.fd >= 0 && fstat(item.fd, &info) == 0) {
        item.device = info.st_dev;
        item.inode = info.st_ino;
        sockets->items[sockets->count++] = item;
    }
    return item.fd;
}

int ossdl_http_sockets_close(struct ossdl_http_sockets *sockets, int fd)
{
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->items[i].fd == fd) {
            sockets->items[i] = sockets->items[--sockets->count];
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
        if (recv(fd, sink, sizeof sink, MSG_DONTWAIT) <= 0) {
            return;
        }
    }
}

void ossdl_http_sockets_sweep(struct ossdl_http_sockets *sockets)
{
    struct pollfd polls[OSSDL_HTTP_SOCKETS_MAX];

    forget_closed(sockets);
    if (sockets->count == 0) {
        return;
    }
    for (size_t i = 0; i < sockets->count; i++) {
        polls[i].fd = sockets->items[i].fd;
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
