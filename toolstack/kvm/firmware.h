/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SeaBIOS or OVMF, and the store of UEFI variables. */
#ifndef XK_TOOLSTACK_KVM_FIRMWARE_H
#define XK_TOOLSTACK_KVM_FIRMWARE_H

#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"

/* Paths of this host's pair of OVMF files. */
struct xk_kvm_ovmf {
    const char *code, *vars;
};

/* Return the pair, or NULL if OVMF is not installed. */
const struct xk_kvm_ovmf *xk_kvm_ovmf_find(void);

/* Add the firmware that firmware= or bios= asks for: its arguments, and its
 * part of -machine. Refuse a domain that has nothing to boot. */
int xk_kvm_firmware_add(struct xk_kvm_plan *plan,
                        const struct xk_domain_config *config,
                        struct xk_error *err);

#endif
