/*
 * plateau.h - threads = "auto": how many connections are worth having
 *
 * Threads: none of its own; the owner's lock.
 * Memory:  in the caller's struct. Errors: none.
 *
 * It measures throughput over windows of 1/2 s to 1 s, the shorter the clearer
 * the result, and doubles the number as long as that brings more than 8 %.
 * Where it does not, the number between is searched by halving the step; then
 * it stays there, and looks again after 30 s or more, since networks change.
 * Throttling by the service, and a collapse of the throughput, make it step
 * back and remember the number that was too high.
 *
 *        +--- gain ---+
 *        v            |
 *     BASE --> TRIAL -+-- no gain, nothing left to try --> HOLD
 *                ^                                          |
 *                +------------ 30 s or more later ----------+
 *
 *     throttled in TRIAL -> HOLD at the number before, otherwise at 3/4;
 *     collapsed in HOLD -> BASE with half
 */
#ifndef OSSDL_CORE_PLATEAU_H
#define OSSDL_CORE_PLATEAU_H

#include "base.h"

OSSDL_BEGIN_DECLS

enum ossdl_plateau_phase {
    OSSDL_PLATEAU_BASE,  /* measuring `level`, nothing to compare with */
    OSSDL_PLATEAU_TRIAL, /* measuring `threads` against `level` */
    OSSDL_PLATEAU_HOLD   /* staying at `level` */
};

struct ossdl_plateau {
    enum ossdl_plateau_phase phase;
    unsigned max;          /* never above this */
    unsigned threads;      /* the answer: what is in use now */
    unsigned level;        /* the best number so far */
    unsigned ceiling;      /* the lowest number known to be no better */
    unsigned slumps;       /* windows in a row with less than half of `rate` */
    uint64_t rate;         /* bytes per second measured at `level` */
    int64_t patience_ms;   /* from a plateau to the next look beyond it */
    int64_t probe_at;      /* when to look, in HOLD */
    int64_t deaf_until;    /* throttling is the same event until then */
    int64_t window_at;     /* when the measurement began or will begin */
    bool measuring;        /* window_bytes is set */
    uint64_t window_bytes; /* bytes_total at window_at */
};

/* start and max are at least 1 (0 counts as 1); start is cut to max. */
void ossdl_plateau_init(struct ossdl_plateau *plateau, unsigned start,
                        unsigned max, int64_t now_ms);

/*
 * To be called every 50 to 250 ms while bytes flow, with the bytes received
 * so far (all connections; going backwards starts the window again) and how
 * many connections have a request now. A number that is far from the one asked
 * for, because there is nothing to do or because surplus connections are still
 * at their last part, makes a measurement meaningless: it is put off. Returns
 * the number of connections to use from now on.
 */
unsigned ossdl_plateau_observe(struct ossdl_plateau *plateau, int64_t now_ms,
                               uint64_t bytes_total, unsigned active);

/* The service said that it is too much (503, qos delay). Several answers
 * within a second count once, as they come from the same number. */
void ossdl_plateau_throttled(struct ossdl_plateau *plateau, int64_t now_ms);

/* What the last observe returned, or start; throttling may have lowered it. */
unsigned ossdl_plateau_threads(const struct ossdl_plateau *plateau);

OSSDL_END_DECLS

#endif
