/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks on whole files, as open file description locks (fcntl(2)): a lock ends
 * when the last copy of its descriptor is closed, so at the latest when the
 * last process that has one ends.
 */
#ifndef XK_BASE_FILE_LOCK_H
#define XK_BASE_FILE_LOCK_H

#include <sys/types.h>

#include "base/error.h"

/* Lock the file, which must be open for writing. Returns 0, or -1 with errno,
 * which is EAGAIN if another holds the lock. */
int xk_file_lock_take(int fd);

/* Open the file, which is made with mode 0600 if it is missing, and lock it.
 * Returns its descriptor, which the caller closes. XK_ERR_IN_USE with the
 * message `held` if another process has the lock. */
int xk_file_lock_open(int dirfd, const char *path, const char *held,
                      struct xk_error *err);

/* Returns 1 if another holds the lock, else 0; -1 with errno if that cannot be
 * determined. */
int xk_file_lock_is_held(int fd);

/* Write our pid into the file, for people; it is only valid while the lock is
 * held. Returns 0, or -1 with errno. */
int xk_file_lock_write_pid(int fd);

/* Returns the pid in the file; 0: there is none. */
pid_t xk_file_lock_read_pid(int fd);

#endif
