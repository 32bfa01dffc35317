/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the rings of a block frontend are, as it wrote into the store. All of
 * it is the guest's and checked here.
 */
#ifndef XK_BACKENDS_BLOCK_FRONTEND_H
#define XK_BACKENDS_BLOCK_FRONTEND_H

#include "backends/block/inflight.h"
#include "backends/life/frontend.h"

struct xk_blkif_front {
    unsigned queues;
    struct xk_blkif_ring_id rings[XK_INFLIGHT_QUEUES_MAX];
};

/* XK_ERR_PROTOCOL with the node that is wrong. Unused members are zero, so
 * that two readings can be compared with memcmp(). */
int xk_front_read(struct xk_store *store, const char *path,
                  const struct xk_inflight_offer *offer,
                  struct xk_blkif_front *front, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
