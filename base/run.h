/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Run a program of the user's own to its end: by its path, in a session and an
 * environment of its own. A program of the system's, which is searched in PATH,
 * is run by xk_process_run() (base/process.h).
 */
#ifndef XK_BASE_RUN_H
#define XK_BASE_RUN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"

/* Run it, and append at most `limit` bytes of what it and its children print to
 * *output. environment is ended by NULL, as argv is. Returns when the program
 * has ended, though a child of it may run on, with its status as of waitpid(2).
 * At the deadline the program is killed, with its children that have not left
 * its process group: XK_ERR_TIMEOUT. It is also killed when the calling thread
 * ends. */
int xk_run(const char *const *argv, const char *const *environment,
           size_t limit, struct xk_buf *output, struct xk_deadline deadline,
           int *status, struct xk_error *err);

#endif
