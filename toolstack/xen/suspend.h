/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Late suspends. A guest may carry out a request to suspend after the save or
 * the migration that asked for it was given up. Nobody waits for the guest
 * then, so we must resume it when we see it suspended. But we must never resume
 * a guest that another toolstack has asked to suspend since, because it is
 * saving the guest.
 *
 * How it works. A file of the record, written before libxl asks, says that the
 * guest may have been asked. The node control/shutdown tells the rest: libxl
 * writes "suspend" to it, and a guest that acknowledges writes "". We write a
 * word of our own before libxl asks, and another word when we give up a request
 * that the guest has acknowledged. If that second word is still there, nobody
 * has asked since. Both words begin with a NUL, so that guests read them as "".
 * A request that was given up resumes the guest only once: afterwards the word
 * in the node may be the guest's own.
 *
 * A guest without that node suspends at once when asked, so there is nothing to
 * wait for.
 */
#ifndef XK_TOOLSTACK_XEN_SUSPEND_H
#define XK_TOOLSTACK_XEN_SUSPEND_H

#include "toolstack/xen/domains.h"

/* True if the domain is suspended: its memory does not change, and it waits to
 * be resumed. */
bool xk_xen_is_suspended(const struct xk_xen_domain *domain);

/* Note that the guest may be asked. Call this before libxl asks. */
int xk_suspend_expect(struct xk_xen *xen, const struct xk_record *record,
                      unsigned domid, struct xk_deadline deadline,
                      struct xk_error *err);

/* Withdraw the request, if there is one. A request that the guest has not
 * acknowledged disappears; an acknowledged one is remembered. Works on a guest
 * that has suspended already, too: the caller must check for that afterwards.
 */
int xk_suspend_withdraw(struct xk_xen *xen, const struct xk_record *record,
                        unsigned domid, struct xk_deadline deadline,
                        struct xk_error *err);

/* True if a suspend may have been requested at all. Cheap; xk_suspend_is_left()
 * checks it first. */
bool xk_suspend_may_be_left(const struct xk_record *record);

/* True if an acknowledged request was given up and nobody has requested another
 * suspend since. If the guest was found suspended before this call, nobody
 * waits for it and the caller may resume it. */
bool xk_suspend_is_left(struct xk_xen *xen, const struct xk_record *record,
                        unsigned domid, struct xk_deadline deadline);

/* Forget the request: the guest was resumed. */
void xk_suspend_forget(const struct xk_record *record);

#endif
