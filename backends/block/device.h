/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device kind "block": an image that guests access with the protocol of
 * xen/include/public/io/blkif.h.
 */
#ifndef XK_BACKENDS_BLOCK_DEVICE_H
#define XK_BACKENDS_BLOCK_DEVICE_H

#include "backends/life/device.h"

extern const struct xk_device_kind xk_block_kind;

#endif
