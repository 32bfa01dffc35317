/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that QEMU knows a disk by. */
#ifndef XK_TOOLSTACK_KVM_DISK_H
#define XK_TOOLSTACK_KVM_DISK_H

enum {
    XK_KVM_DISK_NAME_SIZE = 32
};

/* The name of both the top block node of a disk and its device: "disk-VDEV". */
void xk_kvm_disk_name(const char *vdev, char name[XK_KVM_DISK_NAME_SIZE]);

#endif
