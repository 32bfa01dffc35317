/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A unix socket that others ask over: one line of JSON, answered with one. A
 * peer that is slow, silent or rude is dropped; nothing here waits.
 */
#ifndef XK_BACKENDS_LIFE_CONTROL_H
#define XK_BACKENDS_LIFE_CONTROL_H

#include <poll.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

enum {
    XK_CONTROL_PEERS = 4, /* at a time; the oldest makes room */
    XK_CONTROL_FDS = XK_CONTROL_PEERS + 1,
};

struct xk_control;

/* answer() appends a JSON document without the end of line. */
struct xk_control *xk_control_open(const char *path,
                                   void (*answer)(void *context,
                                                  const struct xk_json *asked,
                                                  struct xk_buf *answer),
                                   void *context, struct xk_error *err);
void xk_control_close(struct xk_control *control);

/* What to wait for: XK_CONTROL_FDS entries. */
void xk_control_poll(const struct xk_control *control, struct pollfd *fds);

/* After poll(2), with what came of them. */
void xk_control_serve(struct xk_control *control, const struct pollfd *fds);

#endif
