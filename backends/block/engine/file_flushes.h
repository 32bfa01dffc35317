/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flushes of one queue of a raw image: by the image's flusher (flusher.h),
 * or by the queue itself if there is no flusher.
 */
#ifndef XK_BACKENDS_BLOCK_ENGINE_FILE_FLUSHES_H
#define XK_BACKENDS_BLOCK_ENGINE_FILE_FLUSHES_H

#include "backends/block/engine/engine.h"

struct xk_file_flushes;

/* fd: a descriptor of the image for these flushes alone; this call takes it,
 * also if it fails. asking: how many queues of the image wait for the
 * flusher. */
struct xk_file_flushes *xk_file_flushes_new(struct xk_engine *engine,
                                            struct xk_loop *loop, int fd,
                                            _Atomic unsigned *asking,
                                            struct xk_error *err);
void xk_file_flushes_add(struct xk_file_flushes *flushes, struct xk_io *io);
void xk_file_flushes_free(struct xk_file_flushes *flushes);

#endif
