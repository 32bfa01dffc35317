/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what is not needed once everything is open. */
#ifndef XK_BACKENDS_LIFE_JAIL_H
#define XK_BACKENDS_LIFE_JAIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What a kind of device needs beside what all need. */
struct xk_jail_calls {
    const int *calls; /* SCMP_SYS() */
    size_t call_count;
    const unsigned long *ioctls; /* their requests */
    size_t ioctl_count;
};

/* For all threads of the process: another user without groups and
 * capabilities, no new privileges, few descriptors, and system calls from a
 * short list, and from that of the kind (which may be NULL); any other one ends
 * the process. Nothing can be opened and no
 * thread started afterwards. Started by a plain user, that user is kept. */
int xk_jail_enter(uint32_t uid, uint32_t gid,
                  const struct xk_jail_calls *of_kind, struct xk_error *err);

/* The same for a process that only flushes what it has open (flusher.h, which
 * calls it): with the user and group of a struct xk_device_config. */
int xk_jail_enter_flusher(void *config, struct xk_error *err);

#endif
