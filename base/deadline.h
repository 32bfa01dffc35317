/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A point in time by which a call must have ended. Deadlines are handed down
 * unchanged, so that a chain of calls cannot take longer than was asked.
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

/* The sooner of two. */
struct xk_deadline xk_deadline_min(struct xk_deadline a, struct xk_deadline b);

/* Milliseconds left, rounded up; 0 when it has passed; at most INT_MAX, which
 * also stands for "never". Fit for poll(2) but for "never" (use
 * xk_deadline_poll_ms). */
int xk_deadline_left_ms(struct xk_deadline deadline);

/* The same for poll(2): -1 for "never". */
int xk_deadline_poll_ms(struct xk_deadline deadline);

/* Wait until fd is ready for `events` (POLLIN, POLLOUT). Returns the revents;
 * -1 with XK_ERR_TIMEOUT "<what> did not answer in time" at the deadline. */
int xk_deadline_poll(struct xk_deadline deadline, int fd, short events,
                     const char *what, struct xk_error *err);

/* For what nobody tells of: let ms pass, at most to the deadline, and look
 * again. False, at once, when the deadline has passed. Keeps errno. */
bool xk_deadline_pause(struct xk_deadline deadline, int ms);

int64_t xk_now_ns(void); /* CLOCK_MONOTONIC */

#endif
