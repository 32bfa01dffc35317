/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Take the host's end of a network card away from a QEMU that still has the
 * card. QEMU 7.2 closes ports and TAPs with netdev_del; 10.0 keeps them until
 * the card is removed, so they are taken away first.
 */
#ifndef XK_TOOLSTACK_KVM_NETWORK_RELEASE_H
#define XK_TOOLSTACK_KVM_NETWORK_RELEASE_H

#include "base/process.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/qmp.h"

/* Release the forwarded ports, then remove the network of the name. It is no
 * failure that there is none. */
int xk_kvm_network_release(struct xk_qmp *qmp, const char *netdev,
                           const struct xk_hostfwd *forwards, size_t count,
                           struct xk_deadline deadline, struct xk_error *err);

/* The same for a card that the configuration does not have: QEMU tells its
 * ports and its TAP, which is set aside under its usual name
 * (xk_kvm_tap_name()). */
int xk_kvm_network_cut(struct xk_qmp *qmp, const struct xk_process *process,
                       const struct xk_uuid *uuid, int devid,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
