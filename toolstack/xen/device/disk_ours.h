/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disks xk-backend serves. Apart from vbd.h, because xk-libxl has to know
 * it as well, and is linked with nothing of a device. */
#ifndef XK_TOOLSTACK_XEN_DEVICE_DISK_OURS_H
#define XK_TOOLSTACK_XEN_DEVICE_DISK_OURS_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

/* Whether xk-backend serves such a disk; libxl's backends have the others. */
bool xk_disk_is_ours(const struct xk_domain_config *config,
                     const struct xk_disk *disk);

#endif
