/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Repairs a domain: serves its devices again, and resumes it if it was left
 * suspended. */
#include "base/cleanup.h"
#include "base/log.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"
#include "toolstack/xen/suspend.h"

/* Only a running or paused domain needs its devices served: while a domain is
 * migrated or destroyed they are down on purpose. A suspended domain may belong
 * to another toolstack, which is saving it. */
bool
xk_xen_needs_repair(struct xk_hypervisor *hv, const struct xk_record *record)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &record->uuid, &found, NULL) == -1)
        return false;
    if (xk_xen_is_suspended(&found))
        return xk_suspend_is_left(xen, record, found.domid,
                                  xk_deadline_in_ms(XK_XEN_STORE_MS));
    return (found.state == XK_STATE_RUNNING ||
            found.state == XK_STATE_PAUSED) &&
           xk_xen_devices_need_start(record);
}

/* Resume the domain if it suspended after its save or migration was given up.
 * Look its state up again, because starting its devices may have taken a while.
 */
static int
resume_late(struct xk_xen *xen, const struct xk_record *record,
            struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen_domain found;

    if (!xk_suspend_may_be_left(record))
        return 0;
    if (xk_xen_find(xen, &record->uuid, &found, err) == -1)
        return -1;
    if (!xk_xen_is_suspended(&found) ||
        !xk_suspend_is_left(xen, record, found.domid, deadline))
        return 0;
    if (xk_xen_helper_simple(xen, "resume", record, found.domid, NULL, deadline,
                             err) == -1)
        return -1;
    xk_suspend_forget(record);
    xk_info("domain %s suspended after its save or migration was abandoned; "
            "resumed it",
            record->uuid_text);
    return 0;
}

int
xk_xen_repair(struct xk_hypervisor *hv, const struct xk_record *record,
              struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_devices_repair(xk_xen(hv), record, deadline, err) == -1)
        return -1;
    return resume_late(xk_xen(hv), record, deadline, err);
}
