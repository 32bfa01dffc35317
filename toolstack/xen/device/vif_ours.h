/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which network cards xk-backend serves. Separate from vif.h because xk-libxl
 * needs this too and is not linked with the code of devices. */
#ifndef XK_TOOLSTACK_XEN_DEVICE_VIF_OURS_H
#define XK_TOOLSTACK_XEN_DEVICE_VIF_OURS_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

/* True if xk-backend serves the card; libxl's backends serve the others. */
bool xk_vif_is_ours(const struct xk_vif *vif);

#endif
