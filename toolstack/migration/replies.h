/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What frames of the other side can mean besides what was to come. */
#ifndef XK_TOOLSTACK_MIGRATION_REPLIES_H
#define XK_TOOLSTACK_MIGRATION_REPLIES_H

#include "base/error.h"
#include "toolstack/migration/frame.h"

/* A FAILED frame as an error, with the kind that it had there; returns -1. */
int xk_peer_failed(const struct xk_frame *frame, const char *what,
                   struct xk_error *err);

/* XK_ERR_PROTOCOL: the frame is not the one that was to come; -1. */
int xk_peer_unexpected(const struct xk_frame *frame, const char *what,
                       const char *wanted, struct xk_error *err);

/* Tell the other side of an error, before it is given up. */
void xk_peer_tell_failed(struct xk_frame_stream *to,
                         const struct xk_error *error,
                         struct xk_deadline deadline);

/* The next frame, which must be of this type; ALIVE ones are passed over, and
 * a FAILED one is the error it holds. */
int xk_peer_await(struct xk_frame_stream *from, enum xk_frame_type type,
                  struct xk_frame *frame, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
