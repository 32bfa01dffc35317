/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/list.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/record_facts.h"
#include "toolstack/seam/domain_ops.h"

/* ---- one ---- */

/* The driver sees a paused domain; the journal knows why it is paused. */
static void
mark_doubt(struct xk_domain_info *info, const struct xk_record *record)
{
    if (record != NULL && xk_record_is_in_doubt(record))
        info->state = XK_STATE_IN_DOUBT;
}

int
xk_domain_get(struct xk_host *host, const struct xk_domain *domain,
              struct xk_domain_info *info, struct xk_deadline deadline,
              struct xk_error *err)
{
    struct xk_hypervisor *hv = domain->hv;

    (void)host;
    *info = (struct xk_domain_info){.domid = -1};
    if (xk_hv_get(hv, domain, info, deadline, err) == -1)
        return -1;
    info->hypervisor = xk_hv_name(hv);
    mark_doubt(info, domain->record);
    return 0;
}

/* ---- all of one driver ---- */

/* A domain in doubt is paused, so a running one need not be checked. */
static void
look_for_doubt(struct xk_host *host, const struct xk_hypervisor_ops *driver,
               struct xk_domain_info *info)
{
    XK_CLEANUP_RECORD struct xk_record *record = NULL;

    if (info->state == XK_STATE_RUNNING)
        return;
    record = xk_record_open(&host->state, &info->uuid, NULL);
    if (record != NULL && xk_host_owner(host, &info->uuid, NULL) == driver)
        mark_doubt(info, record);
}

static int
list_driver(struct xk_host *host, struct xk_hypervisor *hv,
            struct xk_domain_list *list, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_domain_list part = {0};

    if (xk_hv_list(hv, &part, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < part.count; i++) {
        part.items[i].hypervisor = xk_hv_name(hv);
        look_for_doubt(host, xk_hv_driver(hv), &part.items[i]);
        XK_GROW(list->items, list->count);
        list->items[list->count++] = part.items[i];
    }
    free(part.items);
    return 0;
}

/* ---- all ---- */

/* Number of records of each driver, by its index in xk_host_ops(). */
struct owned {
    unsigned counts[XK_HOST_DRIVERS];
};

static void
count_record(struct xk_host *host, const struct xk_uuid *uuid,
             struct owned *owned)
{
    struct xk_error err = {0};
    const struct xk_hypervisor_ops *owner = xk_host_owner(host, uuid, &err);

    if (owner == NULL && err.kind != XK_ERR_NOT_FOUND && host->wanted == NULL)
        xk_host_warn_alone(uuid, &err);
    for (size_t i = 0; owner != NULL && i < XK_HOST_DRIVERS; i++)
        owned->counts[i] += xk_host_ops(host, i) == owner;
}

static int
count_records(struct xk_host *host, struct owned *owned, struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    *owned = (struct owned){0};
    if (xk_state_list(&host->state, &uuids, &count, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++)
        count_record(host, &uuids[i], owned);
    return 0;
}

static bool
is_wanted(const struct xk_host *host, const struct xk_hypervisor_ops *driver)
{
    return host->wanted == NULL || strcmp(host->wanted, driver->name) == 0;
}

/* The domains of a driver that cannot run here cannot be seen. */
static int
list_if_it_runs(struct xk_host *host, const struct xk_hypervisor_ops *driver,
                unsigned records, struct xk_domain_list *list,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};
    struct xk_hypervisor *hv;

    if (!is_wanted(host, driver) || (records == 0 && !driver->has_strangers))
        return 0;
    hv = xk_host_driver(host, driver->name, &why);
    if (hv != NULL)
        return list_driver(host, hv, list, deadline, err);
    if (why.kind != XK_ERR_HOST) {
        *err = why;
        return -1;
    }
    if (records > 0)
        xk_warn("%u domain%s of %s cannot be seen, and %s left alone: %s",
                records, records == 1 ? "" : "s", driver->name,
                records == 1 ? "is" : "are", why.message);
    return 0;
}

int
xk_domain_list(struct xk_host *host, struct xk_domain_list *list,
               struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver;
    struct owned owned;

    *list = (struct xk_domain_list){0};
    if (count_records(host, &owned, err) == -1)
        return -1;
    for (size_t i = 0;
         i < XK_HOST_DRIVERS && (driver = xk_host_ops(host, i)) != NULL; i++) {
        if (list_if_it_runs(host, driver, owned.counts[i], list, deadline,
                            err) == -1) {
            xk_domain_list_free(list);
            return -1;
        }
    }
    /* If there is no hypervisor, report that. */
    return list->count == 0 && xk_host_default(host, err) == NULL ? -1 : 0;
}
