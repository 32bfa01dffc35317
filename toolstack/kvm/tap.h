/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP devices and bridges, by ioctl and rtnetlink. A TAP lives as long as a
 * descriptor of it is open, so nothing need be undone: it goes with QEMU.
 */
#ifndef XK_TOOLSTACK_KVM_TAP_H
#define XK_TOOLSTACK_KVM_TAP_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"

/* Whether `name` is a bridge of this host (of this network namespace). An Open
 * vSwitch is none. */
bool xk_kvm_bridge_exists(const char *name);

/* Whether the calling process may make a TAP and put it on a bridge. */
bool xk_kvm_tap_allowed(void);

/* Make the TAP `name` (XK_ERR_EXISTS where a network device of that name is
 * there), put it on the bridge, set its MTU (0: as the bridge has it) and bring
 * it up. Returns its descriptor. */
int xk_kvm_tap_create(const char *name, const char *bridge, unsigned mtu,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
