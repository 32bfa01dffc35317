/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a process that was started in the background tells whoever started it
 * that it serves, or why not: one line of JSON, {"ready":true} or
 * {"error":{...}}, on a descriptor whose number is in its environment.
 */
#ifndef XK_BASE_READY_H
#define XK_BASE_READY_H

#include "base/deadline.h"
#include "base/error.h"

#define XK_READY_ENV "XK_READY_FD"
#define XK_READY_MS_ENV "XK_READY_MS" /* how long it is waited for */
#define XK_READY_ERROR "error"

/* The descriptor; -1: nobody asks. It is closed in programs that we run. */
int xk_ready_descriptor(void);

/* By when whoever started us wants to know, if this is called at the start;
 * never if nobody says. */
struct xk_deadline xk_ready_deadline(void);

/* Say that we serve (err NULL), or why not, and close the descriptor. -1 is
 * ignored. */
void xk_ready_say(int fd, const struct xk_error *err);

#endif
