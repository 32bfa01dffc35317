/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SeaBIOS or OVMF, and the variables that UEFI keeps. */
#ifndef XK_TOOLSTACK_KVM_FIRMWARE_H
#define XK_TOOLSTACK_KVM_FIRMWARE_H

#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/plan.h"

/* Where the pair of OVMF files of this host is. */
struct xk_kvm_ovmf {
    const char *code, *vars;
};

/* NULL where OVMF is not installed. */
const struct xk_kvm_ovmf *xk_kvm_ovmf_find(void);

/* Add the firmware that firmware= or bios= asks for: arguments, and what
 * -machine must say of it. Refuses a domain with nothing to boot. */
int xk_kvm_firmware_add(struct xk_kvm_plan *plan,
                        const struct xk_domain_config *config,
                        struct xk_error *err);

#endif
