/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config_cpu.h"

#include <stdlib.h>
#include <string.h>

#include <libxl_utils.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "toolstack/config/ranges.h"
#include "toolstack/config/vnuma.h"

enum {
    CPUS_UNKNOWN = 4096,  /* room if the host is not known */
    MCA_CAP_LMCE = 1 << 0 /* XEN_HVM_MCA_CAP_LMCE, hvm/params.h */
};

/* libxl_cpu_bitmap_alloc() needs a context, and so a hypervisor. */
static void
make_bitmap(libxl_bitmap *map, size_t bits)
{
    map->size = (uint32_t)((bits + 7) / 8);
    map->map = xk_calloc(map->size, 1);
}

static void
put_vcpus(const struct xk_domain_config *config, libxl_domain_build_info *to)
{
    to->max_vcpus = (int)config->maxvcpus;
    make_bitmap(&to->avail_vcpus, config->maxvcpus);
    for (unsigned i = 0; i < config->vcpus; i++)
        libxl_bitmap_set(&to->avail_vcpus, (int)i);
}

/* ---- placement ---- */

static int
change_cpus(const struct xk_cpu_term *term, libxl_bitmap *map,
            struct xk_error *err)
{
    if (term->last >= map->size * 8)
        return xk_fail(err, XK_ERR_CONFIG,
                       "CPU %u: this host has none above %u", term->last,
                       map->size * 8 - 1);
    for (unsigned cpu = term->first; cpu <= term->last; cpu++) {
        if (term->negated)
            libxl_bitmap_reset(map, (int)cpu);
        else
            libxl_bitmap_set(map, (int)cpu);
    }
    return 0;
}

static int
change_node(libxl_ctx *ctx, unsigned node, bool negated, libxl_bitmap *map,
            struct xk_error *err)
{
    libxl_bitmap of_node;
    bool known;
    int cpu;

    libxl_bitmap_init(&of_node);
    known = libxl_cpu_bitmap_alloc(ctx, &of_node, 0) == 0 &&
            libxl_node_to_cpumap(ctx, (int)node, &of_node) == 0 &&
            !libxl_bitmap_is_empty(&of_node);
    libxl_for_each_set_bit(cpu, of_node)
    {
        if (negated)
            libxl_bitmap_reset(map, cpu);
        else
            libxl_bitmap_set(map, cpu);
    }
    libxl_bitmap_dispose(&of_node);
    return known ? 0
                 : xk_fail(err, XK_ERR_CONFIG, "this host has no NUMA node %u",
                           node);
}

static int
change(libxl_ctx *ctx, const struct xk_cpu_term *term, libxl_bitmap *map,
       struct xk_error *err)
{
    if (term->all) {
        libxl_bitmap_set_any(map);
        return 0;
    }
    if (!term->nodes)
        return change_cpus(term, map, err);
    if (ctx == NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "the CPUs of a NUMA node are not known without Xen");
    for (unsigned node = term->first; node <= term->last; node++) {
        if (change_node(ctx, node, term->negated, map, err) == -1)
            return -1;
    }
    return 0;
}

static int
put_cpus(libxl_ctx *ctx, const char *text, libxl_bitmap *map,
         struct xk_error *err)
{
    struct xk_cpu_term term;
    const char *wrong;
    int cpus = ctx != NULL ? libxl_get_max_cpus(ctx) : CPUS_UNKNOWN;

    if (cpus <= 0)
        return xk_fail(err, XK_ERR_HOST,
                       "libxl does not say how many CPUs there are");
    make_bitmap(map, (size_t)cpus);
    while (xk_cpu_term_next(&text, &term, &wrong)) {
        if (change(ctx, &term, map, err) == -1)
            return -1;
    }
    return wrong == NULL ? 0 : xk_fail(err, XK_ERR_CONFIG, "%s", wrong);
}

/* A text applies to every vCPU. A list has one item per vCPU and may be
 * shorter. */
static int
put_affinity(libxl_ctx *ctx, const struct xk_domain_config *config,
             enum xk_key key, libxl_bitmap **maps, int *count,
             struct xk_error *err)
{
    const struct xk_value *value = &config->values[key];
    size_t wanted = config->maxvcpus;

    if (!value->single && value->item_count < wanted)
        wanted = value->item_count;
    if (wanted == 0 || value->item_count == 0)
        return 0;
    *maps = xk_calloc(wanted, sizeof(**maps));
    for (size_t i = 0; i < wanted; i++) {
        libxl_bitmap_init(&(*maps)[i]);
        *count = (int)i + 1;
        if (put_cpus(ctx, value->items[value->single ? 0 : i], &(*maps)[i],
                     err) == -1)
            return xk_wrap(err, "%s", xk_key_info(key)->name);
    }
    return 0;
}

/* True if the configuration places the domain; otherwise libxl chooses NUMA
 * nodes by itself. */
static bool
is_placed(const struct xk_domain_config *config)
{
    const struct xk_value *cpus = &config->values[XK_KEY_CPUS];

    return (cpus->set && !cpus->single) ||
           config->values[XK_KEY_CPUS_SOFT].set ||
           config->values[XK_KEY_VNUMA].item_count > 0;
}

/* ---- NUMA nodes of the guest ---- */

