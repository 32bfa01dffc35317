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

#include "toolstack/host_drivers.h"

/* Be the monitor until SIGTERM or SIGINT, or, if `linger` is false, until the
 * last domain is gone. XK_ERR_IN_USE if one runs already. ready (NULL: nothing)
 * is called once domains are watched. */
int xk_monitor_run(struct xk_host *host, bool linger,
                   void (*ready)(void *context), void *context,
                   struct xk_error *err);

#endif
