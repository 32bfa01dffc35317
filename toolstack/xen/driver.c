/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/driver.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/journal.h"
#include "toolstack/record_look.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/domain_ops.h"
#include "toolstack/seam/monitor_ops.h"
#include "toolstack/seam/store_view_ops.h"
#include "toolstack/seam/transfer_ops.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/ops.h"

static struct xk_hypervisor *
open_driver(const struct xk_state *state, struct xk_error *err)
{
    struct xk_xen *xen = XK_NEW(struct xk_xen);

    (void)err;
    xen->base = (struct xk_hypervisor){.ops = &xk_xen_ops, .state = state};
    return &xen->base;
}

static void
close_driver(struct xk_hypervisor *hv)
{
    struct xk_xen *xen = xk_xen(hv);

    xk_xen_watcher_free(xen);
    xk_store_cleanup(&xen->store);
    xk_hypercall_close(xen->hypercall);
    free(xen);
}

static void
fill_info(const struct xk_xen_domain *domain, char *name,
          struct xk_domain_info *info)
{
    *info = (struct xk_domain_info){
        .uuid = domain->uuid,
        .name = name,
        .domid = (int)domain->domid,
        .type = domain->type,
        .state = domain->state,
        .stop_reason = domain->stop_reason,
        .memory_mib = domain->memory_mib,
        .maxmem_mib = domain->maxmem_mib,
        .vcpus = domain->vcpus,
        .cpu_time_ns = domain->cpu_time_ns,
    };
}

static int
get(struct xk_hypervisor *hv, const struct xk_domain *domain,
    struct xk_domain_info *info, struct xk_deadline deadline,
    struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_error nameless = {0};
    struct xk_xen_domain found;
    char *name;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1)
        return -1;
    name = xk_xen_name(xen, found.domid, deadline, &nameless);
    if (name == NULL && nameless.kind != XK_ERR_NOT_FOUND) {
        *err = nameless;
        return -1;
    }
    fill_info(&found, name, info);
    return 0;
}

/* A record of another driver may have the UUID of a domain that xl made. */
static bool
is_ours(const struct xk_state *state, const struct xk_uuid *uuid)
{
    char name[XK_DRIVER_NAME_SIZE];

    switch (xk_record_owner(state, uuid, name)) {
    case XK_RECORD_OWNED:
        return strcmp(name, xk_xen_ops.name) == 0;
    case XK_RECORD_UNNAMED:
        return true;
    case XK_RECORD_ODD:
    case XK_RECORD_GONE:
    default:
        return false;
    }
}

/* True if another process is building or destroying the domain, or was killed
 * while it did. A running domain is complete. */
static bool
is_half(const struct xk_state *state, const struct xk_xen_domain *domain)
{
    XK_CLEANUP_RECORD struct xk_record *record = NULL;

    if (domain->state == XK_STATE_RUNNING ||
        xk_journal_is_at_rest(state, &domain->uuid) ||
        !is_ours(state, &domain->uuid))
        return false;
    record = xk_record_open(state, &domain->uuid, NULL);
    return record != NULL && !xk_journal_is_whole(record);
}

/* A domain that Xen is still destroying has no name any more; nobody can do
 * anything with it. */
static int
list(struct xk_hypervisor *hv, struct xk_domain_list *list,
     struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_XEN_DOMAINS struct xk_xen_domains domains = {0};
    size_t kept = 0;
    char **names;

    if (xk_xen_domains(xen, &domains, err) == -1)
        return -1;
    for (size_t i = 0; i < domains.count; i++) {
        if (!is_half(hv->state, &domains.items[i]))
            domains.items[kept++] = domains.items[i];
    }
    domains.count = kept;
    names = xk_xen_names(xen, &domains, deadline, err);
    if (names == NULL)
        return -1;
    list->items = xk_calloc(kept, sizeof(*list->items));
    list->count = kept;
    for (size_t i = 0; i < kept; i++)
        fill_info(&domains.items[i], names[i], &list->items[i]);
    free(names);
    return 0;
}

/* A domain without a device of ours holds no file of ours. */
static bool
owns(const struct xk_record *record)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    return xk_xen_devices_list(record, &devices, NULL) == 0 &&
           devices.count > 0;
}

/* ---- the tables ---- */

static const struct xk_domain_ops domain_ops = {
    .list = list,
    .get = get,
    .check = xk_xen_check,
    .describe = xk_xen_describe,
    .build = xk_xen_build,
    .teardown = xk_xen_teardown,
    .pause = xk_xen_pause,
    .unpause = xk_xen_unpause,
    .signal = xk_xen_signal,
    .reset = xk_xen_reset,
    .restart = xk_xen_restart,
    .preserve = xk_xen_preserve,
    .core_dump = xk_xen_core_dump,
    .rename = xk_xen_rename,
    .console = xk_xen_console,
    .wait = xk_xen_wait,
};

/* No trim: logs of Xen's guests belong to xenconsoled and logrotate. */
static const struct xk_monitor_ops monitor_ops = {
    .watch = xk_xen_watch,
    .unwatch = xk_xen_unwatch,
};

static const struct xk_device_ops device_ops = {
    .sync =
        {
            [XK_SYNC_DISKS] = xk_xen_sync_disks,
            [XK_SYNC_CARDS] = xk_xen_sync_cards,
        },
    .resize_disk = xk_xen_resize_disk,
    .disks = xk_xen_disks,
    .cards = xk_xen_cards,
    .needs_repair = xk_xen_needs_repair,
    .repair = xk_xen_repair,
};

/* No prepare: check_needs() has reported what is missing, and libxl makes the
 * rest while it reads the stream. */
static const struct xk_transfer_ops transfer_ops = {
    .put_needs = xk_xen_put_needs,
    .check_needs = xk_xen_check_needs,
    .can_send_live = xk_xen_can_send_live,
    .send = xk_xen_send,
    .take_back = xk_xen_take_back,
    .receive = xk_xen_receive,
    .unpause_received = xk_xen_unpause_received,
    .read_foreign = xk_xen_read_foreign,
};

static const struct xk_store_view_ops store_view_ops = {
    .walk = xk_xen_store_walk,
    .watch = xk_xen_store_watch,
    .devices = xk_xen_store_devices,
};

const struct xk_hypervisor_ops xk_xen_ops = {
    .name = "xen",
    .has_strangers = true,
    .owns = owns,
    .probe = xk_xen_probe,
    .open = open_driver,
    .close = close_driver,
    .info = xk_xen_info,
    .capabilities = xk_xen_capabilities,
    .domain = &domain_ops,
    .monitor = &monitor_ops,
    .devices = &device_ops,
    .transfer = &transfer_ops,
    .store = &store_view_ops,
};
