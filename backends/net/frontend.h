/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the rings of a network frontend are, as it wrote into the store. All of
 * it is the guest's and checked here.
 */
#ifndef XK_BACKENDS_NET_FRONTEND_H
#define XK_BACKENDS_NET_FRONTEND_H

#include "backends/life/device.h"
#include "backends/life/frontend.h"
#include "backends/net/netif_queue.h"

struct xk_netif_front {
    unsigned queues;
    struct xk_port_features features; /* what it takes frames with */
    uint32_t tells_of_pages;          /* 1: it sends an event for them */
    uint32_t filters_multicast;       /* 1: it keeps a list of what it wants */
    struct xk_netif_ring_id rings[XK_DEVICE_WORKERS_MAX];
};

/* XK_ERR_PROTOCOL with the node that is wrong. Unused members are zero, so
 * that two readings can be compared with memcmp(). */
int xk_netif_front_read(struct xk_store *store, const char *path,
                        unsigned max_queues, struct xk_netif_front *front,
                        struct xk_deadline deadline, struct xk_error *err);

#endif
