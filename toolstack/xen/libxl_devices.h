/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices that libxl made, as xenstore has them. */
#ifndef XK_TOOLSTACK_XEN_LIBXL_DEVICES_H
#define XK_TOOLSTACK_XEN_LIBXL_DEVICES_H

#include "toolstack/xen/driver_internal.h"
#include "xenstore-helpers/store.h"

/* List the numbers of a domain's devices of one kind ("vbd"), as texts. None
 * is no failure. */
int xk_xen_libxl_devices(struct xk_xen *xen, unsigned domid, const char *kind,
                         struct xk_store_names *numbers,
                         struct xk_deadline deadline, struct xk_error *err);

/* A device, and the values of nodes of its backend. */
struct xk_xen_libxl_device {
    unsigned number;
    bool is_here;             /* its backend is in this domain */
    const char *const *texts; /* as the names; "": there is no such node */
};

typedef void xk_xen_libxl_told(const struct xk_xen_libxl_device *device,
                               void *context);

/* Read nodes of each device of that kind, at most XK_XEN_LIBXL_NODES, and call
 * told() for it. Devices that go meanwhile are left out. */
enum {
    XK_XEN_LIBXL_NODES = 8
};
int xk_xen_libxl_tell(struct xk_xen *xen, unsigned domid, const char *kind,
                      const char *const *names, size_t count,
                      xk_xen_libxl_told *told, void *context,
                      struct xk_deadline deadline, struct xk_error *err);

#endif
