/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Give up every privilege that is not needed once everything is open. */
#ifndef XK_BACKENDS_LIFE_JAIL_H
#define XK_BACKENDS_LIFE_JAIL_H

#include <stdint.h>

#include "base/error.h"

/* Confine all threads of the process: change to that user, without
 * supplementary groups or capabilities; forbid new privileges; limit the number
 * of descriptors; and allow a short list of system calls. Any other call ends
 * the process. Afterwards nothing can be opened and no thread started. If the
 * process is not root's, its user stays. */
int xk_jail_enter(uint32_t uid, uint32_t gid, struct xk_error *err);

/* Confine a process that only flushes an image that it has open; flusher.h
 * calls this. config: a struct xk_device_config, for its user and group. */
int xk_jail_enter_flusher(void *config, struct xk_error *err);

#endif
