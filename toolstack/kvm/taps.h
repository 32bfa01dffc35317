/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that the host and QEMU know a network card by, and its TAP
 * (net-helpers/tap.h). */
#ifndef XK_TOOLSTACK_KVM_TAPS_H
#define XK_TOOLSTACK_KVM_TAPS_H

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "toolstack/config/domain_config.h"

/* Return the name of a card's TAP if the configuration gives none: at most 15
 * bytes, owned by the caller. It follows from UUID and devid, so that every
 * process that knows the domain finds the TAP. */
char *xk_kvm_tap_name(const struct xk_uuid *uuid, int devid);

/* Return the name of a card's TAP, owned by the caller. */
char *xk_kvm_tap_of(const struct xk_domain_config *config,
                    const struct xk_vif *vif);

enum {
    XK_KVM_NETDEV_NAME_SIZE = 24
};

/* QEMU's name for the guest's end of a card (-device): "vifN". */
#define XK_KVM_CARD_NAME_SIZE 16
void xk_kvm_card_name(int devid, char name[XK_KVM_CARD_NAME_SIZE]);

/* QEMU's name for the host's end of a card (-netdev): "net-vifN". */
void xk_kvm_netdev_name(int devid, char name[XK_KVM_NETDEV_NAME_SIZE]);

/* Set aside the TAPs of these cards that the process holds: take them off their
 * bridge, set them down, and rename them after the configuration's UUID, which
 * is not the UUID they were created for. The process keeps them. Succeeds if
 * the process has ended, and if all or part of this is already done. */
int xk_kvm_tap_set_aside(const struct xk_process *process,
                         const struct xk_domain_config *config,
                         struct xk_deadline deadline, struct xk_error *err);

#endif
