/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/device_internal.h"
#include "base/mem.h"
#include "contracts/net.h"

/* ---- opened and closed ---- */

static int
configure(struct xk_device *device, const char *dir, struct xk_error *err)
{
    struct xk_net *net = XK_NEW(struct xk_net);

    if (xk_net_config_read(dir, &net->config, err) == -1) {
        free(net);
        return -1;
    }
    xk_device_set(device, net, &net->config.device, net->config.mac);
    return 0;
}

static struct xk_worker *
make_queue(struct xk_device *device, struct xk_guest *guest, unsigned number,
           struct xk_error *err)
{
    return xk_netif_queue_new(&xk_net_of(device)->netif, guest, number, err);
}

static int
open_device(struct xk_device *device, const char *dir, struct xk_error *err)
{
    struct xk_net *net = xk_net_of(device);

    (void)dir;
    net->netif.changed_fd = xk_device_changed_fd(device);
    net->netif.poll_us = net->config.poll_us;
    net->netif.port = net->config.open_port();
    net->max_queues = xk_device_choose_workers(net->config.queues);
    return xk_device_add_workers(device, net->max_queues, make_queue, err);
}

static void
close_device(struct xk_device *device, bool served)
{
    struct xk_net *net = xk_net_of(device);

    (void)served;
    xk_port_close(net->netif.port);
    xk_net_config_free(&net->config);
    free(net);
}

/* ---- its frontend ---- */

static int
read_front(struct xk_device *device, struct xk_error *err)
{
    struct xk_net *net = xk_net_of(device);

    if (xk_netif_front_read(xk_device_store(device),
                            net->config.device.frontend, net->max_queues,
                            &net->offered, xk_device_store_deadline(),
                            err) == -1)
        return -1;
    return memcmp(&net->offered, &net->front, sizeof(net->front)) != 0;
}

static unsigned
connect_queues(struct xk_device *device, bool take_over)
{
    struct xk_net *net = xk_net_of(device);

    net->front = net->offered;
    for (unsigned i = 0; i < net->front.queues; i++)
        xk_netif_queue_connect(xk_device_worker(device, i),
                               &net->front.rings[i], take_over);
    return net->front.queues;
}

static void
describe(const struct xk_device *device, char *text, size_t size)
{
    snprintf(text, size, "%u queues", xk_net_of(device)->front.queues);
}

static void
disconnected(struct xk_device *device)
{
    struct xk_net *net = xk_net_of(device);

    memset(&net->front, 0, sizeof(net->front));
}

const struct xk_device_kind xk_net_kind = {
    .name = XK_DEVICE_NET,
    .behind = "the network",
    .configure = configure,
    .open = open_device,
    .advertise = xk_net_advertise,
    .read_front = read_front,
    .connect = connect_queues,
    .describe = describe,
    .disconnected = disconnected,
    .put_status = xk_net_put_status,
    .close = close_device,
};
