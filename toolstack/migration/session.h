/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both sides of a move say and check alike. */
#ifndef XK_TOOLSTACK_MIGRATION_SESSION_H
#define XK_TOOLSTACK_MIGRATION_SESSION_H

#include "base/deadline.h"
#include "base/uuid.h"
#include "toolstack/migration/frame.h"

#define XK_MIGRATION_PROTOCOL 1

enum {
    XK_SILENCE_MS = 30000, /* where nothing else is said */
    XK_SILENCE_MAX_MS = 3600000,
};

/* Both ways to the peer. */
struct xk_talk {
    struct xk_frame_stream *to, *from;
    int64_t silence_ms;    /* it may say nothing for so long */
    struct xk_frame frame; /* the last one read */
};

void xk_talk_end(struct xk_talk *talk);

/* Send a frame whose JSON is written by put(), or {} where that is NULL. */
typedef int xk_talk_put(struct xk_json_writer *writer, void *context,
                        struct xk_error *err);
int xk_talk_say(struct xk_talk *talk, enum xk_frame_type type, xk_talk_put *put,
                void *context, struct xk_error *err);

/* The next frame, which must be of that type; *json (may be NULL) is the
 * caller's. */
int xk_talk_hear(struct xk_talk *talk, enum xk_frame_type type,
                 struct xk_json **json, struct xk_deadline deadline,
                 struct xk_error *err);

/* Say who we are for a move, and check who the peer is. move is said by the
 * source; the target hears it, and how long it may be silent. */
int xk_talk_greet(struct xk_talk *talk, const struct xk_uuid *move,
                  struct xk_error *err);
int xk_talk_be_greeted(struct xk_talk *talk, struct xk_uuid *move,
                       struct xk_error *err);

#endif
