/*
 * net.h - how an exchange can fail before the service has said anything
 *
 * Threads: constants. Memory: none. Errors: none.
 *
 * These are our words for the transport's failures: http.c alone translates
 * libcurl's codes into them, classify.c alone decides what follows from them.
 */
#ifndef OSSDL_CORE_NET_H
#define OSSDL_CORE_NET_H

#include "status.h"

OSSDL_BEGIN_DECLS

/* X(constant, name (err.code in Lua), status, sentence) */
#define OSSDL_NET_MAP(X)                                                   \
    X(OK, "ok", OK, "nothing went wrong")                                  \
    X(RESOLVE, "resolve", NETWORK, "the server's name cannot be resolved") \
    X(CONNECT, "connect", NETWORK, "the server cannot be reached")         \
    X(CONNECT_TIMEOUT, "connect_timeout", TIMEOUT,                         \
      "the server did not accept the connection in time")                  \
    X(TLS, "tls", TLS, "the encrypted connection could not be set up")     \
    X(TLS_UNTRUSTED, "tls_untrusted", TLS,                                 \
      "the server's certificate is not trusted")                           \
    X(TLS_CA_FILE, "tls_ca_file", TLS,                                     \
      "the file of trusted certificates cannot be used")                   \
    X(SEND, "send", NETWORK, "the request could not be sent")              \
    X(RECEIVE, "receive", NETWORK, "the connection broke")                 \
    X(SHORT_BODY, "short_body", NETWORK,                                   \
      "the connection was closed before the end of the answer")            \
    X(EMPTY_REPLY, "empty_reply", NETWORK,                                 \
      "the connection was closed without an answer")                       \
    X(GARBAGE, "garbage", PROTOCOL, "the answer is not HTTP")              \
    X(HEADERS_TOO_LARGE, "headers_too_large", PROTOCOL,                    \
      "the answer's headers are too large")                                \
    X(STALL, "stall", TIMEOUT, "the server stopped sending")               \
    X(FIRST_BYTE_TIMEOUT, "first_byte_timeout", TIMEOUT,                   \
      "the server did not answer in time")                                 \
    X(PROXY, "proxy", NETWORK, "the proxy cannot be used")                 \
    X(STOPPED, "stopped", CANCELLED, "the exchange was stopped by us")     \
    X(BAD_URL, "bad_url", INVALID, "the URL cannot be used")               \
    X(MEMORY, "memory", MEMORY, "out of memory")                           \
    X(OTHER, "other", NETWORK, "the connection failed")

enum ossdl_net {
#define OSSDL_NET_ENUM(constant, name, status, sentence) OSSDL_NET_##constant,
    OSSDL_NET_MAP(OSSDL_NET_ENUM)
#undef OSSDL_NET_ENUM
        OSSDL_NET_COUNT
};

/* The name used as err.code in Lua, e.g. "stall"; never NULL. */
const char *ossdl_net_name(enum ossdl_net net);

/* One sentence for people, without its full stop; never NULL. */
const char *ossdl_net_text(enum ossdl_net net);

/* The kind of error it is for the caller. */
enum ossdl_status ossdl_net_status(enum ossdl_net net);

OSSDL_END_DECLS

#endif
