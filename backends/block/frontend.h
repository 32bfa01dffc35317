/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read from the store where a block frontend's rings are. The guest controls
 * these nodes, so each value is checked here.
 */
#ifndef XK_BACKENDS_BLOCK_FRONTEND_H
#define XK_BACKENDS_BLOCK_FRONTEND_H

#include "backends/block/inflight.h"
#include "backends/life/frontend.h"

struct xk_blkif_front {
    unsigned queues;
    struct xk_blkif_ring_id rings[XK_INFLIGHT_QUEUES_MAX];
};

/* Read the frontend's rings. XK_ERR_PROTOCOL names an invalid node. Unused
 * members are zero, so that memcmp() can compare two results. */
int xk_front_read(struct xk_store *store, const char *path,
                  const struct xk_inflight_offer *offer,
                  struct xk_blkif_front *front, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
