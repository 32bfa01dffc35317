/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Destroys a domain without libxl, if the domain holds nothing outside of Xen:
 * most of the time that libxl takes for this is libxl's own start.
 */
#ifndef XK_TOOLSTACK_XEN_DIRECT_DESTROY_H
#define XK_TOOLSTACK_XEN_DIRECT_DESTROY_H

#include "toolstack/xen/domains.h"

/* True if, according to xenstore, the domain has no device model and no device
 * of libxl's except its console. A domain without nodes qualifies. False if
 * xenstore does not answer. */
bool xk_xen_holds_nothing_outside(struct xk_xen *xen,
                                  const struct xk_xen_domain *domain,
                                  struct xk_deadline deadline);

/* Remove the domain's nodes and libxl's files about it, and destroy it. Can be
 * repeated after a kill at any point. */
int xk_xen_direct_destroy(struct xk_xen *xen,
                          const struct xk_xen_domain *domain,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
