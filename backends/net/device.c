/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/device.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <seccomp.h>

#include "backends/life/jail.h"
#include "backends/net/announce.h"
#include "backends/net/device_internal.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/ready.h"
#include "base/util.h"
#include "contracts/net.h"

enum {
    MTU_MAX = 65535,
    /* How long a frame waits for pages, as with Linux's netback: a guest that
     * does not tell of new pages gets frames only if it has some. */
    PATIENCE_MS = 60000,
    PATIENCE_UNTOLD_MS = 30,
};
static_assert((int)XK_DEVICE_WORKERS_MAX <= (int)XK_PORT_QUEUES_MAX,
              "a port has a queue for each worker");

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

/* The path as a script of Xen's has it: below the domain that serves. */
static const char *
path_for_scripts(const char *backend)
{
    const char *below = strstr(backend, "/backend/");

    return below != NULL ? below + 1 : backend;
}

/* A script of Xen's says in the store why it failed. */
static int
explain_plug(const struct xk_net_config *config, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/hotplug-error", config->device.backend);
    XK_CLEANUP_BUF struct xk_buf said = {0}, safe = {0};
    struct xk_deadline deadline = xk_device_store_deadline();
    struct xk_store *store;

    if (config->script == NULL)
        return -1;
    store = xk_store_open(NULL, deadline, NULL);
    if (store == NULL)
        return -1;
    if (xk_store_read(store, XK_STORE_NO_TX, path, XK_STORE_VALUE_MAX, &said,
                      deadline, NULL) == 0 &&
        said.length > 0) {
        xk_log_escape(&safe, said.data);
        xk_fail(err, err->kind, "%.1000s: %.500s", err->message, safe.data);
    }
    xk_store_close(store);
    return -1;
}

static struct xk_port_options
port_options(const struct xk_net_config *config, const char *dir)
{
    return (struct xk_port_options){
        .plug = {.script = config->script,
                 .bridge = config->bridge,
                 .ip = config->ip,
                 .gatewaydev = config->gatewaydev},
        .card = {.vifname = config->vifname,
                 .mac = config->mac,
                 .domain = config->domain,
                 .store = path_for_scripts(config->device.backend)},
        .directory = dir,
        .queues = xk_device_choose_workers(config->queues),
        .deadline = xk_ready_deadline(),
    };
}

static int
open_port(struct xk_net *net, const char *dir, struct xk_error *err)
{
    const struct xk_net_config *config = &net->config;
    XK_CLEANUP_FREE char *usual =
        xk_asprintf("vif%u.%u", config->device.domid, config->device.devid);
    XK_CLEANUP_FREE char *mark = xk_asprintf("%s/" XK_NET_MARK, dir);
    struct xk_port_options options = port_options(config, dir);
    uint64_t mtu = 0;

    if (config->mtu != NULL && !xk_parse_u64(config->mtu, MTU_MAX, &mtu))
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a number to %d",
                       XK_NET_MTU, MTU_MAX);
    options.card.mtu = (unsigned)mtu;
    options.card.dir_fd = AT_FDCWD;
    options.card.mark = mark;
    options.card.device =
        config->vifname != NULL && !xk_plug_renames(&options.plug)
            ? config->vifname
            : usual;
    net->netif.port = config->open_port(&options, err);
    if (net->netif.port == NULL)
        return explain_plug(config, err);
    net->max_queues = net->netif.port->queues;
    return 0;
}

static int
open_device(struct xk_device *device, const char *dir, struct xk_error *err)
{
    struct xk_net *net = xk_net_of(device);

    net->netif.changed_fd = xk_device_changed_fd(device);
    net->netif.poll_us = net->config.poll_us;
    net->netif.multicast = &net->multicast;
    if (net->config.spoof_filter)
        net->netif.only_mac = net->config.address;
    if (net->config.rate_bytes != 0) {
        xk_netif_rate_init(&net->rate, net->config.rate_bytes,
                           net->config.rate_interval_us, xk_now_ns());
        net->netif.rate = &net->rate;
    }
    if (open_port(net, dir, err) == -1)
        return -1;
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

/* The list of a process that was killed is lost: all multicast frames pass
 * until the frontend connects anew. */
static unsigned
connect_queues(struct xk_device *device, bool take_over)
{
    struct xk_net *net = xk_net_of(device);

    net->front = net->offered;
    xk_netif_multicast_begin(&net->multicast,
                             net->front.filters_multicast == 1 && !take_over);
    net->netif.patience_ms =
        net->front.tells_of_pages == 1 ? PATIENCE_MS : PATIENCE_UNTOLD_MS;
    if (net->netif.port->ops->limit != NULL)
        net->netif.port->ops->limit(net->netif.port, &net->front.features,
                                    net->front.queues);
    xk_announce(net->netif.port, net->config.address);
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

static enum xk_device_health
health(const struct xk_device *device, const char **reason)
{
    const char *loss = xk_port_loss(xk_net_of(device)->netif.port);

    if (loss == NULL)
        return XK_DEVICE_SOUND;
    *reason = loss;
    return XK_DEVICE_LOST;
}

/* The port "tap" needs these. */
static const int calls[] = {SCMP_SYS(readv)};
static const unsigned long ioctls[] = {TUNSETOFFLOAD, TUNSETQUEUE};
static const struct xk_jail_calls jail_calls = {
    calls,
    XK_ARRAY_SIZE(calls),
    ioctls,
    XK_ARRAY_SIZE(ioctls),
};

const struct xk_device_kind xk_net_kind = {
    .name = XK_DEVICE_NET,
    .behind = "the network",
    .calls = &jail_calls,
    .configure = configure,
    .open = open_device,
    .advertise = xk_net_advertise,
    .read_front = read_front,
    .connect = connect_queues,
    .describe = describe,
    .disconnected = disconnected,
    .health = health,
    .put_status = xk_net_put_status,
    .close = close_device,
};
