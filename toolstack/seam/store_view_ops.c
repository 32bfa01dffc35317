/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/seam/store_view_ops.h"

#include "toolstack/seam/call_internal.h"

int
xk_hv_need_store(const struct xk_hypervisor *hv, struct xk_error *err)
{
    return hv->ops->store != NULL
               ? 0
               : xk_call_unsupported(hv, "show a store: it has none", err);
}

int
xk_hv_store_walk(struct xk_hypervisor *hv, const char *path,
                 xk_store_node_told *told, void *context,
                 struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_hv_need_store(hv, err) == -1)
        return -1;
    return XK_CALL_AS("store walk", hv, store, walk, NULL, err, path, told,
                      context, deadline);
}

int
xk_hv_store_watch(struct xk_hypervisor *hv, const char *path,
                  xk_store_changed *changed, void *context,
                  struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_hv_need_store(hv, err) == -1)
        return -1;
    return XK_CALL_AS("store watch", hv, store, watch, NULL, err, path, changed,
                      context, deadline);
}

int
xk_hv_store_devices(struct xk_hypervisor *hv, const struct xk_domain *domain,
                    xk_store_device_told *told, void *context,
                    struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_hv_need_store(hv, err) == -1)
        return -1;
    return XK_CALL_AS("store devices", hv, store, devices, &domain->uuid, err,
                      domain, told, context, deadline);
}
