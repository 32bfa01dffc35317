/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/vnuma.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "toolstack/config/options.h"
#include "toolstack/config/ranges.h"

bool
xk_vnode_has_vcpu(const struct xk_vnode *node, unsigned vcpu)
{
    return vcpu < XK_VNODE_VCPUS_MAX &&
           (node->vcpus[vcpu / 8] & 1u << vcpu % 8) != 0;
}

void
xk_vnuma_free(struct xk_vnuma *vnuma)
{
    free(vnuma->nodes);
    *vnuma = (struct xk_vnuma){0};
}

static bool
taken(const struct xk_vnuma *vnuma, unsigned vcpu)
{
    for (size_t i = 0; i < vnuma->count; i++) {
        if (xk_vnode_has_vcpu(&vnuma->nodes[i], vcpu))
            return true;
    }
    return false;
}

static int
read_vcpus(const struct xk_spec *spec, const char *text, struct xk_vnuma *vnuma,
           struct xk_vnode *node)
{
    struct xk_cpu_term term;
    const char *wrong;

    while (xk_cpu_term_next(&text, &term, &wrong)) {
        if (term.negated || term.nodes || term.all ||
            term.last >= XK_VNODE_VCPUS_MAX)
            return xk_spec_error(spec, 0,
                                 "vcpus: vCPUs are written as \"0-3,5\"");
        for (unsigned i = term.first; i <= term.last; i++) {
            if (taken(vnuma, i))
                return xk_spec_error(spec, 0,
                                     "vcpus: vCPU %u is already in a node", i);
            node->vcpus[i / 8] |= (uint8_t)(1u << i % 8);
            vnuma->vcpus++;
        }
    }
    return wrong == NULL ? 0
                         : xk_spec_error(spec, 0,
                                         "vcpus: vCPUs are written as "
                                         "\"0-3,5\"");
}

static int
read_distances(const struct xk_spec *spec, const char *text, size_t count,
               struct xk_vnode *node)
{
    char number[16];
    uint64_t distance = 0;
    size_t i = 0;

    for (; *text != '\0'; i++) {
        size_t length = strcspn(text, ",");
        const char *digits = text + strspn(text, " ");
        size_t blanks = (size_t)(digits - text);

        if (length < blanks || length - blanks >= sizeof(number) || i >= count)
            break;
        memcpy(number, digits, length - blanks);
        number[length - blanks] = '\0';
        if (!xk_parse_u64(number, UINT32_MAX, &distance))
            break;
        node->distances[i] = (uint32_t)distance;
        text += length + (text[length] == ',');
    }
    if (*text == '\0' && i == count)
        return 0;
    return xk_spec_error(spec, 0,
                         "vdistances: there must be %zu numbers, the distance "
                         "to each node",
                         count);
}

static int
read_node(const struct xk_spec *spec, size_t count, struct xk_vnuma *vnuma)
{
    XK_CLEANUP_GIVENS struct xk_givens givens = {0};
    struct xk_vnode *node = &vnuma->nodes[vnuma->count++];

    if (xk_options_read(XK_OPTIONS_VNUMA, spec, &givens) == -1)
        return -1;
    node->pnode = (unsigned)xk_given(&givens, XK_OPTION_VNUMA_PNODE)->number;
    node->size_mib = (uint64_t)xk_given(&givens, XK_OPTION_VNUMA_SIZE)->number;
    vnuma->size_mib += node->size_mib;
    if (read_vcpus(spec, xk_given(&givens, XK_OPTION_VNUMA_VCPUS)->text, vnuma,
                   node) == -1)
        return -1;
    return read_distances(
        spec, xk_given(&givens, XK_OPTION_VNUMA_VDISTANCES)->text, count, node);
}

int
xk_vnuma_read(const struct xk_domain_config *config, struct xk_vnuma *vnuma,
              struct xk_problems *problems)
{
    const struct xk_value *value = &config->values[XK_KEY_VNUMA];
    int r = 0;

    if (value->item_count > XK_VNODES_MAX) {
        xk_problem_add(problems, XK_PROBLEM_ERROR, &value->where,
                       "vnuma: there are at most %d nodes", XK_VNODES_MAX);
        return -1;
    }
    vnuma->nodes = xk_calloc(value->item_count, sizeof(*vnuma->nodes));
    for (size_t i = 0; i < value->item_count; i++) {
        struct xk_spec spec = {
            .text = value->items[i],
            .where = value->item_where[i],
            .problems = problems,
        };

        if (read_node(&spec, value->item_count, vnuma) == -1)
            r = -1;
    }
    return r;
}

void
xk_vnuma_resolve(struct xk_domain_config *config, struct xk_problems *problems)
{
    const struct xk_location *where = &config->values[XK_KEY_VNUMA].where;
    XK_CLEANUP_VNUMA struct xk_vnuma vnuma = {0};

    if (config->values[XK_KEY_VNUMA].item_count == 0 ||
        xk_vnuma_read(config, &vnuma, problems) == -1)
        return;
    if (!xk_config_is_set(config, XK_KEY_MAXVCPUS) &&
        vnuma.vcpus > config->vcpus)
        config->maxvcpus = vnuma.vcpus;
    if (config->maxvcpus != vnuma.vcpus)
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "vnuma: its nodes have %u vCPUs, but the domain has %u",
                       vnuma.vcpus, config->maxvcpus);
    if (!xk_config_is_set(config, XK_KEY_MAXMEM))
        config->maxmem_mib = vnuma.size_mib;
    if (!xk_config_is_set(config, XK_KEY_MEMORY))
        config->memory_mib = config->maxmem_mib;
    if (config->maxmem_mib != vnuma.size_mib ||
        config->memory_mib > vnuma.size_mib)
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "vnuma: its nodes have %" PRIu64
                       " MiB, but the domain has %" PRIu64,
                       vnuma.size_mib,
                       config->maxmem_mib != vnuma.size_mib
                           ? config->maxmem_mib
                           : config->memory_mib);
}
