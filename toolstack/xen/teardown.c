/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Destroys a domain, given only its UUID.
 *
 * Xen knows a domain's UUID from the moment it creates the domain, so destroy
 * every Xen domain with this UUID. If the domain owns resources outside Xen,
 * use libxl, which finds them in xenstore. Nodes that a killed call left behind
 * for a domain that Xen no longer has are found by their "vm" node, which names
 * the UUID.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/direct_destroy.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/paths.h"

enum {
    TRIES = 3, /* a dying domain may need another look */
};

/* A domain that another toolstack made may hold resources that xenstore does
 * not show, so leave it to libxl. */
static int
end(struct xk_xen *xen, const struct xk_domain *domain,
    const struct xk_xen_domain *found, struct xk_deadline deadline,
    struct xk_error *err)
{
    if (domain->record != NULL &&
        xk_xen_holds_nothing_outside(xen, found, deadline))
        return xk_xen_direct_destroy(xen, found, deadline, err);
    return xk_xen_helper_simple(xen, "destroy", domain->record, found->domid,
                                NULL, deadline, err);
}

static int
destroy_all(struct xk_xen *xen, const struct xk_domain *domain, unsigned *ended,
            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DOMAINS struct xk_xen_domains domains = {0};

    *ended = 0;
    if (xk_xen_domains(xen, &domains, err) == -1)
        return -1;
    for (size_t i = 0; i < domains.count; i++) {
        if (!xk_uuid_equal(&domains.items[i].uuid, &domain->uuid))
            continue;
        if (end(xen, domain, &domains.items[i], deadline, err) == -1)
            return -1;
        ++*ended;
    }
    return 0;
}

/* ---- remains in xenstore ---- */

static bool
is_in_xen(const struct xk_xen_domains *domains, unsigned domid)
{
    for (size_t i = 0; i < domains->count; i++) {
        if (domains->items[i].domid == domid)
            return true;
    }
    return false;
}

static bool
node_is(struct xk_xen *xen, const char *path, const char *wanted,
        struct xk_deadline deadline)
{
    XK_CLEANUP_BUF struct xk_buf value = {0};

    return xk_store_read(xen->store, XK_STORE_NO_TX, path, XK_STORE_VALUE_MAX,
                         &value, xk_xen_store_deadline(deadline), NULL) == 0 &&
           value.data != NULL && strcmp(value.data, wanted) == 0;
}

static int
remove_node(struct xk_xen *xen, char *path, struct xk_deadline deadline,
            struct xk_error *err)
{
    int r = xk_store_remove(xen->store, XK_STORE_NO_TX, path,
                            xk_xen_store_deadline(deadline), err);

    free(path);
    return r;
}

/* Remove dom0's backends of all kinds for a domain that no longer exists. */
static int
remove_backends(struct xk_xen *xen, unsigned domid, struct xk_deadline deadline,
                struct xk_error *err)
{
    static const char root[] = "/local/domain/0/backend";
    XK_CLEANUP_STORE_NAMES struct xk_store_names kinds = {0};

    if (xk_store_list(xen->store, XK_STORE_NO_TX, root, &kinds,
                      xk_xen_store_deadline(deadline), err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
    for (size_t i = 0; i < kinds.count; i++) {
        if (remove_node(xen,
                        xk_asprintf("%s/%s/%u", root, kinds.items[i], domid),
                        deadline, err) == -1)
            return -1;
    }
    return 0;
}

static int
remove_leftovers(struct xk_xen *xen, unsigned domid,
                 struct xk_deadline deadline, struct xk_error *err)
{
    if (remove_backends(xen, domid, deadline, err) == -1 ||
        remove_node(xen, xk_asprintf("/local/domain/%u", domid), deadline,
                    err) == -1)
        return -1;
    return remove_node(xen, xk_path_libxl(domid), deadline, err);
}

static int
sweep_domid(struct xk_xen *xen, const struct xk_xen_domains *domains,
            const char *name, const char *vm, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = NULL;
    uint64_t domid;

    if (!xk_parse_u64(name, UINT16_MAX, &domid) ||
        is_in_xen(domains, (unsigned)domid))
        return 0;
    path = xk_path_domain_vm((unsigned)domid);
    if (!node_is(xen, path, vm, deadline))
        return 0;
    return remove_leftovers(xen, (unsigned)domid, deadline, err);
}

static int
sweep_store(struct xk_xen *xen, const struct xk_uuid *uuid,
            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DOMAINS struct xk_xen_domains domains = {0};
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};
    XK_CLEANUP_FREE char *vm = xk_path_vm(uuid);

    if (xk_xen_need_store(xen, deadline, err) == -1 ||
        xk_store_list(xen->store, XK_STORE_NO_TX, "/local/domain", &names,
                      xk_xen_store_deadline(deadline), err) == -1 ||
        xk_xen_domains(xen, &domains, err) == -1)
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        if (sweep_domid(xen, &domains, names.items[i], vm, deadline, err) == -1)
            return -1;
    }
    return xk_store_remove(xen->store, XK_STORE_NO_TX, vm,
                           xk_xen_store_deadline(deadline), err);
}

/* Remove the devices before the domain, because they have its memory mapped.
 * Pause the domain first, so that the guest does not see their errors. */
static int
remove_devices(struct xk_xen *xen, const struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    struct xk_xen_domain found;

    if (xk_xen_devices_list(domain->record, &devices, err) == -1)
        return -1;
    if (devices.count == 0)
        return 0;
    if (xk_xen_find(xen, &domain->uuid, &found, NULL) == 0)
        xk_hypercall_domctl(xen->hypercall, XEN_DOMCTL_pausedomain, found.domid,
                            "pause it", NULL);
    return xk_xen_devices_remove(xen, domain->record, deadline, err);
}

int
xk_xen_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    unsigned ended = 1;

    if (domain->record != NULL &&
        remove_devices(xen, domain, deadline, err) == -1)
        return -1;

    for (int i = 0; i < TRIES && ended > 0; i++) {
        if (destroy_all(xen, domain, &ended, deadline, err) == -1)
            return -1;
    }
    return sweep_store(xen, &domain->uuid, deadline, err);
}
