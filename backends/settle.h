/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the end of a backend and that of the process that serves its image:
 * what was written is made to stay. The one may have heard that a flush failed
 * when nobody listened any more, and the other says nothing of what it cannot
 * write when it ends.
 */
#ifndef XK_BACKENDS_SETTLE_H
#define XK_BACKENDS_SETTLE_H

#include "base/deadline.h"
#include "base/error.h"

/* The device is that of DIR, and nobody serves it to its guest. An error where
 * something is lost, for ever: the in-flight log knows it then; or where that
 * is not known at the deadline. Nothing to do for a raw image, or one that is
 * only read. */
int xk_settle(const char *dir, struct xk_deadline deadline,
              struct xk_error *err);

#endif
