/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/seam/monitor_ops.h"

#include "toolstack/seam/call_internal.h"

int
xk_hv_watch(struct xk_hypervisor *hv, struct ev_loop *loop,
            const struct xk_uuid *uuid, xk_domain_changed *changed,
            void *context, struct xk_error *err)
{
    return XK_CALL(hv, monitor, watch, uuid, err, loop, uuid, changed, context);
}

void
xk_hv_unwatch(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    hv->ops->monitor->unwatch(hv, uuid);
}

void
xk_hv_trim(struct xk_hypervisor *hv, const struct xk_uuid *uuid)
{
    if (hv->ops->monitor->trim != NULL)
        hv->ops->monitor->trim(hv, uuid);
}
