/*
 * http_clock.h - how long an exchange may go without getting on
 *
 * Threads: plain data. Memory: in the caller's struct. Errors: none.
 *
 * One clock, set anew at each phase and, in the body, at each byte. It stands
 * still while reading is paused. Times are milliseconds of the monotonic
 * clock, given by the caller.
 */
#ifndef OSSDL_CORE_HTTP_CLOCK_H
#define OSSDL_CORE_HTTP_CLOCK_H

#include "net.h"

OSSDL_BEGIN_DECLS

enum ossdl_http_phase {
    OSSDL_HTTP_CONNECT, /* resolving, connecting, handshakes */
    OSSDL_HTTP_ANSWER,  /* the request goes out, headers are awaited */
    OSSDL_HTTP_BODY,
    OSSDL_HTTP_PHASES
};

struct ossdl_http_clock {
    int64_t limit_ms[OSSDL_HTTP_PHASES];
    enum ossdl_http_phase phase;
    bool answered; /* a header line came: the rest has as long again */
    bool paused;
    int64_t since_ms;  /* when it was set */
    int64_t paused_ms; /* when it was paused */
};

/*
 * Each limit from 1 ms to about 24 days. 0 or less gives the default: 10 s to
 * connect, 30 s of silence in the body, and to the first header line as long
 * as the silence may last, but at least 30 s.
 */
void ossdl_http_clock_init(struct ossdl_http_clock *clock, int64_t connect_ms,
                           int64_t answer_ms, int64_t stall_ms);

/* A new phase, also one that was there before (a second connection). */
void ossdl_http_clock_enter(struct ossdl_http_clock *clock,
                            enum ossdl_http_phase phase, int64_t now_ms);

/* Bytes of the body came, or were being worked on until now. */
void ossdl_http_clock_hear(struct ossdl_http_clock *clock, int64_t now_ms);

/* Nothing while it already is as asked. */
void ossdl_http_clock_pause(struct ossdl_http_clock *clock, bool paused,
                            int64_t now_ms);

/* What the phase is allowed, from when the clock was set. */
int64_t ossdl_http_clock_limit_ms(const struct ossdl_http_clock *clock);

/* Until it is overdue; 0 when it is; OSSDL_HTTP_CLOCK_STOPPED while paused. */
#define OSSDL_HTTP_CLOCK_STOPPED INT64_MAX
int64_t ossdl_http_clock_left_ms(const struct ossdl_http_clock *clock,
                                 int64_t now_ms);

/* The failure that it is when the phase is overdue. */
enum ossdl_net ossdl_http_clock_net(const struct ossdl_http_clock *clock);

OSSDL_END_DECLS

#endif
