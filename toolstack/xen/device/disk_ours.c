/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/device/disk_ours.h"

#include <stddef.h>

/* xk-backend opens images by absolute paths. It also serves an empty drive,
 * because a medium may be inserted later. */
static bool
is_reachable(const struct xk_disk *disk)
{
    if (disk->format == XK_FORMAT_EMPTY)
        return disk->cdrom;
    return disk->target != NULL && disk->target[0] == '/';
}

/* HVM guests boot from disks that the device model emulates. */
bool
xk_disk_is_ours(const struct xk_domain_config *config,
                const struct xk_disk *disk)
{
    return config->type != XK_TYPE_HVM &&
           disk->backend == XK_DISK_BACKEND_AUTO && !disk->virtio &&
           disk->script == NULL && disk->backend_domain == NULL &&
           is_reachable(disk);
}
