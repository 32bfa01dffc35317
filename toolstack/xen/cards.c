/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network cards of an existing domain, listed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "contracts/net.h"
#include "net-helpers/link.h"
#include "net-helpers/plug.h"
#include "net-helpers/rate.h"
#include "toolstack/record_config.h"
#include "toolstack/xen/device/vif.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/libxl_devices.h"
#include "toolstack/xen/ops.h"
#include "xenstore-helpers/xenbus.h"

struct telling {
    unsigned domid;
    const struct xk_domain_config *config; /* NULL: xl made the domain */
    xk_card_told *card;
    void *context;
    struct xk_deadline deadline;
};

static const struct xk_vif *
find_vif(const struct xk_domain_config *config, unsigned number)
{
    for (size_t i = 0; config != NULL && i < config->vif_count; i++) {
        if ((unsigned)config->vifs[i].devid == number)
            return &config->vifs[i];
    }
    return NULL;
}

/* In bytes a second, of a node that libxl or we wrote; 0: no limit. */
static uint64_t
rate_of(const char *node)
{
    uint64_t bytes;
    uint32_t interval_us;

    if (node == NULL || !xk_net_rate_parse(node, &bytes, &interval_us) ||
        bytes > UINT64_MAX / 1000000)
        return 0;
    return bytes * 1000000 / interval_us;
}

/* ---- cards of xk-backend ---- */

static void
take_status(const struct xk_json *answer, struct xk_card_info *info)
{
    const struct xk_xen_device_count counts[] = {
        {XK_STATUS_RX_BYTES, &info->rx_bytes},
        {XK_STATUS_RX_PACKETS, &info->rx_packets},
        {XK_STATUS_RX_DROPPED, &info->rx_dropped},
        {XK_STATUS_TX_BYTES, &info->tx_bytes},
        {XK_STATUS_TX_PACKETS, &info->tx_packets},
        {XK_STATUS_TX_DROPPED, &info->tx_dropped},
        {XK_STATUS_ERRORS, &info->errors},
    };

    xk_xen_device_take_counts(answer, counts, XK_ARRAY_SIZE(counts));
    info->queues = (unsigned)xk_json_count(answer, XK_STATUS_QUEUES);
    info->state = xk_xen_device_state(answer);
    info->reason = xk_json_string(xk_json_get(answer, XK_STATUS_REASON));
    info->known = true;
}

/* A card with a user-mode network has no device on this host. */
static char *
tap_of(const struct xk_xen_device *device, unsigned domid)
{
    const char *given = xk_vif_member(device, XK_NET_VIFNAME);

    if (xk_vif_member(device, XK_NET_BRIDGE) == NULL)
        return NULL;
    return given != NULL ? xk_strdup(given)
                         : xk_asprintf("vif%u.%u", domid, device->number);
}

static void
take_mtu(const char *name, struct xk_deadline deadline,
         struct xk_card_info *info)
{
    struct xk_net_link link;

    if (name != NULL && xk_net_link_read(name, &link, deadline, NULL) == 0)
        info->mtu = link.mtu;
}

/* A card with routes is on no bridge, though its plug has the usual one. */
static const char *
bridge_of(const struct xk_xen_device *device)
{
    const char *script = xk_vif_member(device, XK_NET_SCRIPT);

    return xk_plug_kind(script) != XK_PLUG_ROUTE
               ? xk_vif_member(device, XK_NET_BRIDGE)
               : NULL;
}

static void
tell_ours(const struct telling *telling, const struct xk_xen_device *device)
{
    XK_CLEANUP_FREE char *tap = tap_of(device, telling->domid);
    XK_CLEANUP_JSON struct xk_json *answer = xk_xen_device_ask(
        device, XK_DEVICE_ASK_STATUS, telling->deadline, NULL);
    struct xk_card_info info = {
        .number = device->number,
        .mac = device->name,
        .type = tap != NULL ? "bridge" : "user",
        .bridge = bridge_of(device),
        .interface = tap,
        .backend = "xk",
        .state = "not served",
        .rate_bytes_per_s = rate_of(xk_vif_member(device, XK_NET_RATE)),
    };

    if (answer != NULL)
        take_status(answer, &info);
    if (xk_xen_device_is_leaving(device))
        info.state = "leaving";
    take_mtu(tap, telling->deadline, &info);
    telling->card(&info, telling->context);
}

/* ---- libxl's cards ---- */

enum {
    NODE_MAC,
    NODE_BRIDGE,
    NODE_VIFNAME,
    NODE_RATE,
    NODE_STATE,
    NODE_COUNT,
};

/* What netback sends to its device, the guest has sent. */
static void
take_link(const char *name, struct xk_deadline deadline,
          struct xk_card_info *info)
{
    struct xk_net_link link;

    if (xk_net_link_read(name, &link, deadline, NULL) == 0)
        xk_card_info_take_link(info, &link);
}

static const char *
if_given(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void
tell_libxl(const struct xk_xen_libxl_device *device, void *context)
{
    const struct telling *telling = context;
    const char *const *texts = device->texts;
    const struct xk_vif *vif = find_vif(telling->config, device->number);
    XK_CLEANUP_FREE char *usual =
        xk_asprintf("vif%u.%u", telling->domid, device->number);
    const char *given = if_given(texts[NODE_VIFNAME]);
    const char *name = given != NULL ? given : usual;
    enum xk_xenbus_state state;
    struct xk_card_info info = {
        .number = device->number,
        .mac = if_given(texts[NODE_MAC]),
        .type = "bridge",
        .bridge = if_given(texts[NODE_BRIDGE]),
        .interface = device->is_here ? name : NULL,
        .model = vif != NULL ? vif->model : NULL,
        .backend = "linux",
        .rate_bytes_per_s = rate_of(texts[NODE_RATE]),
    };

    xk_xenbus_state_parse(texts[NODE_STATE], &state);
    info.state = xk_xenbus_state_name((int)state);
    if (device->is_here)
        take_link(name, telling->deadline, &info);
    telling->card(&info, telling->context);
}

int
xk_xen_cards(struct xk_hypervisor *hv, const struct xk_domain *domain,
             xk_card_told *card, void *context, struct xk_deadline deadline,
             struct xk_error *err)
{
    static const char *const names[] = {
        [NODE_MAC] = "mac",         [NODE_BRIDGE] = "bridge",
        [NODE_VIFNAME] = "vifname", [NODE_RATE] = "rate",
        [NODE_STATE] = "state",
    };
    static_assert(XK_ARRAY_SIZE(names) == NODE_COUNT, "one name per node");
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    struct telling telling = {
        .card = card, .context = context, .deadline = deadline};
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        (domain->record != NULL &&
         xk_xen_devices_list(domain->record, &devices, err) == -1))
        return -1;
    if (domain->record != NULL)
        config = xk_record_load_config(domain->record, NULL);
    telling.domid = found.domid;
    telling.config = config;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];

        if (device->kind == &xk_vif_kind && device->json != NULL)
            tell_ours(&telling, device);
    }
    return xk_xen_libxl_tell(xen, found.domid, xk_vif_kind.front, names,
                             NODE_COUNT, tell_libxl, &telling, deadline, err);
}
