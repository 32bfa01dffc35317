/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User numbers (uids) that belong to nobody, for processes that must be
 * isolated from all others.
 *
 * The ranges are above those that systemd, shadow, containers and directory
 * services allocate from (systemd's UIDS-GIDS.md; SSSD and FreeIPA end at
 * 2000200000), below systemd's foreign range (0x7ffe0000) and below 2^31.
 */
#ifndef XK_BASE_UID_H
#define XK_BASE_UID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    XK_UID_KVM = 2100000000, /* one number for each QEMU */
    XK_UID_XEN = 2101000000, /* plus the domid: for the servers of its disks */
    XK_UID_COUNT = 65536,    /* in each range */
};

/* Check that the number is nobody's. XK_ERR_IN_USE if passwd, group, subuid or
 * subgid in the directory etc_fd ("/etc") assigns it, as a user or a group. A
 * file that exists but cannot be read is an error too: it may assign it. */
int xk_uid_check_nobodys(int etc_fd, uint32_t number, struct xk_error *err);

/* Returns true if any process is that user, by the kernel's own count, or if
 * that cannot be determined. Only for root, and only while the caller has one
 * thread. */
bool xk_uid_has_process(uint32_t number);

#endif
