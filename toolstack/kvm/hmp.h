/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands of QEMU's monitor for people, where QMP has none. */
#ifndef XK_TOOLSTACK_KVM_HMP_H
#define XK_TOOLSTACK_KVM_HMP_H

#include "toolstack/qmp.h"

/* Returns what QEMU says to the line, owned by the caller; NULL: an error. That
 * a command failed is only in the text. */
char *xk_kvm_hmp_ask(struct xk_qmp *qmp, const char *line,
                     struct xk_deadline deadline, struct xk_error *err);

#endif
