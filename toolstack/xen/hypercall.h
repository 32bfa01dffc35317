/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few hypercalls that verbs need, over libxencall.
 *
 * libxenctrl has them all, but brings eight more libraries, whose loading takes
 * longer than all that a verb does. The structures are those of the Xen that
 * this was built for; Xen refuses those of another version.
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

/* Open the hypervisor: NULL with XK_ERR_HOST and what to do. */
struct xencall_handle *xk_hypercall_open(struct xk_error *err);
void xk_hypercall_close(struct xencall_handle *xen);

/* What Xen says of at most max domains, from `first` on, in the order of their
 * numbers. Returns how many, or -1. */
int xk_hypercall_domains(struct xencall_handle *xen, unsigned first,
                         struct xen_domctl_getdomaininfo *infos, unsigned max,
                         struct xk_error *err);

/* XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain; what is for messages.
 * XK_ERR_NOT_FOUND where there is no such domain. */
int xk_hypercall_domctl(struct xencall_handle *xen, uint32_t command,
                        unsigned domid, const char *what, struct xk_error *err);

/* The domain's handle, by which it is found (XEN_DOMCTL_setdomainhandle). */
int xk_hypercall_set_uuid(struct xencall_handle *xen, unsigned domid,
                          const struct xk_uuid *uuid, struct xk_error *err);

/* Memory that no domain has and none is promised (XEN_SYSCTL_physinfo). */
int xk_hypercall_free_mib(struct xencall_handle *xen, uint64_t *mib,
                          struct xk_error *err);

/* Of the Xen that runs here: 4, 17 (XENVER_version). */
int xk_hypercall_version(struct xencall_handle *xen, unsigned *major,
                         unsigned *minor, struct xk_error *err);

/* HVM_PARAM_*; false where the domain has none. */
bool xk_hypercall_hvm_param(struct xencall_handle *xen, unsigned domid,
                            uint32_t index, uint64_t *value);

#endif
