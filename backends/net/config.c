/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/config.h"

#include <stddef.h>
#include <string.h>

#include "base/util.h"
#include "contracts/net.h"
#include "net-helpers/mac.h"
#include "net-helpers/rate.h"

#define AT(member) offsetof(struct xk_net_config, member)

static const struct xk_json_member members[] = {
    {XK_NET_MAC, XK_MEMBER_TEXT, AT(mac), true, 0, 0},
    {XK_NET_DOMAIN, XK_MEMBER_TEXT, AT(domain), false, 0, 0},
    {XK_NET_VIFNAME, XK_MEMBER_TEXT, AT(vifname), false, 0, 0},
    {XK_NET_SCRIPT, XK_MEMBER_TEXT, AT(script), false, 0, 0},
    {XK_NET_BRIDGE, XK_MEMBER_TEXT, AT(bridge), false, 0, 0},
    {XK_NET_IP, XK_MEMBER_TEXT, AT(ip), false, 0, 0},
    {XK_NET_GATEWAYDEV, XK_MEMBER_TEXT, AT(gatewaydev), false, 0, 0},
    {XK_NET_MTU, XK_MEMBER_TEXT, AT(mtu), false, 0, 0},
    {XK_NET_SPOOF_FILTER, XK_MEMBER_FLAG, AT(spoof_filter), false, 0, 0},
    {XK_NET_RATE, XK_MEMBER_TEXT, AT(rate), false, 0, 0},
    {XK_NET_QUEUES, XK_MEMBER_NUMBER, AT(queues), false, 0,
     XK_DEVICE_WORKERS_MAX},
    {XK_NET_POLL_US, XK_MEMBER_NUMBER, AT(poll_us), false, 0, 1000},
};

static const struct {
    const char *name;
    xk_port_open *open;
} ports[] = {
    {XK_NET_PORT_NULL, xk_port_open_null},
    {XK_NET_PORT_TAP, xk_port_open_tap},
    {XK_NET_PORT_STREAM, xk_port_open_stream},
};

static int
take_port(struct xk_net_config *config, const struct xk_json *json,
          struct xk_error *err)
{
    const char *name = xk_json_string(xk_json_get(json, XK_NET_PORT));

    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(ports); i++) {
        if (strcmp(name, ports[i].name) == 0) {
            config->open_port = ports[i].open;
            return 0;
        }
    }
    return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not the name of a port",
                   XK_NET_PORT);
}

static int
take_rate(struct xk_net_config *config, struct xk_error *err)
{
    if (config->rate == NULL ||
        xk_net_rate_parse(config->rate, &config->rate_bytes,
                          &config->rate_interval_us))
        return 0;
    return xk_fail(err, XK_ERR_CONFIG,
                   "\"%s\" is not two positive numbers, of bytes and of "
                   "microseconds",
                   XK_NET_RATE);
}

static int
take_address(struct xk_net_config *config, struct xk_error *err)
{
    if (xk_mac_parse(config->mac, config->address))
        return 0;
    return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a MAC address",
                   XK_NET_MAC);
}

static int
take_rest(void *context, const struct xk_json *json, struct xk_error *err)
{
    struct xk_net_config *config = (struct xk_net_config *)context;

    if (take_port(config, json, err) == -1 || take_rate(config, err) == -1)
        return -1;
    return take_address(config, err);
}

int
xk_net_config_read(const char *dir, struct xk_net_config *config,
                   struct xk_error *err)
{
    *config = (struct xk_net_config){0};
    return xk_device_config_read(dir, config, members, XK_ARRAY_SIZE(members),
                                 take_rest, err);
}

void
xk_net_config_free(struct xk_net_config *config)
{
    xk_device_config_free(config, members, XK_ARRAY_SIZE(members));
    *config = (struct xk_net_config){0};
}
