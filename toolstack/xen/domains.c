/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/domains.h"

#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/driver_internal.h"
#include "xenstore-helpers/paths.h"

enum {
    CHUNK = 64, /* domains asked for at once */
    DOMAINS_MAX = 32768,
    PAGE_SHIFT = 12,
};

static const enum xk_stop_reason reasons[] = {
    [SHUTDOWN_poweroff] = XK_STOP_POWEROFF,
    [SHUTDOWN_reboot] = XK_STOP_REBOOT,
    [SHUTDOWN_suspend] = XK_STOP_SUSPEND,
    [SHUTDOWN_crash] = XK_STOP_CRASH,
    [SHUTDOWN_watchdog] = XK_STOP_WATCHDOG,
    [SHUTDOWN_soft_reset] = XK_STOP_SOFT_RESET,
};

void
xk_xen_domains_free(struct xk_xen_domains *domains)
{
    free(domains->items);
    *domains = (struct xk_xen_domains){0};
}

/* ---- one domain ---- */

static uint64_t
mib(uint64_t pages)
{
    return pages >> (20 - PAGE_SHIFT);
}

/* A PVH guest has a local APIC and no other emulated device of a PC. */
static enum xk_domain_type
type_of(const struct xen_domctl_getdomaininfo *info)
{
    if ((info->flags & XEN_DOMINF_hvm_guest) == 0)
        return XK_TYPE_PV;
    return info->arch_config.emulation_flags == XEN_X86_EMU_LAPIC ? XK_TYPE_PVH
                                                                  : XK_TYPE_HVM;
}

static void
take_state(uint32_t flags, struct xk_xen_domain *domain)
{
    unsigned reason =
        flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

    if ((flags & XEN_DOMINF_dying) != 0) {
        domain->state = XK_STATE_DYING;
    } else if ((flags & XEN_DOMINF_shutdown) != 0) {
        domain->stop_reason =
            reason < XK_ARRAY_SIZE(reasons) ? reasons[reason] : XK_STOP_CRASH;
        domain->state = domain->stop_reason == XK_STOP_CRASH
                            ? XK_STATE_CRASHED
                            : XK_STATE_SHUTDOWN;
    } else {
        domain->state = (flags & XEN_DOMINF_paused) != 0 ? XK_STATE_PAUSED
                                                         : XK_STATE_RUNNING;
    }
}

void
xk_xen_domain_take(const struct xen_domctl_getdomaininfo *info,
                   struct xk_xen_domain *domain)
{
    *domain = (struct xk_xen_domain){
        .domid = info->domain,
        .type = type_of(info),
        .memory_mib = mib(info->tot_pages + info->outstanding_pages),
        .maxmem_mib = mib(info->max_pages),
        .vcpus = info->nr_online_vcpus,
        .cpu_time_ns = info->cpu_time,
    };
    memcpy(domain->uuid.bytes, info->handle, sizeof(domain->uuid.bytes));
    take_state(info->flags, domain);
}

/* ---- all domains ---- */

int
xk_xen_domains(struct xk_xen *xen, struct xk_xen_domains *domains,
               struct xk_error *err)
{
    struct xen_domctl_getdomaininfo infos[CHUNK];
    unsigned next = 0;
    int got;

    *domains = (struct xk_xen_domains){0};
    if (xk_xen_need_hypercall(xen, err) == -1)
        return -1;
    do {
        got = xk_hypercall_domains(xen->hypercall, next, infos, CHUNK, err);
        if (got == -1) {
            xk_xen_domains_free(domains);
            return -1;
        }
        for (int i = 0; i < got; i++) {
            XK_GROW(domains->items, domains->count);
            xk_xen_domain_take(&infos[i], &domains->items[domains->count++]);
            next = infos[i].domain + 1u;
        }
    } while (got == CHUNK && next < DOMAINS_MAX);
    return 0;
}

int
xk_xen_find(struct xk_xen *xen, const struct xk_uuid *uuid,
            struct xk_xen_domain *domain, struct xk_error *err)
{
    XK_CLEANUP_XEN_DOMAINS struct xk_xen_domains domains = {0};
    bool found = false;

    if (xk_xen_domains(xen, &domains, err) == -1)
        return -1;
    for (size_t i = 0; i < domains.count; i++) {
        if (!xk_uuid_equal(&domains.items[i].uuid, uuid))
            continue;
        if (!found || domain->state == XK_STATE_DYING)
            *domain = domains.items[i];
        found = true;
    }
    return found ? 0 : xk_fail(err, XK_ERR_NOT_FOUND, "no such domain in Xen");
}

char *
xk_xen_name(struct xk_xen *xen, unsigned domid, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_path_domain_name(domid);
    struct xk_buf name = {0};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return NULL;
    if (xk_store_read(xen->store, XK_STORE_NO_TX, path, XK_XEN_NAME_MAX, &name,
                      xk_xen_store_deadline(deadline), err) == -1) {
        xk_buf_free(&name);
        return NULL;
    }
    return name.data != NULL ? xk_buf_take(&name) : xk_strdup("");
}

static int
read_names(struct xk_xen *xen, char **paths, size_t count,
           struct xk_buf *values, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    return xk_store_read_all(xen->store, XK_STORE_NO_TX,
                             (const char *const *)paths, count, XK_XEN_NAME_MAX,
                             values, xk_xen_store_deadline(deadline), err);
}

char **
xk_xen_names(struct xk_xen *xen, const struct xk_xen_domains *domains,
             struct xk_deadline deadline, struct xk_error *err)
{
    size_t count = domains->count;
    char **names = xk_calloc(count + 1, sizeof(*names));
    struct xk_buf *values = xk_calloc(count + 1, sizeof(*values));
    int r;

    /* names[] holds the paths first, then their values. */
    for (size_t i = 0; i < count; i++)
        names[i] = xk_path_domain_name(domains->items[i].domid);
    r = read_names(xen, names, count, values, deadline, err);
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
        names[i] =
            r == 0 && values[i].data != NULL ? xk_buf_take(&values[i]) : NULL;
        xk_buf_free(&values[i]);
    }
    free(values);
    if (r == 0)
        return names;
    free(names);
    return NULL;
}
