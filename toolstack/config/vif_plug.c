/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/vif_plug.h"

#include <stddef.h>

#include "base/mem.h"
#include "net-helpers/bridge.h"
#include "net-helpers/mac.h"

struct xk_plug
xk_vif_plug(const struct xk_vif *vif)
{
    return (struct xk_plug){
        .script = vif->script,
        .bridge = vif->bridge != NULL ? vif->bridge : XK_BRIDGE_DEFAULT,
        .ip = vif->ip,
        .gatewaydev = vif->gatewaydev,
    };
}

bool
xk_vif_has_idle_address(const struct xk_vif *vif)
{
    return (vif->ip != NULL || vif->gatewaydev != NULL) &&
           !xk_plug_takes_address(xk_plug_kind(vif->script));
}

char *
xk_vif_mac_text(const struct xk_vif *vif)
{
    char text[XK_MAC_TEXT_SIZE];

    xk_mac_format(vif->mac, text);
    return xk_strdup(text);
}
