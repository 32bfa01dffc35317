/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a QEMU. */
#ifndef XK_TOOLSTACK_KVM_TEARDOWN_H
#define XK_TOOLSTACK_KVM_TEARDOWN_H

#include "toolstack/hypervisor.h"

/* End the QEMU of a record, if it has one that lives: asked first (SIGTERM),
 * so that it writes out what it caches of its images, then killed. Whether it
 * answers on QMP does not matter. All it holds on the host goes with it. */
int xk_kvm_end_process(int record_dir_fd, struct xk_deadline deadline,
                       struct xk_error *err);

/* xk_domain_ops.teardown. */
int xk_kvm_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    struct xk_deadline deadline, struct xk_error *err);

#endif
