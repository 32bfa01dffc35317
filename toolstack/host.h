/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening and closing a host. A verb opens it first of all, which finishes or
 * undoes what killed verbs left (toolstack/recovery.h).
 */
#ifndef XK_TOOLSTACK_HOST_H
#define XK_TOOLSTACK_HOST_H

#include "toolstack/host_drivers.h"

/* Open the state directory, recover what killed verbs left, and start a monitor
 * if there are domains and none runs. New domains are those of the driver
 * called `hypervisor` (NULL: the best here); if one is named, lists show its
 * domains only. hypervisor and verb must outlive the host. */
int xk_host_open(struct xk_host *host, const char *hypervisor, const char *verb,
                 struct xk_deadline deadline, struct xk_error *err);
void xk_host_close(struct xk_host *host);

/* The same without recovery and without a monitor, for verbs that change
 * nothing. */
int xk_host_peek(struct xk_host *host, const char *hypervisor,
                 struct xk_error *err);

/* The same with a driver that is open already (on host->state, which the
 * caller opened) and is the one named, and no monitor. The host owns both from
 * here on. */
int xk_host_adopt(struct xk_host *host, struct xk_hypervisor *hv,
                  const char *verb, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
