/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a process that was started in the background tells whoever started it
 * that it serves, or why not: one line of JSON, {"ready":true} or
 * {"error":{...}}, on a descriptor whose number is in its environment.
 */
#ifndef XK_BASE_READY_H
#define XK_BASE_READY_H

#include "base/error.h"

#define XK_READY_ENV "XK_READY_FD"
#define XK_READY_ERROR "error"

/* The descriptor; -1: nobody asks. It is closed in programs that we run. */
int xk_ready_descriptor(void);

/* Say that we serve (err NULL), or why not, and close the descriptor. -1 is
 * ignored. */
void xk_ready_say(int fd, const struct xk_error *err);

#endif
