/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/device/vif_ours.h"

/* Only if it is asked for: the kernel's backend is what hosts are set up for,
 * and has no user-mode network. */
bool
xk_vif_is_ours(const struct xk_vif *vif)
{
    return vif->backend == XK_VIF_BACKEND_XK || vif->type == XK_VIF_USER;
}
