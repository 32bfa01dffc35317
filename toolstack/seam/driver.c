/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wrappers of what a driver does for the host. */
#include "toolstack/hypervisor.h"

#include "toolstack/seam/call_internal.h"

const struct xk_hypervisor_ops *
xk_hv_driver(const struct xk_hypervisor *hv)
{
    return hv->ops;
}

const char *
xk_hv_name(const struct xk_hypervisor *hv)
{
    return hv->ops->name;
}

bool
xk_driver_owns(const struct xk_hypervisor_ops *driver,
               const struct xk_record *record)
{
    return driver->owns != NULL && driver->owns(record);
}

int
xk_driver_probe(const struct xk_hypervisor_ops *driver, struct xk_error *err)
{
    struct xk_call call;

    err = xk_call_begin(&call, driver->name, "probe", NULL, err);
    return xk_call_end(&call, driver->probe(err));
}

struct xk_hypervisor *
xk_driver_open(const struct xk_hypervisor_ops *driver,
               const struct xk_state *state, struct xk_error *err)
{
    struct xk_hypervisor *hv;
    struct xk_call call;

    err = xk_call_begin(&call, driver->name, "open", NULL, err);
    hv = driver->open(state, err);
    xk_call_end(&call, hv == NULL ? -1 : 0);
    return hv;
}

void
xk_hv_close(struct xk_hypervisor *hv)
{
    hv->ops->close(hv);
}

int
xk_hv_info(struct xk_hypervisor *hv, struct xk_facts *facts,
           struct xk_error *err)
{
    struct xk_call call;

    err = xk_call_begin(&call, xk_hv_name(hv), "info", NULL, err);
    return xk_call_end(&call, hv->ops->info(hv, facts, err));
}

int
xk_hv_capabilities(struct xk_hypervisor *hv, struct xk_facts *facts,
                   struct xk_error *err)
{
    struct xk_call call;

    err = xk_call_begin(&call, xk_hv_name(hv), "capabilities", NULL, err);
    return xk_call_end(&call, hv->ops->capabilities(hv, facts, err));
}
