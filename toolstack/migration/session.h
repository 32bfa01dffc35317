/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exchange of frames, as both sides of a move do it. */
#ifndef XK_TOOLSTACK_MIGRATION_SESSION_H
#define XK_TOOLSTACK_MIGRATION_SESSION_H

#include "base/deadline.h"
#include "base/uuid.h"
#include "toolstack/migration/frame.h"

#define XK_MIGRATION_PROTOCOL 1

enum {
    XK_SILENCE_MS = 30000, /* the default */
    XK_SILENCE_MAX_MS = 3600000,
};

/* Both directions of the connection to the peer. */
struct xk_talk {
    struct xk_frame_stream *to, *from;
    int64_t silence_ms;    /* fail if the peer is silent for longer */
    struct xk_frame frame; /* the last frame read */
};

void xk_talk_end(struct xk_talk *talk);

/* Send a frame with the JSON object whose members put() writes; {} if put is
 * NULL. */
typedef int xk_talk_put(struct xk_json_writer *writer, void *context,
                        struct xk_error *err);
int xk_talk_say(struct xk_talk *talk, enum xk_frame_type type, xk_talk_put *put,
                void *context, struct xk_error *err);

/* Read the next frame, which must be of that type. *json (may be NULL) is owned
 * by the caller. */
int xk_talk_hear(struct xk_talk *talk, enum xk_frame_type type,
                 struct xk_json **json, struct xk_deadline deadline,
                 struct xk_error *err);

/* Exchange HELLO and check the peer's protocol. The source sends the move's
 * UUID and its silence limit; the target adopts both. */
int xk_talk_greet(struct xk_talk *talk, const struct xk_uuid *move,
                  struct xk_error *err);
int xk_talk_be_greeted(struct xk_talk *talk, struct xk_uuid *move,
                       struct xk_error *err);

#endif
