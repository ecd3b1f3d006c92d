/*
 * http_sockets.h - the sockets of a handle's connections
 *
 * Threads: none of its own. Memory: fixed size; owns the descriptors.
 * Errors:  a failed open is -1 with errno.
 *
 * libcurl opens and closes its sockets through this. Two things come of it
 * that libcurl does not do: no program that the host starts inherits a
 * connection (libcurl's own wake-up descriptors it may), and a kept connection
 * on which bytes have come that nobody asked for is not used again. Those bytes
 * would be read as the answer to the next request.
 */
#ifndef OSSDL_CORE_HTTP_SOCKETS_H
#define OSSDL_CORE_HTTP_SOCKETS_H

#include "base.h"

#include <sys/types.h>

OSSDL_BEGIN_DECLS

/* Kept connections, and the attempts to make another. */
#define OSSDL_HTTP_SOCKETS_MAX 16u

/*
 * libcurl (7.88 for one) closes a socket whose connecting was given up without
 * a word to us, and its number may be anybody's by now: so that a socket is
 * known by its inode, too.
 */
struct ossdl_http_socket {
    int fd;
    dev_t device;
    ino_t inode;
};

struct ossdl_http_sockets {
    struct ossdl_http_socket items[OSSDL_HTTP_SOCKETS_MAX];
    size_t count;
};

/* Like socket(), closed on exec. EMFILE when there are too many of them. */
int ossdl_http_sockets_open(struct ossdl_http_sockets *sockets, int family,
                            int type, int protocol);

/* Like close(). */
int ossdl_http_sockets_close(struct ossdl_http_sockets *sockets, int fd);

/*
 * Between exchanges: ends each connection on which something has come, bytes
 * or the end. It stays open as a descriptor; whoever reads sees the end.
 */
void ossdl_http_sockets_sweep(struct ossdl_http_sockets *sockets);

OSSDL_END_DECLS

#endif
