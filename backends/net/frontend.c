/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/frontend.h"

#include <string.h>

static int
read_rings(const struct xk_front_reader *reader, unsigned number, void *context,
           struct xk_error *err)
{
    struct xk_netif_front *front = (struct xk_netif_front *)context;
    struct xk_netif_ring_id *id = &front->rings[number];

    if (xk_front_need_number(reader, "tx-ring-ref", 0, UINT32_MAX, &id->tx_gref,
                             err) == -1 ||
        xk_front_need_number(reader, "rx-ring-ref", 0, UINT32_MAX, &id->rx_gref,
                             err) == -1)
        return -1;
    return xk_front_need_port(reader, "event-channel", &id->port, err);
}

/* A frontend that does not ask for copies would have its pages exchanged for
 * ours, which no backend does any more. */
int
xk_netif_front_read(struct xk_store *store, const char *path,
                    unsigned max_queues, struct xk_netif_front *front,
                    struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_front_reader reader = {store, path, deadline};
    uint32_t copies;

    memset(front, 0, sizeof(*front));
    if (xk_front_need_number(&reader, "request-rx-copy", 1, 1, &copies, err) ==
        -1)
        return -1;
    return xk_front_read_queues(&reader, max_queues, &front->queues, read_rings,
                                front, err);
}
