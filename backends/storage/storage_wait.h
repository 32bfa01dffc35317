/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wait until a storage daemon that was just started either serves or has ended.
 * Protocol: QMP (QEMU, docs/interop/qmp-spec).
 */
#ifndef XK_BACKENDS_STORAGE_STORAGE_WAIT_H
#define XK_BACKENDS_STORAGE_STORAGE_WAIT_H

#include "base/error.h"

/* Wait at most 120 s.
 * hello_fd: a connection to a QMP monitor that nobody else uses.
 * said_fd: the reading end of the daemon's standard error, which nobody else
 * writes; it is made non-blocking. Both stay the caller's.
 * If the daemon has ended, the error is the first line that it wrote; if it
 * neither serves nor ends, XK_ERR_TIMEOUT. */
int xk_storage_await(int hello_fd, int said_fd, struct xk_error *err);

#endif
