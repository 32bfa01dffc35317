/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/seam/device_ops.h"

#include "base/util.h"
#include "net-helpers/link.h"
#include "toolstack/seam/call_internal.h"

static const struct {
    const char *name; /* in the debug log */
    const char *deed;
} syncs[] = {
    [XK_SYNC_DISKS] = {"sync_disks", "change the disks of a running domain"},
    [XK_SYNC_CARDS] = {"sync_cards",
                       "change the network cards of a running domain"},
};
static_assert(XK_ARRAY_SIZE(syncs) == XK_SYNC_COUNT, "a row per sync");

int
xk_hv_need_sync(const struct xk_hypervisor *hv, enum xk_sync what,
                struct xk_error *err)
{
    return XK_HAS(hv, devices, sync[what])
               ? 0
               : xk_call_unsupported(hv, syncs[what].deed, err);
}

int
xk_hv_need_disk_resize(const struct xk_hypervisor *hv, struct xk_error *err)
{
    return XK_HAS(hv, devices, resize_disk)
               ? 0
               : xk_call_unsupported(hv, "resize the disks of a running domain",
                                     err);
}

int
xk_hv_sync(struct xk_hypervisor *hv, const struct xk_domain *domain,
           const struct xk_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    const enum xk_sync what = change->what;

    xk_call_assert_locked(domain);
    if (xk_hv_need_sync(hv, what, err) == -1)
        return -1;
    return XK_CALL_AS(syncs[what].name, hv, devices, sync[what], &domain->uuid,
                      err, domain, change, deadline);
}

int
xk_hv_check_detach(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   const struct xk_change *change, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    if (!XK_HAS(hv, devices, check_detach))
        return 0;
    return XK_CALL(hv, devices, check_detach, &domain->uuid, err, domain,
                   change);
}

int
xk_hv_resize_disk(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_disk *disk, uint64_t bytes,
                  struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_locked(domain);
    if (xk_hv_need_disk_resize(hv, err) == -1)
        return -1;
    return XK_CALL(hv, devices, resize_disk, &domain->uuid, err, domain, disk,
                   bytes, deadline);
}

int
xk_hv_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
            xk_disk_told *told, void *context, struct xk_deadline deadline,
            struct xk_error *err)
{
    if (!XK_HAS(hv, devices, disks))
        return xk_call_unsupported(hv, "list the disks of a domain", err);
    return XK_CALL(hv, devices, disks, &domain->uuid, err, domain, told,
                   context, deadline);
}

void
xk_card_info_take_link(struct xk_card_info *info,
                       const struct xk_net_link *link)
{
    info->mtu = link->mtu;
    info->rx_bytes = link->tx_bytes;
    info->rx_packets = link->tx_packets;
    info->rx_dropped = link->tx_dropped;
    info->tx_bytes = link->rx_bytes;
    info->tx_packets = link->rx_packets;
    info->tx_dropped = link->rx_dropped;
    info->errors = link->rx_errors + link->tx_errors;
    info->known = true;
}

int
xk_hv_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
            xk_card_told *told, void *context, struct xk_deadline deadline,
            struct xk_error *err)
{
    if (!XK_HAS(hv, devices, cards))
        return xk_call_unsupported(hv, "list the network cards of a domain",
                                   err);
    return XK_CALL(hv, devices, cards, &domain->uuid, err, domain, told,
                   context, deadline);
}

bool
xk_hv_needs_repair(struct xk_hypervisor *hv, const struct xk_record *record)
{
    return XK_HAS(hv, devices, needs_repair) &&
           hv->ops->devices->needs_repair(hv, record);
}

int
xk_hv_repair(struct xk_hypervisor *hv, const struct xk_record *record,
             struct xk_deadline deadline, struct xk_error *err)
{
    xk_call_assert_held(record);
    if (!XK_HAS(hv, devices, repair))
        return xk_call_unsupported(hv, "repair the devices of a domain", err);
    return XK_CALL(hv, devices, repair, &record->uuid, err, record, deadline);
}
