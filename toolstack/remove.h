/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a domain: its machine and its record. The record is locked. */
#ifndef XK_TOOLSTACK_REMOVE_H
#define XK_TOOLSTACK_REMOVE_H

#include "base/deadline.h"
#include "base/error.h"
#include "toolstack/hypervisor.h"

/* An undo has a time of its own: the deadline that made it necessary must not
 * cut it short. */
enum {
    XK_UNDO_MS = 20000,
};

/* Tear the domain down and remove its record. */
int xk_operation_remove(struct xk_domain *domain, struct xk_deadline deadline,
                        struct xk_error *err);

/* The same for a domain that has a record, and that its driver says does not
 * exist (XK_ERR_NOT_FOUND): a warning says so, and the journal gets a BEGIN of
 * a destroy. */
int xk_operation_remove_gone(struct xk_domain *domain,
                             struct xk_deadline deadline, struct xk_error *err);

/* Remove what a failed operation built, within XK_UNDO_MS; a failure is a
 * warning. */
void xk_operation_undo(struct xk_domain *domain);

#endif
