/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device of a guest, from its directory to its end.
 *
 * How it works. One thread looks at the store, at the control socket and at
 * what its queues report; it never waits for a disk. Where frontend and backend
 * are is read anew after each change, and xenbus.h says what follows: so any
 * number of changes may be missed in between. While rings are let go of,
 * nothing is decided; afterwards the states are looked at again.
 */
#ifndef XK_BACKENDS_LIFE_DEVICE_H
#define XK_BACKENDS_LIFE_DEVICE_H

#include "base/error.h"

struct xk_block;

/* Takes the directory (XK_ERR_IN_USE where another has it), the image, Xen's
 * devices and the store, and gives up all privileges. Then offers the device to
 * its frontend, or takes over from a backend that was killed. */
struct xk_block *xk_block_open(const char *dir, struct xk_error *err);

/* Serves until the device is gone: 0, with nothing mapped. */
int xk_block_run(struct xk_block *block, struct xk_error *err);

void xk_block_close(struct xk_block *block);

#endif
