/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Give up every privilege that is not needed once everything is open. */
#ifndef XK_BACKENDS_LIFE_JAIL_H
#define XK_BACKENDS_LIFE_JAIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* The system calls that a kind of device needs beside those of every kind. */
struct xk_jail_calls {
    const int *calls; /* SCMP_SYS() */
    size_t call_count;
    const unsigned long *ioctls; /* requests of ioctl(2) */
    size_t ioctl_count;
};

/* Confine all threads of the process: change to that user, without
 * supplementary groups or capabilities; forbid new privileges; limit the number
 * of descriptors; and allow a short list of system calls and those of the kind
 * (which may be NULL). Any other call ends the process. Afterwards nothing can
 * be opened and no thread started. If the process is not root's, its user
 * stays. */
int xk_jail_enter(uint32_t uid, uint32_t gid,
                  const struct xk_jail_calls *of_kind, struct xk_error *err);

/* Confine a process that only flushes an image that it has open; flusher.h
 * calls this. config: a struct xk_device_config, for its user and group. */
int xk_jail_enter_flusher(void *config, struct xk_error *err);

#endif
