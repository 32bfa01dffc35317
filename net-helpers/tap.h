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
#include "base/process.h"
#include "toolstack/config/domain_config.h"

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

/* The name of a card's TAP where the configuration gives none: the same in
 * every process that knows the domain, so that it can be told from others; at
 * most 15 bytes. The caller's. */
char *xk_kvm_tap_name(const struct xk_uuid *uuid, int devid);

/* Take the TAPs of these cards that the process holds out of the way: off their
 * bridge, down, and under the names that go with the configuration's UUID,
 * which is not the one they were made for. The process keeps them. It is no
 * error where it is gone, and none where that was done before, wholly or in
 * part. */
int xk_kvm_tap_set_aside(const struct xk_process *process,
                         const struct xk_domain_config *config,
                         struct xk_deadline deadline, struct xk_error *err);

#endif
