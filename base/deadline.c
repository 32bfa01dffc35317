/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

int64_t
xk_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct xk_deadline
xk_deadline_in_ms(int64_t ms)
{
    int64_t now = xk_now_ns();

    if (ms < 0)
        ms = 0;
    if (ms > (INT64_MAX - now) / 1000000)
        return xk_deadline_never();
    return (struct xk_deadline){now + ms * 1000000};
}

struct xk_deadline
xk_deadline_never(void)
{
    return (struct xk_deadline){INT64_MAX};
}

struct xk_deadline
xk_deadline_min(struct xk_deadline a, struct xk_deadline b)
{
    return a.at_ns < b.at_ns ? a : b;
}

int
xk_deadline_left_ms(struct xk_deadline deadline)
{
    int64_t left;

    if (deadline.at_ns == INT64_MAX)
        return INT_MAX;
    left = deadline.at_ns - xk_now_ns();
    if (left <= 0)
        return 0;
    left = (left + 999999) / 1000000;
    return left > INT_MAX ? INT_MAX : (int)left;
}

int
xk_deadline_poll_ms(struct xk_deadline deadline)
{
    return deadline.at_ns == INT64_MAX ? -1 : xk_deadline_left_ms(deadline);
}

int
xk_deadline_poll(struct xk_deadline deadline, int fd, short events,
                 const char *what, struct xk_error *err)
{
    struct pollfd poller = {.fd = fd, .events = events};
    int ready;

    do {
        ready = poll(&poller, 1, xk_deadline_poll_ms(deadline));
    } while ((ready == -1 && errno == EINTR) ||
             (ready == 0 && xk_deadline_poll_ms(deadline) != 0));
    if (ready == -1)
        return xk_fail_errno(err, "wait for %s", what);
    if (ready == 0)
        return xk_fail(err, XK_ERR_TIMEOUT, "%s did not answer in time", what);
    return poller.revents;
}

bool
xk_deadline_pause(struct xk_deadline deadline, int ms)
{
    int left = xk_deadline_left_ms(deadline);
    int before = errno;

    if (left == 0)
        return false;
    (void)poll(NULL, 0, left < ms ? left : ms);
    errno = before;
    return true;
}
