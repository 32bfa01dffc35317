/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks that are copied to this host together with their domain: the checks,
 * the images that are created, and the server through which the source's QEMU
 * writes them (NBD, docs/interop/nbd.txt of QEMU).
 *
 * Either all disks that the guest can write are copied, or none. Disks that it
 * can only read must exist here. An existing image is overwritten if it has the
 * same format and size and nobody uses it.
 */
#ifndef XK_TOOLSTACK_KVM_COPY_TARGET_H
#define XK_TOOLSTACK_KVM_COPY_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/hypervisor.h"

#define XK_KVM_COPIES "copies" /* member of a domain's needs */

/* Return the list of copies in a domain's needs; NULL if its disks are not
 * copied. */
const struct xk_json *xk_kvm_copies(const struct xk_json *needs);

/* Check that a list which the peer sent is valid for the configuration;
 * XK_ERR_PROTOCOL if not. */
int xk_kvm_copies_read(const struct xk_json *copies,
                       const struct xk_domain_config *config,
                       struct xk_error *err);

/* Add a problem for each disk that cannot be copied to this host. */
void xk_kvm_copies_check(const struct xk_json *copies,
                         const struct xk_domain_config *config,
                         const struct xk_state *state,
                         struct xk_problems *problems);

/* Create the images that do not exist (toolstack/created_file.h). */
int xk_kvm_copies_make(const struct xk_record *record,
                       const struct xk_json *copies,
                       const struct xk_domain_config *config,
                       struct xk_error *err);

/* Make the record's QEMU export its disks, each under the name of its vdev; and
 * stop that, if it does. */
int xk_kvm_copies_serve(const struct xk_record *record,
                        const struct xk_json *copies,
                        struct xk_deadline deadline, struct xk_error *err);
struct xk_qmp;
int xk_kvm_copies_end(struct xk_qmp *qmp, const struct xk_record *record,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
