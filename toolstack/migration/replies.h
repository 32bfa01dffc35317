/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handle frames of the peer other than the expected one: errors, keepalives,
 * frames out of order. */
#ifndef XK_TOOLSTACK_MIGRATION_REPLIES_H
#define XK_TOOLSTACK_MIGRATION_REPLIES_H

#include "base/error.h"
#include "toolstack/migration/frame.h"

/* Turn a FAILED frame into an error of the same kind. Returns -1. */
int xk_peer_failed(const struct xk_frame *frame, const char *what,
                   struct xk_error *err);

/* Fail with XK_ERR_PROTOCOL because another frame was expected. Returns -1. */
int xk_peer_unexpected(const struct xk_frame *frame, const char *what,
                       const char *wanted, struct xk_error *err);

/* Send FAILED with this error, as the last frame. Failure to send is ignored.
 */
void xk_peer_tell_failed(struct xk_frame_stream *to,
                         const struct xk_error *error,
                         struct xk_deadline deadline);

/* Read the next frame, which must be of this type. ALIVE frames are skipped; a
 * FAILED frame becomes the error that it holds. */
int xk_peer_await(struct xk_frame_stream *from, enum xk_frame_type type,
                  struct xk_frame *frame, struct xk_deadline deadline,
                  struct xk_error *err);

#endif
