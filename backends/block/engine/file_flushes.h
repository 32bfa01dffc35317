/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flushes of one queue of a raw image: by the process that flushes it
 * (flusher.h), or by the queue itself where there is none.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_FILE_FLUSHES_H
#define XK_BACKENDS_BLOCK_ENGINE_FILE_FLUSHES_H

#include "backends/block/engine/engine.h"

struct xk_file_flushes;

/* fd: of the image, for these flushes alone; it is closed with them, and where
 * this fails. asking: how many queues of the image wait for that process. */
struct xk_file_flushes *xk_file_flushes_new(struct xk_engine *engine,
                                            struct xk_loop *loop, int fd,
                                            _Atomic unsigned *asking,
                                            struct xk_error *err);
void xk_file_flushes_add(struct xk_file_flushes *flushes, struct xk_io *io);
void xk_file_flushes_free(struct xk_file_flushes *flushes);

#endif
