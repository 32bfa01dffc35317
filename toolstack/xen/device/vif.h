/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind "net": network cards. The store calls their backends "xkvif", a name
 * that libxl does not know. A card has no files beside those of any device
 * (device.h).
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_VIF_H
#define XK_TOOLSTACK_XEN_DEVICE_VIF_H

#include "toolstack/xen/device/device.h"

extern const struct xk_xen_device_kind xk_vif_kind;

/* Returns a text of device.json (contracts/net.h); NULL: it has none. */
const char *xk_vif_member(const struct xk_xen_device *device,
                          const char *member);

#endif
