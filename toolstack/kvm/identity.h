/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process a domain's QEMU is, and which uid it was given: the two facts
 * in its record that everything else starts from. */
#ifndef XK_TOOLSTACK_KVM_IDENTITY_H
#define XK_TOOLSTACK_KVM_IDENTITY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "toolstack/record.h"

struct xk_kvm_claim {
    uid_t uid;       /* who QEMU runs as; its gid has the same number, but for
                        a plain user's */
    int64_t made_ns; /* CLOCK_BOOTTIME of the first build */
};

/* The claim of a record; XK_ERR_NOT_FOUND where it was never given one. */
int xk_kvm_claim(const struct xk_record *record, struct xk_kvm_claim *claim,
                 struct xk_error *err);

/* The same before QEMU is started, made at the first call: root gives each
 * domain a uid of its own that no other record and no process of this host has,
 * a plain user has only one. Where another has the record's uid meanwhile, it
 * is given another. Release the uid (toolstack/kvm/uid.h) in any case, once
 * QEMU runs as that user, or will not. The record is locked. */
int xk_kvm_claim_make(const struct xk_record *record,
                      struct xk_kvm_claim *claim, int *held,
                      struct xk_deadline deadline, struct xk_error *err);

/* Note the calling process, which is about to become QEMU, in the record. */
int xk_kvm_identity_save_self(int record_dir_fd,
                              const struct xk_kvm_claim *claim,
                              struct xk_error *err);

/* XK_ERR_NOT_FOUND where the record names no process and none of this host is
 * its QEMU (toolstack/kvm/lost_process.h). claim may be NULL. The process may
 * be gone by now. */
int xk_kvm_identity_load(int record_dir_fd, struct xk_process *process,
                         struct xk_kvm_claim *claim, struct xk_error *err);

#endif
