/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind "net". A card with a user-mode network has xk-slirp as its companion
 * (user_network.h); one that is plugged in (net-helpers/plug.h) has none.
 *
 * Source of its nodes: xen/include/public/io/netif.h; libxl_nic.c.
 * "hotplug-status" becomes "connected" by xk-backend, once the card is plugged
 * in.
 */
#include "toolstack/xen/device/vif.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "contracts/net.h"
#include "net-helpers/rate.h"
#include "toolstack/config/vif_plug.h"
#include "toolstack/xen/device/user_network.h"
#include "toolstack/xen/device/vif_ours.h"

enum {
    TAP_MTU_MAX = 65521 /* drivers/net/tun.c of Linux */
};

#define STORE_KIND "xkvif"

#define USUAL_MTU "1500" /* has no node, as with libxl */

/* ---- in a configuration ---- */

static size_t
count(const struct xk_domain_config *config)
{
    return config->vif_count;
}

static bool
is_ours(const struct xk_domain_config *config, size_t index)
{
    return xk_vif_is_ours(&config->vifs[index]);
}

static unsigned
number(const struct xk_domain_config *config, size_t index)
{
    return (unsigned)config->vifs[index].devid;
}

static char *
config_name(const struct xk_domain_config *config, size_t index)
{
    return xk_vif_mac_text(&config->vifs[index]);
}

/* The plug is checked with those of libxl's cards (xen/check.c). */
static int
check(const struct xk_state *state, const struct xk_domain_config *config,
      size_t index, bool shared, struct xk_problems *problems,
      struct xk_error *err)
{
    const struct xk_vif *vif = &config->vifs[index];

    (void)state;
    (void)shared;
    (void)err;
    if (config->type == XK_TYPE_HVM)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &vif->where,
                       "%s is for domains of type pv and pvh: leave it out",
                       vif->type == XK_VIF_USER ? "type=user"
                                                : "backendtype=xk");
    if (vif->type == XK_VIF_USER)
        xk_user_network_check(vif, problems);
    else if (vif->mtu > TAP_MTU_MAX)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &vif->where,
                       "mtu with backendtype=xk is at most %d", TAP_MTU_MAX);
    return 0;
}

/* ---- in device.json ---- */

static void
put_if_given(struct xk_json_writer *writer, const char *name, const char *text)
{
    if (text != NULL)
        xk_json_put_string(writer, name, text);
}

static void
put_mtu(struct xk_json_writer *writer, unsigned mtu)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("%u", mtu);

    if (mtu != 0)
        xk_json_put_string(writer, XK_NET_MTU, text);
}

static void
put_rate(struct xk_json_writer *writer, const struct xk_vif *vif)
{
    XK_CLEANUP_FREE char *text =
        xk_net_rate_format(vif->rate_bytes_per_interval, vif->rate_interval_us);

    if (vif->rate_bytes_per_interval != 0)
        xk_json_put_string(writer, XK_NET_RATE, text);
}

static void
put_plug(const struct xk_domain_config *config, const struct xk_vif *vif,
         struct xk_json_writer *writer)
{
    const struct xk_plug plug = xk_vif_plug(vif);
    char uuid[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&config->uuid, uuid);
    put_if_given(writer, XK_NET_SCRIPT, plug.script);
    put_if_given(writer, XK_NET_BRIDGE, plug.bridge);
    put_if_given(writer, XK_NET_IP, plug.ip);
    put_if_given(writer, XK_NET_GATEWAYDEV, plug.gatewaydev);
    if (plug.script != NULL)
        xk_json_put_string(writer, XK_NET_DOMAIN, uuid);
}

static void
put(const struct xk_xen_device *device, const struct xk_domain_config *config,
    size_t index, struct xk_json_writer *writer)
{
    const struct xk_vif *vif = &config->vifs[index];

    (void)device;
    if (vif->type == XK_VIF_USER) {
        xk_json_put_string(writer, XK_NET_PORT, XK_NET_PORT_STREAM);
        xk_user_network_put(vif, writer);
    } else {
        xk_json_put_string(writer, XK_NET_PORT, XK_NET_PORT_TAP);
        put_if_given(writer, XK_NET_VIFNAME, vif->vifname);
        put_plug(config, vif, writer);
    }
    put_mtu(writer, vif->mtu);
    put_rate(writer, vif);
    if (vif->spoof_check)
        xk_json_put_bool(writer, XK_NET_SPOOF_FILTER, true);
    xk_json_put_bool(writer, XK_NET_UNTRUSTED, vif->untrusted);
}

static int
check_json(const struct xk_json *json, struct xk_error *err)
{
    return xk_json_need_string(json, XK_NET_PORT, err) != NULL ? 0 : -1;
}

/* ---- in the store ---- */

const char *
xk_vif_member(const struct xk_xen_device *device, const char *member)
{
    return xk_json_string(xk_json_get(device->json, member));
}

static const char *
mac(const struct xk_xen_device *device)
{
    return device->name;
}

static const char *
mtu(const struct xk_xen_device *device)
{
    const char *bytes = xk_vif_member(device, XK_NET_MTU);

    return bytes != NULL && strcmp(bytes, USUAL_MTU) == 0 ? NULL : bytes;
}

static const char *
type(const struct xk_xen_device *device)
{
    (void)device;
    return "vif";
}

static const char *
hotplug_status(const struct xk_xen_device *device)
{
    (void)device;
    return "";
}

static const char *
trusted(const struct xk_xen_device *device)
{
    return xk_json_is_true(xk_json_get(device->json, XK_NET_UNTRUSTED)) ? "0"
                                                                        : "1";
}

static const struct xk_xen_device_node front_nodes[] = {
    {"mac", mac, NULL},
    {"mtu", mtu, NULL},
    {"trusted", trusted, NULL},
    {NULL, NULL, NULL},
};

/* Xen's scripts read script and vifname, the name that they give the TAP. */
static const struct xk_xen_device_node back_nodes[] = {
    {"mac", mac, NULL},
    {"mtu", mtu, NULL},
    {"bridge", NULL, XK_NET_BRIDGE},
    {"rate", NULL, XK_NET_RATE},
    {"script", NULL, XK_NET_SCRIPT},
    {"vifname", NULL, XK_NET_VIFNAME},
    {"ip", NULL, XK_NET_IP},
    {"gatewaydev", NULL, XK_NET_GATEWAYDEV},
    {"handle", NULL, NULL},
    {"type", type, NULL},
    {"hotplug-status", hotplug_status, NULL},
    {NULL, NULL, NULL},
};

/* ---- at its end ---- */

static int
unplug(const struct xk_xen_device *device, struct xk_deadline deadline,
       struct xk_error *err)
{
    XK_CLEANUP_FREE char *mark = xk_asprintf("%s/" XK_NET_MARK, device->path);

    return xk_plug_out(AT_FDCWD, mark, deadline, err);
}

const struct xk_xen_device_kind xk_vif_kind = {
    .name = XK_DEVICE_NET,
    .noun = "network card",
    .waits_for = "its network",
    .prefix = "vif-",
    .front = "vif",
    .back = STORE_KIND,
    .number_node = "handle",
    .name_member = XK_NET_MAC,
    .libxl_verb = "cards",
    .front_nodes = front_nodes,
    .back_nodes = back_nodes,
    .count = count,
    .is_ours = is_ours,
    .number = number,
    .config_name = config_name,
    .check = check,
    .put = put,
    .check_json = check_json,
    .side = &xk_user_network_side,
    .unplug = unplug,
};