static void
put_vnode(const struct xk_vnode *node, const struct xk_domain_config *config,
          size_t count, libxl_vnode_info *to)
{
    libxl_vnode_info_init(to);
    to->memkb = node->size_mib * 1024;
    to->pnode = node->pnode;
    to->distances = xk_calloc(count, sizeof(*to->distances));
    to->num_distances = (int)count;
    for (size_t i = 0; i < count; i++)
        to->distances[i] = node->distances[i];
    make_bitmap(&to->vcpus, config->maxvcpus);
    for (unsigned i = 0; i < config->maxvcpus; i++) {
        if (xk_vnode_has_vcpu(node, i))
            libxl_bitmap_set(&to->vcpus, (int)i);
    }
}

static int
put_vnuma(const struct xk_domain_config *config, libxl_domain_build_info *to,
          struct xk_error *err)
{
    XK_CLEANUP_VNUMA struct xk_vnuma vnuma = {0};
    struct xk_problems problems = {0};
    int r = 0;

    if (config->values[XK_KEY_VNUMA].item_count == 0)
        return 0;
    if (xk_vnuma_read(config, &vnuma, &problems) == -1)
        r = xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    if (r == -1)
        return -1;
    to->vnuma_nodes = xk_calloc(vnuma.count, sizeof(*to->vnuma_nodes));
    to->num_vnuma_nodes = (int)vnuma.count;
    for (size_t i = 0; i < vnuma.count; i++)
        put_vnode(&vnuma.nodes[i], config, vnuma.count, &to->vnuma_nodes[i]);
    return 0;
}

/* ---- features ---- */

static int
fail_of_cpuid(const char *text, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_CONFIG, "cpuid: libxl does not take \"%.128s\"",
                   text);
}

/* "host,FLAG=VALUE,..." */
static int
put_flags(const char *text, libxl_domain_build_info *to, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copied = xk_strdup(text);
    char *state = NULL;

    strtok_r(copied, ",", &state); /* "host" */
    for (char *word = strtok_r(NULL, ",", &state); word != NULL;
         word = strtok_r(NULL, ",", &state)) {
        if (libxl_cpuid_parse_config(&to->cpuid, word) != 0)
            return fail_of_cpuid(word, err);
    }
    return 0;
}

static int
put_cpuid(const struct xk_domain_config *config, libxl_domain_build_info *to,
          struct xk_error *err)
{
    const struct xk_value *value = &config->values[XK_KEY_CPUID];

    for (size_t i = 0; i < value->item_count; i++) {
        const char *text = value->items[i];

        if (strncmp(text, "host", 4) == 0) {
            if (put_flags(text, to, err) == -1)
                return -1;
        } else if (libxl_cpuid_parse_config_xend(&to->cpuid, text) != 0) {
            return fail_of_cpuid(text, err);
        }
    }
    return 0;
}

static int
put_enlightenment(const char *text, libxl_domain_build_info *to,
                  struct xk_error *err)
{
    libxl_bitmap *set = &to->u.hvm.viridian_enable;
    libxl_bitmap *reset = &to->u.hvm.viridian_disable;
    libxl_viridian_enlightenment group;

    if (strcmp(text, "all") == 0) {
        libxl_bitmap_set_any(set);
        return 0;
    }
    if (strcmp(text, "defaults") == 0) {
        libxl_defbool_set(&to->u.hvm.viridian, true);
        return 0;
    }
    if (*text == '!') {
        set = &to->u.hvm.viridian_disable;
        reset = &to->u.hvm.viridian_enable;
    }
    if (libxl_viridian_enlightenment_from_string(text + (*text == '!'),
                                                 &group) != 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "viridian: libxl has no group \"%s\"", text);
    libxl_bitmap_set(set, (int)group);
    libxl_bitmap_reset(reset, (int)group);
    return 0;
}

static int
put_viridian(const struct xk_domain_config *config, libxl_domain_build_info *to,
             struct xk_error *err)
{
    const struct xk_value *value = &config->values[XK_KEY_VIRIDIAN];

    if (value->single) {
        libxl_defbool_set(&to->u.hvm.viridian, value->item_count > 0);
        return 0;
    }
    if (value->item_count == 0)
        return 0;
    make_bitmap(&to->u.hvm.viridian_enable,
                LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH);
    make_bitmap(&to->u.hvm.viridian_disable,
                LIBXL_BUILDINFO_HVM_VIRIDIAN_ENABLE_DISABLE_WIDTH);
    for (size_t i = 0; i < value->item_count; i++) {
        if (put_enlightenment(value->items[i], to, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_config_cpu(libxl_ctx *ctx, const struct xk_domain_config *config,
                  libxl_domain_build_info *to, struct xk_error *err)
{
    put_vcpus(config, to);
    if (put_affinity(ctx, config, XK_KEY_CPUS, &to->vcpu_hard_affinity,
                     &to->num_vcpu_hard_affinity, err) == -1 ||
        put_affinity(ctx, config, XK_KEY_CPUS_SOFT, &to->vcpu_soft_affinity,
                     &to->num_vcpu_soft_affinity, err) == -1 ||
        put_vnuma(config, to, err) == -1 || put_cpuid(config, to, err) == -1)
        return -1;
    if (is_placed(config))
        libxl_defbool_set(&to->numa_placement, false);
    if (config->type != XK_TYPE_HVM)
        return 0;
    if (config->values[XK_KEY_MCA_CAPS].item_count > 0)
        to->u.hvm.mca_caps |= MCA_CAP_LMCE;
    return put_viridian(config, to, err);
}
