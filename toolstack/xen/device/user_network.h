/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The user-mode network of a network card: xk-slirp, a companion of xk-backend
 * (contracts/user_network.h). It works in the device's directory, as the
 * device's user. The guest's connections outlive xk-backend, not xk-slirp.
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_USER_NETWORK_H
#define XK_TOOLSTACK_XEN_DEVICE_USER_NETWORK_H

#include "toolstack/xen/device/device.h"

/* Report what xk-slirp would refuse, or that there is no xk-slirp. */
void xk_user_network_check(const struct xk_vif *vif,
                           struct xk_problems *problems);

/* Write what describes the network as a member of device.json. */
void xk_user_network_put(const struct xk_vif *vif,
                         struct xk_json_writer *writer);

/* The companion of a card; a card that has a TAP needs none. */
extern const struct xk_xen_device_side xk_user_network_side;

#endif
