/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A card of the network frontend, its rings and its frames. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/lab/frontends/net/net.h"
#include "xenstore-helpers/xenbus.h"

/* ---- the card ---- */

static void
make(struct loop_device *device, const void *options)
{
    struct net_card *card = XK_NEW(struct net_card);

    if (options != NULL)
        card->options = *(const struct net_options *)options;
    if (card->options.queues == 0)
        card->options.queues = 1;
    if (card->options.max == 0)
        card->options.max = 4;
    card->wire = -1;
    device->own = card;
}

static void
drop(struct loop_device *device)
{
    net_cut_wire(device);
    free(device->own);
}

static void
write_nodes(struct loop_device *device)
{
    loop_write(device, "handle", "%u", device->devid);
    loop_write(device, "mac", "00:16:3e:00:00:%02x", device->devid);
    loop_back_write(device, "handle", "0");
    loop_back_write(device, "type", "vif");
    loop_back_write(device, "hotplug-status", "");
}

void
net_wire_name(const struct loop_device *device, char *name, size_t size)
{
    snprintf(name, size, "xkw%u", device->devid);
}

static char *
members(const struct loop_device *device)
{
    const struct net_options *options = &net_card_of(device)->options;
    char name[16];

    net_wire_name(device, name, sizeof(name));
    return xk_asprintf("\"mac\":\"00:16:3e:00:00:%02x\",\"port\":\"%s\","
                       "\"vifname\":\"%s\",\"bridge\":\"xkwire\","
                       "\"mtu\":\"65521\",\"queues\":%u%s",
                       device->devid, options->on_bridge ? "tap" : "null", name,
                       options->max,
                       options->more != NULL ? options->more : "");
}

/* ---- its rings ---- */

void
net_make_rings(struct loop_device *device)
{
    const struct net_options *options = &net_card_of(device)->options;

    device->ring_count = 0;
    for (unsigned i = 0; i < options->queues; i++) {
        loop_make_ring(device, 1, XK_NETIF_TX_BYTES, true);
        loop_make_ring(device, 1, XK_NETIF_RX_BYTES, options->is_split);
    }
}

static void
write_queue(struct loop_device *device, unsigned queue, const char *prefix)
{
    const struct loop_ring *tx = &device->rings[net_tx(queue)];
    const struct loop_ring *rx = &device->rings[net_rx(queue)];
    bool is_split = net_card_of(device)->options.is_split;
    const struct {
        const char *name;
        uint32_t value;
    } nodes[] = {
        {"tx-ring-ref", tx->grefs[0]},
        {"rx-ring-ref", rx->grefs[0]},
        {is_split ? "event-channel-tx" : "event-channel", tx->port},
        {is_split ? "event-channel-rx" : NULL, rx->port},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes) && nodes[i].name != NULL; i++) {
        XK_CLEANUP_FREE char *name = xk_asprintf("%s%s", prefix, nodes[i].name);

        loop_write(device, name, "%u", nodes[i].value);
    }
}

/* As Linux's netfront does. */
void
net_write_rings(struct loop_device *device)
{
    unsigned queues = device->ring_count / 2;

    bool takes = !net_card_of(device)->options.is_plain;

    loop_write(device, "multi-queue-num-queues", "%u", queues);
    loop_write(device, "request-rx-copy", "1");
    loop_write(device, "feature-rx-notify", "%d",
               !net_card_of(device)->options.is_mute);
    if (net_card_of(device)->options.is_filtered)
        loop_write(device, "request-multicast-control", "1");
    loop_write(device, "feature-sg", "%d", takes);
    loop_write(device, "feature-gso-tcpv4", "%d", takes);
    loop_write(device, "feature-gso-tcpv6", "%d", takes);
    loop_write(device, "feature-ipv6-csum-offload", "%d", takes);
    loop_write(device, "feature-no-csum-offload", "%d", !takes);
    if (queues == 1)
        write_queue(device, 0, "");
    for (unsigned i = 0; queues > 1 && i < queues; i++) {
        XK_CLEANUP_FREE char *prefix = xk_asprintf("queue-%u/", i);

        write_queue(device, i, prefix);
    }
}

/* Linux goes to Connected at once. */
static void
connect_card(struct loop_device *device)
{
    net_make_rings(device);
    net_write_rings(device);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_await(device, XK_XENBUS_CONNECTED);
}

/* ---- frames ---- */

void
net_put_entry(struct loop_device *device, unsigned queue,
              struct netif_entry entry)
{
    front_ring_put(&device->rings[net_tx(queue)].front, entry.words);
}

void
net_put(struct loop_device *device, unsigned queue, uint16_t id, unsigned page,
        uint16_t offset, uint16_t size, uint16_t flags)
{
    net_put_entry(
        device, queue,
        netif_slot(id, device->data_grefs[page], offset, size, flags));
}

void
net_change_list(struct loop_device *device, uint8_t type,
                const uint8_t address[6], int16_t status)
{
    net_put(device, 0, 1, 0, 0, 60, XK_NETIF_TX_EXTRA);
    net_put_entry(device, 0, netif_multicast(type, 0, address));
    net_push(device, 0);
    net_must_answer(device, 0, 1, status);
    net_must_answer(device, 0, 0, XK_NETIF_NULL);
}

void
net_push(struct loop_device *device, unsigned queue)
{
    loop_push(device, net_tx(queue));
}

void
net_must_answer(struct loop_device *device, unsigned queue, uint16_t id,
                int16_t status)
{
    const uint8_t *entry =
        loop_await_response(device, net_tx(queue), LOOP_WAIT_MS);
    struct {
        uint16_t id;
        int16_t status;
    } found;

    MUST(entry != NULL, "no answer to %u", id);
    memcpy(&found, entry, sizeof(found));
    MUST(found.id == id, "answered id %u, asked %u", found.id, id);
    MUST(found.status == status, "%u is answered %d, not %d", id, found.status,
         status);
}

int64_t
net_count(struct loop_device *device, const char *name)
{
    const char *answer = loop_control(device, "{\"query\":\"status\"}");
    struct xk_error err;
    XK_CLEANUP_JSON struct xk_json *status =
        xk_json_parse(answer, strlen(answer), "status", &err);
    int64_t count = -1;

    MUST(xk_json_integer(xk_json_get(status, name), &count), "no \"%s\" in %s",
         name, answer);
    return count;
}

void
net_await_count(struct loop_device *device, const char *name, int64_t count)
{
    int64_t found = -1;

    for (int ms = 0; ms < LOOP_WAIT_MS; ms += 20) {
        found = net_count(device, name);
        if (found >= count)
            return;
        poll(NULL, 0, 20);
    }
    fail_case("%s is %lld, not %lld", name, (long long)found, (long long)count);
}

void
net_must_recover(struct loop_device *device)
{
    loop_begin_again(device);
    loop_connect(device);
    loop_must_serve(device);
}

static void
must_serve(struct loop_device *device)
{
    static uint16_t id;

    for (unsigned queue = 0; queue < device->ring_count / 2; queue++) {
        net_put(device, queue, ++id, 0, 0, 1514, 0);
        net_push(device, queue);
        net_must_answer(device, queue, id, XK_NETIF_OKAY);
    }
}

const struct loop_kind loop_kind = {
    .name = "net",
    .front = "vif",
    .back = "xkvif",
    .first_devid = 0,
    .devid_step = 1,
    .make = make,
    .drop = drop,
    .write_nodes = write_nodes,
    .members = members,
    .connect = connect_card,
    .must_serve = must_serve,
};
