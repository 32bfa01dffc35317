/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child prints until it ends. For base/process.h and base/run.h, which
 * start the child. */
#ifndef XK_BASE_COLLECT_H
#define XK_BASE_COLLECT_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"

/* The end of a pipe whose other end is the child's. */
struct xk_collect {
    int fd;       /* the caller closes it */
    size_t limit; /* bytes */
    struct xk_buf *to;
};

/* Append what comes out of the pipes to their buffers, at most the limit each;
 * more is dropped, so that the child does not block. Returns when the child has
 * ended and what it printed is there: a child of its own may keep the pipes
 * open. The caller reaps it. XK_ERR_TIMEOUT at the deadline: the child, which
 * errors call `name`, runs on. */
int xk_collect(const struct xk_collect *pipes, size_t count, pid_t child,
               const char *name, struct xk_deadline deadline,
               struct xk_error *err);

#endif
