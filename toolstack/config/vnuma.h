/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NUMA nodes a guest sees: vnuma=. */
#ifndef XK_TOOLSTACK_CONFIG_VNUMA_H
#define XK_TOOLSTACK_CONFIG_VNUMA_H

#include <stdint.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

enum {
    XK_VNODES_MAX = 64,
    XK_VNODE_VCPUS_MAX = 8192,
};

struct xk_vnode {
    unsigned pnode; /* of the host */
    uint64_t size_mib;
    uint8_t vcpus[XK_VNODE_VCPUS_MAX / 8]; /* a bit for each */
    uint32_t distances[XK_VNODES_MAX];     /* to each node, itself included */
};

struct xk_vnuma {
    struct xk_vnode *nodes;
    size_t count;
    uint64_t size_mib; /* of all nodes */
    unsigned vcpus;    /* of all nodes */
};

/* Read vnuma=, whose places are those of its items. What is wrong is added to
 * *problems, and the result is -1; *vnuma is the caller's to free in any
 * case. */
int xk_vnuma_read(const struct xk_domain_config *config, struct xk_vnuma *vnuma,
                  struct xk_problems *problems);

/* The layout has the last word on memory and vCPUs where maxmem= and maxvcpus=
 * do not say: take it, or say how they contradict each other. */
void xk_vnuma_resolve(struct xk_domain_config *config,
                      struct xk_problems *problems);

bool xk_vnode_has_vcpu(const struct xk_vnode *node, unsigned vcpu);

void xk_vnuma_free(struct xk_vnuma *vnuma);
#define XK_CLEANUP_VNUMA __attribute__((cleanup(xk_vnuma_free)))

#endif
