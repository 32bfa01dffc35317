/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the driver's files know of a disk alike. */
#ifndef XK_TOOLSTACK_KVM_DISK_H
#define XK_TOOLSTACK_KVM_DISK_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

enum {
    XK_KVM_DISK_NAME_SIZE = 32
};

/* The name of both the top block node of a disk and its device: "disk-VDEV". */
void xk_kvm_disk_name(const char *vdev, char name[XK_KVM_DISK_NAME_SIZE]);

/* Return whether a disk is copied to the other host when disks are. */
bool xk_kvm_is_copied(const struct xk_disk *disk);

#endif
