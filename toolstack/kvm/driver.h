/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The KVM driver. */
#ifndef XK_TOOLSTACK_KVM_DRIVER_H
#define XK_TOOLSTACK_KVM_DRIVER_H

#include "toolstack/hypervisor.h"

extern const struct xk_hypervisor_ops xk_kvm_ops;

#endif
