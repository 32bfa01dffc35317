/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock that a monitor holds as long as it lives, so that there is one; and
 * the start of a monitor in the background.
 */
#ifndef XK_TOOLSTACK_MONITOR_START_H
#define XK_TOOLSTACK_MONITOR_START_H

#include <sys/types.h>

#include "toolstack/host_drivers.h"

/* Verbs that are processes of their own. */
#define XK_VERB_MONITOR "monitor"
#define XK_VERB_WORKER "domain-event"

/* Start host->program as a monitor in the background, unless one runs. It does
 * not linger. A failure is a warning. */
void xk_host_need_monitor(struct xk_host *host);

/* The lock of the one monitor, held as long as the descriptor is open:
 * XK_ERR_IN_USE if one runs already. */
int xk_monitor_lock(const struct xk_state *state, struct xk_error *err);

/* The pid of the monitor that runs, 0: none. */
pid_t xk_monitor_pid(const struct xk_state *state);

#endif
