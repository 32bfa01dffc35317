/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The jail of a storage daemon: its root and its privileges. For storage.c
 * only. */
#ifndef XK_BACKENDS_STORAGE_STORAGE_JAIL_H
#define XK_BACKENDS_STORAGE_STORAGE_JAIL_H

#include <stdint.h>

#include "sandbox/root.h"

/* Move this process to a root that contains only the pieces and the system's
 * programs and libraries. The root is mounted on the directory `place`; other
 * processes still see that directory unchanged. */
int xk_storage_enter(const char *place, const struct xk_sandbox_piece *pieces,
                     unsigned count, struct xk_error *err);

/* Change to that user, keep only the privilege to open any file in the jail,
 * and forbid system calls that signal, trace or limit other processes of that
 * user, or that make a child. Call it in the process that then runs the daemon:
 * the filter contains its pid. */
int xk_storage_drop(uint32_t uid, struct xk_error *err);

#endif
