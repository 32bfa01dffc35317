/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/worker_await.h"

#include <poll.h>
#include <unistd.h>

enum {
    WAIT_MS = 20000
};

enum xk_worker_state
worker_await(const struct xk_worker *worker, int changed_fd,
             enum xk_worker_state wanted)
{
    struct pollfd poll_fd = {.fd = changed_fd, .events = POLLIN};
    uint64_t value;

    while (xk_worker_state(worker) != wanted &&
           xk_worker_state(worker) != XK_WORKER_FAILED &&
           poll(&poll_fd, 1, WAIT_MS) == 1)
        (void)!read(changed_fd, &value, sizeof(value));
    return xk_worker_state(worker);
}
