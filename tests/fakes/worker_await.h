/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a worker (backends/worker/worker.h) in tests. */
#ifndef XK_TESTS_FAKES_WORKER_AWAIT_H
#define XK_TESTS_FAKES_WORKER_AWAIT_H

#include "backends/worker/worker.h"

/* Returns the state the worker is in when it is the wanted one, when it has
 * failed, or when nothing has changed for 20 s. */
enum xk_worker_state worker_await(const struct xk_worker *worker,
                                  int changed_fd, enum xk_worker_state wanted);

#endif
