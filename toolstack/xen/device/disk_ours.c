/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disks are ours, and their numbers: the program that calls libxl has to
 * know as well. */
#include "toolstack/xen/device/device.h"

/* A drive without a medium is one of ours too: it may be given one. */
static bool
is_reachable(const struct xk_disk *disk)
{
    if (disk->format == XK_FORMAT_EMPTY)
        return disk->cdrom;
    return disk->target != NULL && disk->target[0] == '/';
}

/* HVM guests boot from disks that a device model emulates. */
bool
xk_vbd_is_ours(const struct xk_domain_config *config,
               const struct xk_disk *disk)
{
    return config->type != XK_TYPE_HVM &&
           disk->backend == XK_DISK_BACKEND_AUTO && !disk->virtio &&
           disk->script == NULL && disk->backend_domain == NULL &&
           is_reachable(disk);
}
