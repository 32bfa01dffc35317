/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flusher: one process per image that flushes it, and that outlives the
 * backend that writes it. It exists because the kernel reports a failed flush
 * only once, to the process that asked. A backend may be killed while it waits
 * for a flush, and its successor would be told that all is well.
 *
 * How it works. The flusher has an open file description of the image that is
 * older than the first write. It listens on a socket in the device's directory.
 * Each queue has a connection, on which it asks with one byte and receives an
 * errno. One flush answers every client that asked before it began. After a
 * failed flush the flusher never flushes again and repeats the error.
 *
 * It ends when the toolstack ends it; when the backend that started it could
 * not begin and asked for no flush; or when its socket's file is gone and
 * nobody is connected. A file next to the socket, named as the socket with
 * ".json" appended, says which process it is; the flusher writes that file
 * while it is still root.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_FLUSHER_H
#define XK_BACKENDS_BLOCK_ENGINE_FLUSHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/error.h"

/* The requests. FLUSH is answered. END is not, and is obeyed only if nobody has
 * asked for a flush yet, because the flusher then knows nothing that could be
 * lost. */
#define XK_FLUSHER_FLUSH 'f'
#define XK_FLUSHER_END 'e'

struct xk_flusher_options {
    const char *path; /* of its socket */
    int image_fd;     /* an open descriptor of the image; stays the caller's */
    /* Called in the new process, to drop the privileges it does not need. */
    int (*jail)(void *context, struct xk_error *err);
    void *context;
};

/* Returns 1 if the image has a flusher, which knows the results of earlier
 * flushes; 0 if it has none, and those results are unknown. Kills a flusher
 * that has another image open. */
int xk_flusher_find(const struct xk_flusher_options *options,
                    struct xk_error *err);

/* Start a flusher, if there is none. The caller must have no other threads and
 * no io_uring: the flusher would inherit it, and so keep the caller's requests
 * alive when the caller ends. */
int xk_flusher_start(const struct xk_flusher_options *options,
                     struct xk_error *err);

/* Returns true if this error of the socket means that the flusher has ended.
 * After any other error it may live, and know of a failed flush. */
bool xk_flusher_is_gone(int error);

/* Returns a connected socket, owned by the caller. Waits at most 5 s. */
int xk_flusher_connect(const char *path, struct xk_error *err);

/* Ask the flusher for a flush, without a backend. 1: *error is the result: 0,
 * an errno, or EPIPE if the flusher ended before it answered. 0: there is no
 * flusher to ask. -1: it could not be asked, or did not answer in time. */
int xk_flusher_flush(const char *path, int *error, struct xk_deadline deadline,
                     struct xk_error *err);

/* End a flusher that nobody has asked for a flush, through a connection to it.
 * It has ended on return, unless it does not react. */
void xk_flusher_end(int fd);

#endif
