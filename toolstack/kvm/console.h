/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The serial console of a domain. All that the guest prints comes to
 * console.log, which whoever looks brings up to date (toolstack/kvm/logs.h),
 * and what anybody writes to the FIFO is typed: so people come and go as they
 * like, with no process in between. There is one console, the first serial
 * port; a virtio one could fill the host's memory through its log, as nothing
 * slows it down.
 */
#ifndef XK_TOOLSTACK_KVM_CONSOLE_H
#define XK_TOOLSTACK_KVM_CONSOLE_H

#include "toolstack/seam/domain_ops.h"

/* xk_domain_ops.console. log_fd stands at the first byte that is kept;
 * input_fd does not block. */
int xk_kvm_console(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   unsigned number, struct xk_console *console,
                   struct xk_error *err);

#endif
