/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A point in time by which a call must end. Callers pass their deadline on
 * unchanged, so a chain of calls cannot take longer than the first caller
 * allowed.
 */
#ifndef XK_BASE_DEADLINE_H
#define XK_BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct xk_deadline {
    int64_t at_ns; /* CLOCK_MONOTONIC; INT64_MAX: never */
};

struct xk_deadline xk_deadline_in_ms(int64_t ms);
struct xk_deadline xk_deadline_never(void);

/* Returns the earlier of two. */
struct xk_deadline xk_deadline_min(struct xk_deadline a, struct xk_deadline b);

/* Returns the milliseconds left, rounded up: 0 if the deadline has passed, and
 * at most INT_MAX, which also means "never". For poll(2) use
 * xk_deadline_poll_ms(). */
int xk_deadline_left_ms(struct xk_deadline deadline);

/* Returns the timeout for poll(2): the same, but -1 for "never". */
int xk_deadline_poll_ms(struct xk_deadline deadline);

/* Wait until fd is ready for `events` (POLLIN, POLLOUT). Returns revents, or at
 * the deadline -1 with XK_ERR_TIMEOUT "<what> did not answer in time". */
int xk_deadline_poll(struct xk_deadline deadline, int fd, short events,
                     const char *what, struct xk_error *err);

/* Sleep for ms, but not past the deadline, to retry something that gives no
 * event. Returns false at once if the deadline has passed. Keeps errno. */
bool xk_deadline_pause(struct xk_deadline deadline, int ms);

int64_t xk_now_ns(void); /* CLOCK_MONOTONIC */

#endif
