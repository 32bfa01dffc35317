/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a network card tells of itself on the control socket. */
#include <assert.h>
#include <stddef.h>

#include "backends/net/device_internal.h"
#include "base/util.h"
#include "contracts/net.h"

#define COUNT(name, member)                                                    \
    {                                                                          \
        name, offsetof(struct xk_netif_stats, member)                          \
    }

static const struct xk_device_count counts[] = {
    COUNT(XK_STATUS_TX_PACKETS, tx_packets),
    COUNT(XK_STATUS_TX_BYTES, tx_bytes),
    COUNT(XK_STATUS_TX_DROPPED, tx_dropped),
    COUNT(XK_STATUS_TX_DELAYS, tx_delays),
    COUNT(XK_STATUS_TX_SPOOFED, tx_spoofed),
    COUNT(XK_STATUS_RX_PACKETS, rx_packets),
    COUNT(XK_STATUS_RX_BYTES, rx_bytes),
    COUNT(XK_STATUS_RX_DROPPED, rx_dropped),
    COUNT(XK_STATUS_RX_STALLS, rx_stalls),
    COUNT(XK_STATUS_RX_FILTERED, rx_filtered),
    COUNT(XK_STATUS_ERRORS, errors),
    COUNT("rx_requests", rx_requests),
    COUNT("events", events),
    COUNT("empty_events", empty_events),
    COUNT("notifies", notifies),
    COUNT("copy_calls", copy_calls),
    COUNT("rounds", rounds),
};
static_assert(sizeof(struct xk_netif_stats) <=
                  XK_DEVICE_COUNTS_MAX * sizeof(uint64_t),
              "the counters of a queue have room");

static void
read_counts(const struct xk_worker *worker, void *to)
{
    xk_netif_queue_stats(worker, (struct xk_netif_stats *)to);
}

void
xk_net_put_status(struct xk_device *device, struct xk_json_writer *writer)
{
    const struct xk_net *net = xk_net_of(device);

    xk_json_put_string(writer, XK_NET_MAC, net->config.mac);
    xk_json_put_integer(writer, XK_STATUS_QUEUES, net->front.queues);
    xk_device_put_counts(device, writer, read_counts, counts,
                         XK_ARRAY_SIZE(counts));
}
