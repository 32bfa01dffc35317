/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of device kinds that xk-backend serves. */
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/device/vbd.h"

const struct xk_xen_device_kind *const xk_xen_device_kinds[] = {
    &xk_vbd_kind,
    NULL,
};
