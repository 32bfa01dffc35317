/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a domain that holds nothing outside of Xen, without libxl: most of
 * what libxl takes for it is its own start.
 */
#ifndef XK_TOOLSTACK_XEN_DIRECT_DESTROY_H
#define XK_TOOLSTACK_XEN_DIRECT_DESTROY_H

#include "toolstack/xen/domains.h"

/* Whether it has no device model and no device of libxl's but its console, as
 * far as the store tells; a domain that has no nodes any more is one. Where the
 * store cannot tell it is none. */
bool xk_xen_holds_nothing_outside(struct xk_xen *xen,
                                  const struct xk_xen_domain *domain,
                                  struct xk_deadline deadline);

/* End it: its nodes, what libxl keeps of it in files, and itself. May be done
 * again after a kill at any point. */
int xk_xen_direct_destroy(struct xk_xen *xen,
                          const struct xk_xen_domain *domain,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
