/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that are copied to the host their domain goes to, on that host: what
 * must be there, images that are made, and the server that the other QEMU
 * writes them through (NBD, docs/interop/nbd.txt of QEMU).
 *
 * All disks that the guest can write are copied, if any; those it can only read
 * must be there. An image that is there already, of the same format and size
 * and in nobody's use, is written over.
 */
#ifndef XK_TOOLSTACK_KVM_COPY_TARGET_H
#define XK_TOOLSTACK_KVM_COPY_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/hypervisor.h"

#define XK_KVM_COPIES "copies" /* member of what a domain needs */

/* Whether a disk goes along, where disks do. */
bool xk_kvm_is_copied(const struct xk_disk *disk);

/* The list among a domain's needs, NULL where its disks are not copied. */
const struct xk_json *xk_kvm_copies(const struct xk_json *needs);

/* Whether a list that a peer sent is one for that configuration:
 * XK_ERR_PROTOCOL. */
int xk_kvm_copies_read(const struct xk_json *copies,
                       const struct xk_domain_config *config,
                       struct xk_error *err);

/* What stands against images of these sizes here. */
void xk_kvm_copies_check(const struct xk_json *copies,
                         const struct xk_domain_config *config,
                         const struct xk_state *state,
                         struct xk_problems *problems);

/* Make the images that are missing (toolstack/created_file.h). */
int xk_kvm_copies_make(const struct xk_record *record,
                       const struct xk_json *copies,
                       const struct xk_domain_config *config,
                       struct xk_error *err);

/* Let the QEMU of the record serve its disks, each by the name of its vdev; and
 * end that, if it does. */
int xk_kvm_copies_serve(const struct xk_record *record,
                        const struct xk_json *copies,
                        struct xk_deadline deadline, struct xk_error *err);
struct xk_qmp;
int xk_kvm_copies_end(struct xk_qmp *qmp, const struct xk_record *record,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
