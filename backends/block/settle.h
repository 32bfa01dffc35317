/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Persist what a guest has written to a disk, before the disk is stopped.
 *
 * xk_settle() runs after the backend has ended and before the process that
 * serves or flushes its image ends, for two reasons. The backend may have
 * learned of a failed flush when it could no longer report it, or may have been
 * killed while it waited for a flush. And the guest may have written data that
 * it has not flushed, which another host must be able to read from the image.
 */
#ifndef XK_BACKENDS_BLOCK_SETTLE_H
#define XK_BACKENDS_BLOCK_SETTLE_H

#include "base/deadline.h"
#include "base/error.h"

/* Flush the device of `dir` while it is served, so that less is left to flush
 * when its guest is paused. An error if a flush fails or is not done at the
 * deadline. Changes nothing for the process that serves the device. May block,
 * as xk_settle() does. */
int xk_flush(const char *dir, struct xk_deadline deadline,
             struct xk_error *err);

/* Flush the device of `dir`, which nobody serves to its guest. An error if data
 * is lost for ever, which is then noted in the in-flight log, or if the result
 * is not known at the deadline. Does nothing for a read-only image. May block
 * in the kernel past the deadline, so run it in a process of its own. */
int xk_settle(const char *dir, struct xk_deadline deadline,
              struct xk_error *err);

#endif
