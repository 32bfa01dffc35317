/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a network card of a configuration is plugged into, on every hypervisor
 * (net-helpers/plug.h). */
#ifndef XK_TOOLSTACK_CONFIG_VIF_PLUG_H
#define XK_TOOLSTACK_CONFIG_VIF_PLUG_H

#include "net-helpers/plug.h"
#include "toolstack/config/domain_config.h"

/* Returns the card's plug, with xl's usual bridge if it names none. Its texts
 * are the card's. */
struct xk_plug xk_vif_plug(const struct xk_vif *vif);

/* True if the card names addresses or their device, and its plug has no use for
 * them. */
bool xk_vif_has_idle_address(const struct xk_vif *vif);

/* Returns the card's address as text, which the caller frees. */
char *xk_vif_mac_text(const struct xk_vif *vif);

#endif
