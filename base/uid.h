/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of users that are nobody's, for what must be shut off from all else.
 *
 * They are above what systemd, shadow, containers and directory services give
 * away (systemd's UIDS-GIDS.md; SSSD and FreeIPA end at 2000200000), below
 * systemd's foreign range (0x7ffe0000) and below 2^31.
 */
#ifndef XK_BASE_UID_H
#define XK_BASE_UID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    XK_UID_KVM = 2100000000, /* QEMUs, one number each */
    XK_UID_XEN = 2101000000, /* and the domain's: what serves its disks */
    XK_UID_COUNT = 65536,    /* of each */
};

/* XK_ERR_IN_USE where passwd, group, subuid or subgid in that directory ("/etc"
 * opened) give the number, as a user or group, to somebody. One of them that is
 * there and cannot be read is an error, too: it may. */
int xk_uid_check_nobodys(int etc_fd, uint32_t number, struct xk_error *err);

/* Whether a process, of any kind, is that user: by the kernel's own count. Only
 * for root, and only while the process has one thread. */
bool xk_uid_has_process(uint32_t number);

#endif
