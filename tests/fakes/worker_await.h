/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Wait for a worker (backends/worker/worker.h) in tests. */
#ifndef XK_TESTS_FAKES_WORKER_AWAIT_H
#define XK_TESTS_FAKES_WORKER_AWAIT_H

#include "backends/worker/worker.h"

/* Wait until the worker is in the wanted state, has failed, or has not changed
 * for 20 s; returns its state. */
enum xk_worker_state worker_await(const struct xk_worker *worker,
                                  int changed_fd, enum xk_worker_state wanted);

#endif
