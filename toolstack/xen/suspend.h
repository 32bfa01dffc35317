/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that was asked to suspend, for a save or a move that was given up,
 * may do so yet. Then nobody waits for it: whoever sees it lets it go on, but
 * never one that another toolstack has asked since, and saves.
 *
 * How it works. A file of the record says that the guest may be asked, from
 * before libxl does. What stands in control/shutdown tells the rest: libxl
 * writes "suspend" there, and a guest that will suspend writes "" over it. A
 * word of ours stands there before, and another where a request was given up
 * that had been acknowledged. Where that one is still there nobody has asked
 * since. Both begin with a NUL, so that guests take them for "". A request that
 * was given up lets a guest go on once: what stands there may be its own.
 *
 * A guest that suspends without that node has done so at once, and is never
 * waited for.
 */
#ifndef XK_TOOLSTACK_XEN_SUSPEND_H
#define XK_TOOLSTACK_XEN_SUSPEND_H

#include "toolstack/xen/domains.h"

/* Its memory stands still, and waits to be resumed. */
bool xk_xen_is_suspended(const struct xk_xen_domain *domain);

/* Before libxl asks the guest. */
int xk_suspend_expect(struct xk_xen *xen, const struct xk_record *record,
                      unsigned domid, struct xk_deadline deadline,
                      struct xk_error *err);

/* Take a request back, if there was one: what the guest has not acknowledged it
 * does not see any more, what it has is remembered. Also where it has suspended
 * already; that is the caller's to look at, afterwards. */
int xk_suspend_withdraw(struct xk_xen *xen, const struct xk_record *record,
                        unsigned domid, struct xk_deadline deadline,
                        struct xk_error *err);

/* Whether one may have been asked for at all: what xk_suspend_is_left() asks
 * first, and costs nothing. */
bool xk_suspend_may_be_left(const struct xk_record *record);

/* Whether a suspend was asked for that was given up, and nobody has asked for
 * another since: a guest that is found suspended, before this is asked, is
 * nobody's. */
bool xk_suspend_is_left(struct xk_xen *xen, const struct xk_record *record,
                        unsigned domid, struct xk_deadline deadline);

/* The guest goes on after its suspend. */
void xk_suspend_forget(const struct xk_record *record);

#endif
