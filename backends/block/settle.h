/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before a disk is stopped: what was written is made to stay.
 *
 * Between the end of a backend and that of the process that serves or flushes
 * its image. The backend may have heard that a flush failed when nobody
 * listened any more, or was killed while it waited for one; and its guest has
 * written what it has not flushed, which whoever has the image next, on another
 * host, is to read.
 */
#ifndef XK_BACKENDS_BLOCK_SETTLE_H
#define XK_BACKENDS_BLOCK_SETTLE_H

#include "base/deadline.h"
#include "base/error.h"

/* While the device of DIR is served: leaves less to be done when its guest
 * stands still. An error where a flush fails, or is not done at the deadline.
 * Changes nothing for whoever serves it. May block as xk_settle(). */
int xk_flush(const char *dir, struct xk_deadline deadline,
             struct xk_error *err);

/* The device is that of DIR, and nobody serves it to its guest. An error where
 * something is lost, for ever: the in-flight log knows it then; or where that
 * is not known at the deadline. Nothing to do for an image that is only read.
 * May block past the deadline in the kernel, so it is for a process of its own.
 */
int xk_settle(const char *dir, struct xk_deadline deadline,
              struct xk_error *err);

#endif
