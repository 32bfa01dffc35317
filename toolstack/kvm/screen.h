/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the screen of a running domain is: as QEMU says. */
#ifndef XK_TOOLSTACK_KVM_SCREEN_H
#define XK_TOOLSTACK_KVM_SCREEN_H

#include "toolstack/seam/domain_ops.h"

/* A member of xk_domain_ops. */
int xk_kvm_screen(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  struct xk_screen *screen, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
