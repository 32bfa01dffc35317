/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The process and the uid of a domain's QEMU: the two facts in its record that
 * everything else starts from. */
#ifndef XK_TOOLSTACK_KVM_IDENTITY_H
#define XK_TOOLSTACK_KVM_IDENTITY_H

#include <stdint.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "toolstack/record.h"

struct xk_kvm_claim {
    uid_t uid; /* the user QEMU runs as; its gid has the same number, unless xk
                  runs as a plain user */
    int64_t made_ns; /* CLOCK_BOOTTIME of the first build */
};

/* Read the claim of a record; XK_ERR_NOT_FOUND if it has none yet. */
int xk_kvm_claim(const struct xk_record *record, struct xk_kvm_claim *claim,
                 struct xk_error *err);

/* Read the claim before QEMU is started; the first call makes it. Root gives
 * each domain a uid that no other record and no process of this host has; a
 * plain user has only its own. If a process has taken the record's uid since,
 * the record gets another. The uid stays reserved by *held: pass it to
 * xk_kvm_uid_release() (toolstack/kvm/uid.h) in any case, once QEMU runs as
 * that user or will not run. The caller holds the lock of the record. */
int xk_kvm_claim_make(const struct xk_record *record,
                      struct xk_kvm_claim *claim, int *held,
                      struct xk_deadline deadline, struct xk_error *err);

/* Write the calling process, which is about to become QEMU, to the record. */
int xk_kvm_identity_save_self(int record_dir_fd,
                              const struct xk_kvm_claim *claim,
                              struct xk_error *err);

/* Read which process QEMU is. XK_ERR_NOT_FOUND if the record names no process
 * and no process of this host is its QEMU (toolstack/kvm/lost_process.h). claim
 * may be NULL. The process may have ended since. */
int xk_kvm_identity_load(int record_dir_fd, struct xk_process *process,
                         struct xk_kvm_claim *claim, struct xk_error *err);

#endif
