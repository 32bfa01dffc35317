/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copy disks of a running guest to another QEMU: block jobs mirror each disk to
 * an NBD server there (blockdev-mirror, qapi/block-core.json of QEMU 7.2).
 * Writes of the guest go to both sides at once, so a mirror that has caught up
 * stays in sync.
 *
 * Nodes and jobs are called "copy-VDEV".
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
    uint64_t done_bytes,
        total_bytes; /* of all disks; writes of the guest increase the second */
    bool ready;      /* both sides are identical */
};

/* Start mirroring the disks that are copied. fds are connections to their
 * servers and stay the caller's. After a failure the caller must call
 * xk_kvm_mirror_abandon(). */
int xk_kvm_mirror_start(struct xk_qmp *qmp,
                        const struct xk_domain_config *config, const int *fds,
                        size_t count, uint64_t bandwidth,
                        struct xk_deadline deadline, struct xk_error *err);

/* Read the progress of all mirrors. Fails if one of them has failed. */
int xk_kvm_mirror_progress(struct xk_qmp *qmp, struct xk_kvm_mirror *mirror,
                           struct xk_deadline deadline, struct xk_error *err);

/* Complete all mirrors, with all data written to the target. The guest is
 * paused and the mirrors are ready. */
int xk_kvm_mirror_finish(struct xk_qmp *qmp, struct xk_deadline deadline,
                         struct xk_error *err);

/* Cancel all mirrors, also those that a killed process started. Succeeds if
 * there are none. */
int xk_kvm_mirror_abandon(struct xk_qmp *qmp, struct xk_deadline deadline,
                          struct xk_error *err);

#endif
