/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Giving up what is not needed once everything is open. */
#ifndef XK_BACKENDS_LIFE_JAIL_H
#define XK_BACKENDS_LIFE_JAIL_H

#include <stdint.h>

#include "base/error.h"

/* For all threads of the process: another user without groups and
 * capabilities, no new privileges, few descriptors, and system calls from a
 * short list; any other one ends the process. Nothing can be opened and no
 * thread started afterwards. Started by a plain user, that user is kept. */
int xk_jail_enter(uint32_t uid, uint32_t gid, struct xk_error *err);

/* The same for a process that only flushes what it has open (flusher.h, which
 * calls it): with the user and group of a struct xk_device_config. */
int xk_jail_enter_flusher(void *config, struct xk_error *err);

#endif
