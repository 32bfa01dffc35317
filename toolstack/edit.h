/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing a domain that exists. The record's configuration is what the domain
 * should have: an edit changes it, the driver makes the domain agree
 * (xk_hv_sync()), and recovery after a kill at any point does that again.
 *
 * How it works, under the record's lock: the edit is applied to a copy of the
 * configuration. The journal says what is edited (BEGIN) and which device it is
 * about (INTENT), the old configuration is kept beside, the copy is saved, the
 * driver syncs the domain, END. If the driver fails, the old configuration is
 * restored and synced, unless the edit stands; force removes nothing there but
 * what the edit added. After a kill, recovery syncs what is saved. If that
 * fails it restores and syncs what is kept. It judges by the edit's own device:
 * another one that its guest holds on to does not undo an attach that came
 * through.
 */
#ifndef XK_TOOLSTACK_EDIT_H
#define XK_TOOLSTACK_EDIT_H

#include "toolstack/host_drivers.h"
#include "toolstack/seam/device_ops.h"

struct xk_edit {
    enum xk_sync what;

    /* Edit *config, and set change->number and, if need be, change->force. The
     * domain is alive and its record is locked. On failure nothing has
     * happened; *config is dropped. */
    int (*apply)(const struct xk_edit *edit, const struct xk_domain *domain,
                 struct xk_domain_config *config, struct xk_change *change,
                 struct xk_deadline deadline, struct xk_error *err);
    const void *context; /* for apply */

    /* Keep the edit even if the guest has not agreed yet: it was asked, and the
     * change happens once it does. */
    bool stands;
};

/* Edit the domain. XK_ERR_UNSUPPORTED if the driver cannot sync such a change,
 * or if another toolstack made the domain. */
int xk_edit_run(struct xk_host *host, struct xk_domain *domain,
                const struct xk_edit *edit, struct xk_deadline deadline,
                struct xk_error *err);

/* XK_ERR_UNSUPPORTED if the domain has no record, because another toolstack
 * made it. */
int xk_edit_need_record(const struct xk_domain *domain, enum xk_sync what,
                        struct xk_error *err);

/* ---- recovery ---- */

/* Return whether this xk knows that kind of edit, by the detail of its BEGIN.
 */
bool xk_edit_is_known(const char *detail);

/* Sync the domain once more, or undo the edit, and end the operation. If
 * neither can be done, a warning says so and the edit is over: an image that is
 * gone, or a guest that does not release a disk, must not keep every verb from
 * the domain. */
int xk_operation_finish_edit(struct xk_host *host, struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);

/* The same for an edit of disks that an earlier xk began (XK_OP_DISKS). */
int xk_operation_finish_disks(struct xk_host *host, struct xk_domain *domain,
                              struct xk_deadline deadline,
                              struct xk_error *err);

#endif
