/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network card from inside. Each file uses only the files above it:
 *
 *   nodes.c   its nodes in the store
 *   status.c  what it answers on the control socket
 *   device.c  the calls of its kind
 */
#ifndef XK_BACKENDS_NET_DEVICE_INTERNAL_H
#define XK_BACKENDS_NET_DEVICE_INTERNAL_H

#include "backends/net/config.h"
#include "backends/net/device.h"
#include "backends/net/frontend.h"
#include "backends/net/netif_queue.h"

struct xk_net {
    struct xk_net_config config;
    struct xk_netif_device netif;        /* what its queues share */
    struct xk_netif_multicast multicast; /* that it points to */
    struct xk_netif_rate rate;     /* that it points to, if there is one */
    unsigned max_queues;           /* that are offered */
    struct xk_netif_front front;   /* whose rings are connected, or zeros */
    struct xk_netif_front offered; /* what was read last */
};

static inline struct xk_net *
xk_net_of(const struct xk_device *device)
{
    return (struct xk_net *)xk_device_own(device);
}

/* ---- nodes.c ---- */

int xk_net_advertise(struct xk_device *device, uint32_t tx,
                     struct xk_deadline deadline, struct xk_error *err);

/* ---- status.c ---- */

void xk_net_put_status(struct xk_device *device, struct xk_json_writer *writer);

#endif
