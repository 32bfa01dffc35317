/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parse vnuma=: the NUMA nodes that a guest sees. */
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
    unsigned pnode; /* the host's node */
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

/* Parse vnuma=. Errors are added to *problems, at the positions of its items;
 * then the result is -1. The caller frees *vnuma even on failure. */
int xk_vnuma_read(const struct xk_domain_config *config, struct xk_vnuma *vnuma,
                  struct xk_problems *problems);

/* Set memory and vCPUs from the layout unless maxmem= and maxvcpus= are given;
 * then report contradictions. */
void xk_vnuma_resolve(struct xk_domain_config *config,
                      struct xk_problems *problems);

bool xk_vnode_has_vcpu(const struct xk_vnode *node, unsigned vcpu);

void xk_vnuma_free(struct xk_vnuma *vnuma);
#define XK_CLEANUP_VNUMA __attribute__((cleanup(xk_vnuma_free)))

#endif
