/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of whole files, as open file description locks (fcntl(2)): they end
 * with the last copy of the descriptor, so with its process at the latest.
 */
#ifndef XK_BASE_FILE_LOCK_H
#define XK_BASE_FILE_LOCK_H

#include <sys/types.h>

/* Lock the file, which is open for writing: 0, or -1 with errno, EAGAIN where
 * another has it. */
int xk_file_lock_take(int fd);

/* Whether another has it: 1 or 0; -1 with errno where that cannot be known. */
int xk_file_lock_is_held(int fd);

/* Write our pid into the file, for people. The lock says whether it holds. -1
 * with errno. */
int xk_file_lock_write_pid(int fd);

/* The pid in the file; 0: none. */
pid_t xk_file_lock_read_pid(int fd);

#endif
