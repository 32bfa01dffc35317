/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disks xk-backend serves. Separate from vbd.h because xk-libxl needs
 * this too and is not linked with the code of devices. */
#ifndef XK_TOOLSTACK_XEN_DEVICE_DISK_OURS_H
#define XK_TOOLSTACK_XEN_DEVICE_DISK_OURS_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

/* True if xk-backend serves the disk; libxl's backends serve the others. */
bool xk_disk_is_ours(const struct xk_domain_config *config,
                     const struct xk_disk *disk);

#endif
