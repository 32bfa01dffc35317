/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the domain and its settings that need no memory.
 *
 * Unlike libxl we do not check whether the domid was in use a moment ago: Xen
 * counts through all 32752 domids before it uses one again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "toolstack/xen/builder/builder.h"

enum {
    SSIDREF_DOMU = 12,      /* SECINITSID_DOMU of Xen's flask policy */
    EVENT_CHANNELS = 1023,  /* libxl's default */
    MAXMEM_SLACK_KB = 1024, /* LIBXL_MAXMEM_CONSTANT */
    NO_DELAY_FOR_MISSED_TICKS = 1,
};

static bool
is_hvm(const struct xk_builder *builder)
{
    return builder->config->type != XK_TYPE_PV;
}

/* ---- the host ---- */

/* As libxl__get_required_paging_memory(): one MiB per CPU, and per MiB of
 * memory one page for the p2m and, without nested paging, another one. */
static uint64_t
paging_kb(const struct xk_builder *builder)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    uint64_t per_mib = builder->hap ? 1 : 2;

    return 4 * (256 * (uint64_t)info->max_vcpus +
                per_mib * (info->max_memkb / 1024));
}

int
xk_builder_probe_host(struct xk_builder *builder, struct xk_error *err)
{
    xc_physinfo_t host = {0};

    if (xc_physinfo(builder->xc, &host) != 0)
        return xk_builder_fail(builder, "get facts of the host", err);
    builder->hap = (host.capabilities & XEN_SYSCTL_PHYSCAP_hap) != 0;
    builder->paging_kb = paging_kb(builder);
    builder->grants =
        (host.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2) != 0   ? 2
        : (host.capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v1) != 0 ? 1
                                                                  : 0;
    if (host.nr_nodes > 1)
        builder->declined = "only libxl can place it on NUMA nodes";
    else if (is_hvm(builder) && !builder->hap &&
             (host.capabilities & XEN_SYSCTL_PHYSCAP_shadow) == 0)
        builder->declined = "Xen has neither nested nor shadow paging";
    return 0;
}

/* ---- the domain ---- */

static void
describe(const struct xk_builder *builder,
         struct xen_domctl_createdomain *create)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;

    *create = (struct xen_domctl_createdomain){
        .ssidref = SSIDREF_DOMU,
        .max_vcpus = (uint32_t)info->max_vcpus,
        .max_evtchn_port =
            info->event_channels != 0 ? info->event_channels : EVENT_CHANNELS,
        .max_grant_frames = (int32_t)info->max_grant_frames,
        .max_maptrack_frames = (int32_t)info->max_maptrack_frames,
        .grant_opts = XEN_DOMCTL_GRANT_version(builder->grants),
    };
    memcpy(create->handle, builder->config->uuid.bytes, sizeof(create->handle));
    if (!is_hvm(builder))
        return;
    create->flags =
        XEN_DOMCTL_CDF_hvm | (builder->hap ? XEN_DOMCTL_CDF_hap : 0);
    create->arch.emulation_flags = XEN_X86_EMU_LAPIC;
}

static int
set_hvm(const struct xk_builder *builder, struct xk_error *err)
{
    xc_interface *xc = builder->xc;
    uint32_t domid = builder->domid;

    if (xc_hvm_param_set(xc, domid, HVM_PARAM_TIMER_MODE,
                         NO_DELAY_FOR_MISSED_TICKS) != 0)
        return xk_builder_fail(builder, "set its timer mode", err);
    if (xc_set_paging_mempool_size(xc, domid, builder->paging_kb << 10) != 0)
        return xk_builder_fail(builder, "give it memory for page tables", err);
    return 0;
}

static int
set_pv(const struct xk_builder *builder, struct xk_error *err)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;

    if (xc_domain_set_memmap_limit(builder->xc, builder->domid,
                                   info->max_memkb) != 0)
        return xk_builder_fail(builder, "limit its map of memory", err);
    return 0;
}

/* Set the affinity to all nodes, of which there is one. Without this Xen would
 * derive the nodes from the CPUs that the guest may run on. */
static int
set_nodes(const struct xk_builder *builder, struct xk_error *err)
{
    xc_nodemap_t nodes = xc_nodemap_alloc(builder->xc);
    int size = xc_get_nodemap_size(builder->xc), r = -1;

    if (nodes != NULL && size > 0) {
        memset(nodes, 0xff, (size_t)size);
        r = xc_domain_node_setaffinity(builder->xc, builder->domid, nodes);
    }
    free(nodes);
    return r == 0 ? 0 : xk_builder_fail(builder, "set its NUMA nodes", err);
}

/* Set the TSC mode and the CPUID policy. The TSC is invariant if the domain
 * never migrates or if the TSC is always emulated. */
static int
set_time(const struct xk_builder *builder, struct xk_error *err)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    bool never_moves = !libxl_defbool_is_default(info->disable_migrate) &&
                       libxl_defbool_val(info->disable_migrate);
    bool invariant =
        never_moves || info->tsc_mode == LIBXL_TSC_MODE_ALWAYS_EMULATE;

    if (xc_domain_set_tsc_info(builder->xc, builder->domid,
                               (uint32_t)info->tsc_mode, 0, 0, 0) != 0)
        return xk_builder_fail(builder, "set its TSC mode", err);
    if (xc_cpuid_apply_policy(builder->xc, builder->domid, false, NULL, 0, true,
                              invariant, false, NULL, NULL) != 0)
        return xk_builder_fail(builder, "set its CPUID policy", err);
    return 0;
}

int
xk_builder_make(struct xk_builder *builder, struct xk_error *err)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    struct xen_domctl_createdomain create;

    describe(builder, &create);
    if (xc_domain_create(builder->xc, &builder->domid, &create) != 0)
        return xk_builder_fail(builder, "make a domain", err);
    if (xc_domain_max_vcpus(builder->xc, builder->domid,
                            (unsigned)info->max_vcpus) != 0)
        return xk_builder_fail(builder, "give it CPUs", err);
    if (set_nodes(builder, err) == -1)
        return -1;
    if (xc_domain_setmaxmem(builder->xc, builder->domid,
                            info->target_memkb + MAXMEM_SLACK_KB) != 0)
        return xk_builder_fail(builder, "limit its memory", err);
    if ((is_hvm(builder) ? set_hvm : set_pv)(builder, err) == -1)
        return -1;
    return set_time(builder, err);
}
