/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the devices of an existing domain agree with its configuration: those
 * of xk-backend (device/change.c), then libxl's (libxl/devices.c). */
#include "toolstack/xen/build.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/device/vbd.h"
#include "toolstack/xen/device/vif.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/libxl_devices.h"
#include "toolstack/xen/ops.h"

static bool
any_of_libxl(const struct xk_xen_device_kind *kind,
             const struct xk_domain_config *config)
{
    for (size_t i = 0; i < kind->count(config); i++) {
        if (!kind->is_ours(config, i))
            return true;
    }
    return false;
}

/* xk-libxl takes time to start, so it is asked only if there is one of its
 * devices, or is to be. */
static int
sync_libxl(struct xk_xen *xen, const struct xk_xen_device_kind *kind,
           const struct xk_record *record, unsigned domid,
           const struct xk_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names numbers = {0};

    if (xk_xen_libxl_devices(xen, domid, kind->front, &numbers, deadline,
                             err) == -1)
        return -1;
    if (numbers.count == 0 && !any_of_libxl(kind, change->config))
        return 0;
    return xk_xen_sync_libxl(xen, kind->libxl_verb, record, domid, change,
                             deadline, err);
}

static int
sync_kind(struct xk_hypervisor *hv, const struct xk_xen_device_kind *kind,
          const struct xk_domain *domain, const struct xk_change *change,
          struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        xk_xen_devices_change(xen, kind, domain->record, found.domid, change,
                              deadline, err) == -1)
        return -1;
    return sync_libxl(xen, kind, domain->record, found.domid, change, deadline,
                      err);
}

int
xk_xen_sync_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_change *change, struct xk_deadline deadline,
                  struct xk_error *err)
{
    return sync_kind(hv, &xk_vbd_kind, domain, change, deadline, err);
}

/* Check what a card needs of the host before anything of it is made: libxl's
 * scripts fail without saying what is missing. */
static int
check_card(const struct xk_change *change, struct xk_error *err)
{
    const struct xk_domain_config *config = change->config;
    struct xk_problems problems = {0};
    int r = 0;

    for (size_t i = 0; i < config->vif_count; i++) {
        if ((unsigned)config->vifs[i].devid == change->number)
            xk_xen_check_vif(&config->vifs[i], &problems);
    }
    if (problems.errors > 0)
        r = xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    return r;
}

int
xk_xen_sync_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_change *change, struct xk_deadline deadline,
                  struct xk_error *err)
{
    if (check_card(change, err) == -1)
        return -1;
    return sync_kind(hv, &xk_vif_kind, domain, change, deadline, err);
}
