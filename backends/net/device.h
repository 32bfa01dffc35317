/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind "net" of devices: a network card that guests reach by the protocol
 * of xen/include/public/io/netif.h.
 */
#ifndef XK_BACKENDS_NET_DEVICE_H
#define XK_BACKENDS_NET_DEVICE_H

#include "backends/life/device.h"

extern const struct xk_device_kind xk_net_kind;

#endif
