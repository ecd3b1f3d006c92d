/*
 * wire.h - a server that says exactly the bytes a test wants
 *
 * One thread serves one connection after the other: the test gives a function
 * that plays the server's part on each of them. When it returns, the
 * connection is closed. Nothing here waits for ever: a peer that is silent for
 * WIRE_PATIENCE_MS is given up, and the test then fails by what it got.
 */
#ifndef OSSDL_SPEC_WIRE_H
#define OSSDL_SPEC_WIRE_H

#include "base.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WIRE_PATIENCE_MS 60000

struct wire {
    int fd;          /* -1 once closed or reset */
    unsigned number; /* of the connection, from 1 */
    void *context;   /* the test's */
    char request[65536];
};

typedef void(wire_serve_fn)(struct wire *wire);

struct wire_server {
    int fd;
    unsigned port;
    pthread_t thread;
    wire_serve_fn *serve;
    void *context;
    atomic_uint connections;
    atomic_bool stopping;
};

/* False when the peer is gone. */
static inline bool wire_send(struct wire *wire, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t sent = send(wire->fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        len -= (size_t) sent;
    }
    return true;
}

static inline bool wire_say(struct wire *wire, const char *text)
{
    return wire_send(wire, text, strlen(text));
}

static inline bool wire_readable(int fd)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};

    return poll(&poll_fd, 1, WIRE_PATIENCE_MS) > 0;
}

/* Reads up to the empty line; false when the peer closed before it. */
static inline bool wire_read_request(struct wire *wire)
{
    size_t len = 0;

    wire->request[0] = '\0';
    while (!strstr(wire->request, "\r\n\r\n")) {
        ssize_t got;

        if (len + 1 >= sizeof(wire->request) || !wire_readable(wire->fd)) {
            return false;
        }
        got = recv(wire->fd, wire->request + len,
                   sizeof(wire->request) - 1 - len, 0);
        if (got <= 0) {
            return false;
        }
        len += (size_t) got;
        wire->request[len] = '\0';
    }
    return true;
}

/* Says nothing until the peer closes. */
static inline void wire_wait_closed(struct wire *wire)
{
    char sink[4096];

    while (wire_readable(wire->fd) &&
           recv(wire->fd, sink, sizeof(sink), 0) > 0) {
    }
}

static inline void wire_close(struct wire *wire)
{
    if (wire->fd >= 0) {
        close(wire->fd);
        wire->fd = -1;
    }
}

/* Closes with RST, not FIN. */
static inline void wire_reset(struct wire *wire)
{
    struct linger linger = {1, 0};

    setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    wire_close(wire);
}

static inline void *wire_thread(void *argument)
{
    struct wire_server *server = argument;
    struct wire *wire = malloc(sizeof(*wire));

    while (wire) {
        wire->fd = accept(server->fd, NULL, NULL);
        if (wire->fd < 0 || atomic_load(&server->stopping)) {
            break;
        }
        wire->number = atomic_fetch_add(&server->connections, 1) + 1;
        wire->context = server->context;
        server->serve(wire);
        wire_close(wire);
    }
    if (wire) {
        wire_close(wire);
    }
    free(wire);
    return NULL;
}

/* A socket on a free port of the loopback; -1 on failure. */
static inline int wire_bind(unsigned *out_port)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *) &address, len) != 0 ||
        getsockname(fd, (struct sockaddr *) &address, &len) != 0) {
        perror("bind");
        exit(1);
    }
    *out_port = ntohs(address.sin_port);
    return fd;
}

static inline void wire_start(struct wire_server *server, wire_serve_fn *serve,
                              void *context)
{
    server->serve = serve;
    server->context = context;
    atomic_init(&server->connections, 0);
    atomic_init(&server->stopping, false);
    server->fd = wire_bind(&server->port);
    if (listen(server->fd, 64) != 0 ||
        pthread_create(&server->thread, NULL, wire_thread, server) != 0) {
        perror("wire_start");
        exit(1);
    }
}

/* The client must have closed its connections before. */
static inline void wire_stop(struct wire_server *server)
{
    struct sockaddr_in address = {0};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    atomic_store(&server->stopping, true);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t) server->port);
    if (connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0) {
        perror("wire_stop");
        exit(1);
    }
    pthread_join(server->thread, NULL);
    close(fd);
    close(server->fd);
}

#endif
