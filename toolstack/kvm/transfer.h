/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of xk_transfer_ops that send a guest out of one QEMU and into
 * another, by QEMU's migration to and from a descriptor
 * (docs/devel/migration.rst of QEMU 7.2).
 *
 * The source stops its guest before the last round and waits there
 * ("pre-switchover") with its images quiet; the target takes the images only
 * when it is told to run ("late-block-activate"). So images are open for
 * writing on one side at most, and until the target runs the source can go on.
 */
#ifndef XK_TOOLSTACK_KVM_TRANSFER_H
#define XK_TOOLSTACK_KVM_TRANSFER_H

#include "toolstack/seam/transfer_ops.h"

int xk_kvm_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
                const struct xk_send_options *options, int fd,
                const struct xk_send_watch *watch, struct xk_deadline deadline,
                struct xk_error *err);
int xk_kvm_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                     bool runs, struct xk_deadline deadline,
                     struct xk_error *err);

/* Make a QEMU that was started for it ready for xk_kvm_receive(). */
int xk_kvm_expect_stream(const struct xk_record *record,
                         struct xk_deadline deadline, struct xk_error *err);
int xk_kvm_receive(struct xk_hypervisor *hv, struct xk_record *record,
                   const struct xk_domain_config *config, int fd,
                   const struct xk_send_watch *watch,
                   struct xk_deadline deadline, struct xk_error *err);

#endif
