/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a block frontend wrote into the store: its state and where its rings
 * are. All of it is the guest's and checked here.
 */
#ifndef XK_BACKENDS_BLOCK_FRONTEND_H
#define XK_BACKENDS_BLOCK_FRONTEND_H

#include "backends/block/inflight.h"
#include "xenstore-helpers/store.h"
#include "xenstore-helpers/xenbus.h"

struct xk_blkif_front {
    unsigned queues;
    struct xk_blkif_ring_id rings[XK_INFLIGHT_QUEUES_MAX];
};

/* XK_XENBUS_COUNT for a number that is no state: it is to be refused. A node
 * that is not there, or holds no number, is XK_XENBUS_UNKNOWN. -1 where the
 * store cannot be asked. */
int xk_front_state(struct xk_store *store, const char *path, int *state,
                   struct xk_deadline deadline, struct xk_error *err);

/* XK_ERR_PROTOCOL with the node that is wrong. Unused members are zero, so
 * that two readings can be compared with memcmp(). */
int xk_front_read(struct xk_store *store, const char *path,
                  const struct xk_inflight_offer *offer,
                  struct xk_blkif_front *front, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
