/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks of a running guest on their way to another QEMU: block jobs that mirror
 * each to an NBD server there (blockdev-mirror, qapi/block-core.json of QEMU
 * 7.2). What the guest writes goes to both sides at once, so that a mirror that
 * has caught up stays so.
 *
 * Nodes and jobs are "copy-VDEV".
 */
#ifndef XK_TOOLSTACK_KVM_COPY_SOURCE_H
#define XK_TOOLSTACK_KVM_COPY_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/qmp.h"

struct xk_kvm_mirror {
    uint64_t done_bytes, total_bytes; /* of all disks; a guest at work makes
                                         the second more */
    bool ready;                       /* both sides are the same */
};

/* Begin to mirror the disks that go along; fds lead to their servers and stay
 * the caller's. On failure xk_kvm_mirror_abandon() comes next. */
int xk_kvm_mirror_start(struct xk_qmp *qmp,
                        const struct xk_domain_config *config, const int *fds,
                        size_t count, uint64_t bandwidth,
                        struct xk_deadline deadline, struct xk_error *err);

/* How far they are; an error where one of them has failed. */
int xk_kvm_mirror_look(struct xk_qmp *qmp, struct xk_kvm_mirror *mirror,
                       struct xk_deadline deadline, struct xk_error *err);

/* Bring them to their end, with all of it written there. The guest stands
 * still, and they were ready. */
int xk_kvm_mirror_finish(struct xk_qmp *qmp, struct xk_deadline deadline,
                         struct xk_error *err);

/* End them wherever they are, and those that a killed process began. Nothing
 * there is no error. */
int xk_kvm_mirror_abandon(struct xk_qmp *qmp, struct xk_deadline deadline,
                          struct xk_error *err);

#endif
