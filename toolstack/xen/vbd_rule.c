/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which disks are ours, and their numbers: the program that calls libxl has to
 * know as well. */
#include "toolstack/xen/vbd.h"

/* HVM guests boot from disks that a device model emulates. */
bool
xk_vbd_is_ours(const struct xk_domain_config *config,
               const struct xk_disk *disk)
{
    return config->type != XK_TYPE_HVM &&
           disk->backend == XK_DISK_BACKEND_AUTO && !disk->virtio &&
           disk->script == NULL && disk->backend_domain == NULL &&
           disk->format != XK_FORMAT_EMPTY && disk->target != NULL &&
           disk->target[0] == '/';
}

unsigned
xk_vbd_number(const struct xk_disk *disk)
{
    unsigned index = disk->index, part = disk->partition;

    switch (disk->bus) {
    case XK_BUS_HD:
        return (index < 2 ? 3u : 22u) << 8 | (index & 1) << 6 | part;
    case XK_BUS_SD:
        return 8u << 8 | index << 4 | part;
    case XK_BUS_XVD:
        break;
    }
    if (index <= 15 && part <= 15)
        return 202u << 8 | index << 4 | part;
    return 1u << 28 | index << 8 | part;
}
