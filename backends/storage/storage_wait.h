/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wait until a storage daemon that was just started serves, or has ended.
 * Protocol: QMP (QEMU, docs/interop/qmp-spec).
 */
#ifndef XK_BACKENDS_STORAGE_STORAGE_WAIT_H
#define XK_BACKENDS_STORAGE_STORAGE_WAIT_H

#include "base/error.h"

/* hello_fd: a connection to a QMP monitor of its own.
 * said_fd: the reading end of its standard error, which nobody else writes; it
 * is made non-blocking. Both stay the caller's.
 * Fails with what the daemon said where it has ended, with XK_ERR_TIMEOUT where
 * it neither serves nor ends in 120 s. */
int xk_storage_await(int hello_fd, int said_fd, struct xk_error *err);

#endif
