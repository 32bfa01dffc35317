/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/frontend.h"

#include <string.h>

/* A frontend that has a port for each ring writes both under names of their
 * own. */
static int
read_ports(const struct xk_front_reader *reader, struct xk_netif_ring_id *id,
           struct xk_error *err)
{
    int r = xk_front_port(reader, "event-channel-tx", &id->tx_port, err);

    if (r == -1)
        return -1;
    return r == 1
               ? xk_front_need_port(reader, "event-channel-rx", &id->rx_port,
                                    err)
               : xk_front_need_port(reader, "event-channel", &id->tx_port, err);
}

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
    return read_ports(reader, id, err);
}

static int
read_flag(const struct xk_front_reader *reader, const char *name, bool *flag,
          struct xk_error *err)
{
    uint32_t number = 0;

    if (xk_front_number(reader, name, 0, 1, &number, err) == -1)
        return -1;
    *flag = number == 1;
    return 0;
}

/* Segments need several pages, which a frontend without "sg" does not take. */
static int
read_features(const struct xk_front_reader *reader,
              struct xk_port_features *features, struct xk_error *err)
{
    bool no_checksums, has_sg;

    if (read_flag(reader, "feature-no-csum-offload", &no_checksums, err) ==
            -1 ||
        read_flag(reader, "feature-ipv6-csum-offload", &features->checksums_v6,
                  err) == -1 ||
        read_flag(reader, "feature-gso-tcpv4", &features->segments_v4, err) ==
            -1 ||
        read_flag(reader, "feature-gso-tcpv6", &features->segments_v6, err) ==
            -1 ||
        read_flag(reader, "feature-sg", &has_sg, err) == -1)
        return -1;
    features->checksums_v4 = !no_checksums;
    features->segments_v4 &= has_sg;
    features->segments_v6 &= has_sg;
    return 0;
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
            -1 ||
        read_features(&reader, &front->features, err) == -1 ||
        xk_front_number(&reader, "feature-rx-notify", 0, 1,
                        &front->tells_of_pages, err) == -1 ||
        xk_front_number(&reader, "request-multicast-control", 0, 1,
                        &front->filters_multicast, err) == -1)
        return -1;
    return xk_front_read_queues(&reader, max_queues, &front->queues, read_rings,
                                front, err);
}
