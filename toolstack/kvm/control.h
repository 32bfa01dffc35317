/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members of xk_domain_ops and xk_transfer_ops that ask the QEMU of a domain.
 */
#ifndef XK_TOOLSTACK_KVM_CONTROL_H
#define XK_TOOLSTACK_KVM_CONTROL_H

#include "toolstack/seam/domain_ops.h"

int xk_kvm_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_unpause_received(struct xk_hypervisor *hv,
                            const struct xk_domain *domain, bool *told,
                            struct xk_deadline deadline, struct xk_error *err);

/* Mapped: KVM guests have no PV control channel, so this is always the ACPI
 * power button, whether acpi_fallback or not. ACPI has no button for a reboot:
 * XK_SIGNAL_REBOOT presses the same one and notes that a poweroff within a
 * minute is to be taken for a reboot. */
int xk_kvm_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  enum xk_signal signal, bool acpi_fallback,
                  struct xk_deadline deadline, struct xk_error *err);

int xk_kvm_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err);

/* QEMU has no way to learn of a new name; it only shows the old one. */
int xk_kvm_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const char *name, struct xk_deadline deadline,
                  struct xk_error *err);

/* Start the guest of a living QEMU again, without ending QEMU: its consoles,
 * displays, images and ports stay. */
int xk_kvm_restart_in_place(int record_dir_fd, struct xk_deadline deadline,
                            struct xk_error *err);

/* toolstack/kvm/dump.c */
int xk_kvm_preserve(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_core_dump(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     const char *path, struct xk_deadline deadline,
                     struct xk_error *err);

#endif
