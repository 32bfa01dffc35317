/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process may use, and as whom it runs. */
#ifndef XK_SANDBOX_USER_H
#define XK_SANDBOX_USER_H

#include <stdint.h>
#include <sys/resource.h>

#include "base/error.h"

/* Set both limits of RLIMIT_* to the value. */
int xk_sandbox_limit(int what, rlim_t value, struct xk_error *err);

/* Change to that user and group, without supplementary groups. There is no way
 * back. If the process is not root's, its user stays. */
int xk_sandbox_become(uint32_t uid, uint32_t gid, struct xk_error *err);

#endif
