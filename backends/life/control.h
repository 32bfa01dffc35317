/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket, a unix socket: each line of JSON is answered with one
 * line of JSON. A peer that sends too much or does not read its answer is
 * dropped; when there are too many, the oldest is. Nothing here waits.
 */
#ifndef XK_BACKENDS_LIFE_CONTROL_H
#define XK_BACKENDS_LIFE_CONTROL_H

#include <poll.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

enum {
    XK_CONTROL_PEERS = 4, /* at a time; a new peer replaces the oldest */
    XK_CONTROL_FDS = XK_CONTROL_PEERS + 1,
};

struct xk_control;

/* Listen at `path`. answer() gets a question, NULL if it is not JSON, and
 * appends a JSON document without a newline. */
struct xk_control *xk_control_open(const char *path,
                                   void (*answer)(void *context,
                                                  const struct xk_json *asked,
                                                  struct xk_buf *answer),
                                   void *context, struct xk_error *err);
void xk_control_close(struct xk_control *control);

/* Fill XK_CONTROL_FDS entries for poll(2). */
void xk_control_poll(const struct xk_control *control, struct pollfd *fds);

/* Answer questions, with the same entries after poll(2). */
void xk_control_serve(struct xk_control *control, const struct pollfd *fds);

#endif
