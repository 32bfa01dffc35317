/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitor's workers: "xk domain-event UUID", a process for each. */
#ifndef XK_TOOLSTACK_MONITOR_WORKER_H
#define XK_TOOLSTACK_MONITOR_WORKER_H

#include "base/error.h"
#include "base/uuid.h"

struct ev_loop;
struct xk_worker;

/* Start a worker. Once it has ended, ended() is called with its status as of
 * waitpid(2), and the worker is freed. */
struct xk_worker *xk_worker_start(struct ev_loop *loop, const char *program,
                                  const char *hypervisor,
                                  const struct xk_uuid *uuid,
                                  void (*ended)(void *context, int status),
                                  void *context, struct xk_error *err);

/* Do not call ended() any more; the worker is reaped all the same. NULL: do
 * nothing. */
void xk_worker_disown(struct xk_worker *worker);

#endif
