/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's workers: "xk domain-event UUID", a process for each. */
#ifndef XK_TOOLSTACK_MONITOR_WORKER_H
#define XK_TOOLSTACK_MONITOR_WORKER_H

#include "base/error.h"
#include "base/uuid.h"

struct ev_loop;
struct xk_worker;

/* Start one. ended is called once it has ended, with its status as of
 * waitpid(2); the worker is freed then. */
struct xk_worker *xk_worker_start(struct ev_loop *loop, const char *program,
                                  const char *hypervisor,
                                  const struct xk_uuid *uuid,
                                  void (*ended)(void *context, int status),
                                  void *context, struct xk_error *err);

/* Nobody wants to know of its end any more; it is reaped all the same. NULL:
 * nothing. */
void xk_worker_disown(struct xk_worker *worker);

#endif
