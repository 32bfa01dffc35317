/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The nodes of a network card that its frontend reads. What is not offered is
 * left out, because frontends take a missing node for "no": a control ring, a
 * list of multicast addresses that may begin to count at any time.
 *
 * Source: xen/include/public/io/netif.h.
 */
#include "backends/net/device_internal.h"
#include "base/util.h"

/* The toolstack and the frontend wait for a hotplug script to say that the card
 * is on its network. It is plugged in before anything is advertised, by
 * whatever means. */
static int
say_plugged(struct xk_device *device, uint32_t tx, struct xk_deadline deadline,
            struct xk_error *err)
{
    return xk_device_put_text(device, tx, "hotplug-status", "connected",
                              deadline, err);
}

int
xk_net_advertise(struct xk_device *device, uint32_t tx,
                 struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_net *net = xk_net_of(device);
    const struct xk_port_features *features = &net->netif.port->features;
    const struct xk_device_number nodes[] = {
        {"feature-rx-copy", 1},
        {"feature-rx-flip", 0},
        {"feature-sg", 1},
        {"feature-gso-tcpv4", features->segments_v4},
        {"feature-gso-tcpv6", features->segments_v6},
        {"feature-no-csum-offload", !features->checksums_v4},
        {"feature-ipv6-csum-offload", features->checksums_v6},
        {"feature-split-event-channels", 1},
        {"feature-multicast-control", 1},
        {"carrier", 1},
        {"multi-queue-max-queues", net->max_queues},
    };

    if (xk_device_put_numbers(device, tx, nodes, XK_ARRAY_SIZE(nodes), deadline,
                              err) == -1)
        return -1;
    return say_plugged(device, tx, deadline, err);
}
