/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What xk tells a backend about a network card: device.json (contracts/net.h).
 */
#ifndef XK_BACKENDS_NET_CONFIG_H
#define XK_BACKENDS_NET_CONFIG_H

#include "backends/life/device.h"
#include "backends/net/port/port.h"

struct xk_net_config {
    struct xk_device_config device; /* first */
    char *mac;
    uint8_t address[6]; /* the same */
    bool spoof_filter;
    char *domain, *vifname, *mtu, *rate; /* NULL: not said */
    char *script, *bridge, *ip, *gatewaydev;
    uint64_t rate_bytes; /* of each interval, for the guest to send; 0: no
                            limit */
    uint32_t rate_interval_us;
    xk_port_open *open_port;
    uint32_t queues;  /* at most; 0: choose */
    uint32_t poll_us; /* at most 1000 */
};

/* Read DIR/device.json. XK_ERR_CONFIG names the file and the member. */
int xk_net_config_read(const char *dir, struct xk_net_config *config,
                       struct xk_error *err);
void xk_net_config_free(struct xk_net_config *config);

#endif
