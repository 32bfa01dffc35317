/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor: one process per state directory that sees domains stop and has
 * their policies carried out by short-lived workers (`xk domain-event UUID`).
 * It knows nothing that is not in the records, so it may be killed at any time;
 * the next verb, or systemd, starts another, which catches up.
 */
#ifndef XK_TOOLSTACK_MONITOR_H
#define XK_TOOLSTACK_MONITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "toolstack/domain.h"

/* Be the monitor until SIGTERM or SIGINT, or, where `linger` is false, until
 * the last domain is gone. XK_ERR_IN_USE where one runs already. ready (NULL:
 * nothing) is called once domains are watched. */
int xk_monitor_run(struct xk_host *host, bool linger,
                   void (*ready)(void *context), void *context,
                   struct xk_error *err);

/* Start one in the background, host->program, unless one runs. It does not
 * linger. */
int xk_monitor_ensure(const struct xk_host *host, struct xk_error *err);

/* The lock of the one monitor, held as long as the descriptor is open:
 * XK_ERR_IN_USE where one runs already. */
int xk_monitor_lock(const struct xk_state *state, struct xk_error *err);

/* The pid of the monitor that runs, 0: none. */
pid_t xk_monitor_pid(const struct xk_state *state);

#endif
