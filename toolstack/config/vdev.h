/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of virtual disks, xen-vbd-interface(7): xvda, xvdb2, d1p2, hdc, sda3,
 * and the numbers by which Xen encodes them.
 */
#ifndef XK_TOOLSTACK_CONFIG_VDEV_H
#define XK_TOOLSTACK_CONFIG_VDEV_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

struct xk_vdev {
    enum xk_disk_bus bus;
    unsigned index;     /* of the disk on its bus, from 0 */
    unsigned partition; /* 0: the whole disk */
};

/* Returns false if text is not the name of a virtual disk. Numbers are decimal,
 * hexadecimal with 0x or octal with 0; numbers that xen-vbd-interface(7)
 * reserves are not accepted. */
bool xk_vdev_parse(const char *text, struct xk_vdev *vdev);

/* Returns the number that names the disk in xenstore. */
unsigned xk_vdev_number(const struct xk_vdev *vdev);

/* The same for a parsed disk. */
unsigned xk_disk_number(const struct xk_disk *disk);

#endif
