/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that flushes an image: one for each, which outlives the backend
 * that writes it. The kernel tells the failure of a flush once, to the process
 * that asks. A backend may be killed while it waits, and its successor would
 * hear that all is well.
 *
 * How it works. The flusher has a description of the image that is older than
 * the first write. It listens at a socket in the directory of the device; each
 * queue has a connection, by which it asks with one byte and is answered with
 * an errno. All who have asked by the time that a flush begins are served by
 * it. A flush that failed is never tried again: from then on the answer is the
 * same. It ends when the toolstack ends it, when the backend that made it could
 * not begin and asked for nothing, or when its socket has gone and nobody is
 * connected. Which process it is says a file beside its socket, named as that
 * with ".json" after it, which it wrote while it still was root.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_FLUSHER_H
#define XK_BACKENDS_BLOCK_ENGINE_FLUSHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"

/* What is asked of it; only the first is answered. The second is obeyed as long
 * as nobody has asked the first: nothing is lost with it then. */
#define XK_FLUSHER_FLUSH 'f'
#define XK_FLUSHER_END 'e'

struct xk_flusher_options {
    const char *path; /* of its socket */
    int image_fd;     /* of the image, open; stays the caller's */
    /* Called in the new process, for it to give up what it does not need. */
    int (*jail)(void *context, struct xk_error *err);
    void *context;
};

/* 1: there is one that has known the image for longer; 0: there is none, and
 * what became of flushes before is not known. One of another image is ended. */
int xk_flusher_find(const struct xk_flusher_options *options,
                    struct xk_error *err);

/* Where there is none. By a process without other threads, and without an
 * io_uring: a copy of that would keep what is under way from ending with us. */
int xk_flusher_start(const struct xk_flusher_options *options,
                     struct xk_error *err);

/* Whether an error of its socket means that it has ended. After another one it
 * may live, and know of a failure. */
bool xk_flusher_is_gone(int error);

/* A connected socket, the caller's. Waits 5 s at most. */
int xk_flusher_connect(const char *path, struct xk_error *err);

/* By whoever has stopped the backend. 1: *error is what became of the flush, 0
 * or an errno, EPIPE where the flusher ended before it told; 0: there is none
 * that could be asked; -1: it could not be asked, or does not answer in time.
 */
int xk_flusher_flush(const char *path, int *error, struct xk_deadline deadline,
                     struct xk_error *err);

/* Nobody has asked it for anything, nor will: by a connection of it. It is gone
 * then, unless it does not answer. */
void xk_flusher_end(int fd);

#endif
