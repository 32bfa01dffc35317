/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few hypercalls that verbs need, over libxencall.
 *
 * libxenctrl has them all, but it pulls in eight more libraries, and loading
 * these takes longer than everything else a verb does. The structures are those
 * of the Xen that xk was built for; a Xen of another version refuses them.
 *
 * Source: xen/include/public/sysctl.h, domctl.h, version.h, hvm/hvm_op.h.
 */
#ifndef XK_TOOLSTACK_XEN_HYPERCALL_H
#define XK_TOOLSTACK_XEN_HYPERCALL_H

#include <stdbool.h>
#include <stdint.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/hvm/params.h>

#include "base/error.h"
#include "base/uuid.h"

struct xencall_handle;

/* Open the hypervisor. Fails with XK_ERR_HOST. */
struct xencall_handle *xk_hypercall_open(struct xk_error *err);
void xk_hypercall_close(struct xencall_handle *xen);

/* Describe at most max domains, ordered by domid, beginning with `first`.
 * Returns their count, or -1. */
int xk_hypercall_domains(struct xencall_handle *xen, unsigned first,
                         struct xen_domctl_getdomaininfo *infos, unsigned max,
                         struct xk_error *err);

/* Run a domctl that takes only the domid (XEN_DOMCTL_pausedomain,
 * XEN_DOMCTL_unpausedomain, XEN_DOMCTL_destroydomain). `what` names it in
 * messages. XK_ERR_NOT_FOUND: there is no such domain. */
int xk_hypercall_domctl(struct xencall_handle *xen, uint32_t command,
                        unsigned domid, const char *what, struct xk_error *err);

/* Set the domain's handle, by which it is found (XEN_DOMCTL_setdomainhandle).
 */
int xk_hypercall_set_uuid(struct xencall_handle *xen, unsigned domid,
                          const struct xk_uuid *uuid, struct xk_error *err);

/* Get the memory that no domain has and that is not claimed for one
 * (XEN_SYSCTL_physinfo). */
int xk_hypercall_free_mib(struct xencall_handle *xen, uint64_t *mib,
                          struct xk_error *err);

/* Get the version of the running Xen: 4, 17 (XENVER_version). */
int xk_hypercall_version(struct xencall_handle *xen, unsigned *major,
                         unsigned *minor, struct xk_error *err);

/* Get a HVM_PARAM_*. Returns false if the domain does not have it. */
bool xk_hypercall_hvm_param(struct xencall_handle *xen, unsigned domid,
                            uint32_t index, uint64_t *value);

#endif
