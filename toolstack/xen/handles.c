/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens the driver's handles when they are first needed. */
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/hypercall.h"

struct xk_xen *
xk_xen(struct xk_hypervisor *hv)
{
    return (struct xk_xen *)hv;
}

int
xk_xen_need_hypercall(struct xk_xen *xen, struct xk_error *err)
{
    if (xen->hypercall == NULL)
        xen->hypercall = xk_hypercall_open(err);
    return xen->hypercall == NULL ? -1 : 0;
}

struct xk_deadline
xk_xen_store_deadline(struct xk_deadline deadline)
{
    return xk_deadline_min(deadline, xk_deadline_in_ms(XK_XEN_STORE_MS));
}

/* Wait only once for an xenstored that hangs, however often it is needed. */
int
xk_xen_need_store(struct xk_xen *xen, struct xk_deadline deadline,
                  struct xk_error *err)
{
    struct xk_error why = {0};

    if (xen->store != NULL)
        return 0;
    deadline = xen->store_hangs ? xk_deadline_in_ms(0)
                                : xk_xen_store_deadline(deadline);
    xen->store = xk_store_open(NULL, deadline, &why);
    if (xen->store != NULL)
        return 0;
    xen->store_hangs = why.kind == XK_ERR_TIMEOUT;
    if (err != NULL)
        *err = why;
    return -1;
}
