/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/session.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/migration/replies.h"

void
xk_talk_end(struct xk_talk *talk)
{
    xk_buf_free(&talk->frame.payload);
}

int
xk_talk_say(struct xk_talk *talk, enum xk_frame_type type, xk_talk_put *put,
            void *context, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    if (put != NULL && put(writer, context, err) == -1)
        return -1;
    xk_json_close_object(writer);
    return xk_frame_write_text(talk->to, type, &text,
                               xk_deadline_in_ms(talk->silence_ms), err);
}

int
xk_talk_hear(struct xk_talk *talk, enum xk_frame_type type,
             struct xk_json **json, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *heard = NULL;

    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(talk->silence_ms));
    if (xk_peer_await(talk->from, type, &talk->frame, deadline, err) == -1)
        return -1;
    heard = xk_frame_parse(&talk->frame, talk->from->what, err);
    if (heard == NULL)
        return -1;
    if (json != NULL)
        *json = XK_TAKE(heard);
    return 0;
}

/* ---- greetings ---- */

struct greeting {
    const struct xk_talk *talk;
    const struct xk_uuid *move; /* NULL in the target's greeting */
};

static int
put_greeting(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    const struct greeting *greeting = context;
    char host_name[256] = "";
    char uuid[XK_UUID_TEXT_SIZE];

    (void)err;
    gethostname(host_name, sizeof(host_name) - 1);
    xk_json_put_integer(writer, "protocol", XK_MIGRATION_PROTOCOL);
    xk_json_put_string(writer, "version", PACKAGE_VERSION);
    xk_json_put_string(writer, "host", host_name);
    if (greeting->move == NULL)
        return 0;
    xk_uuid_format(greeting->move, uuid);
    xk_json_put_string(writer, "move", uuid);
    xk_json_put_integer(writer, "silence_ms", greeting->talk->silence_ms);
    return 0;
}

static int
check_greeting(const struct xk_talk *talk, const struct xk_json *json,
               struct xk_error *err)
{
    const char *version = xk_json_string(xk_json_get(json, "version"));
    int64_t protocol = 0;

    xk_json_integer(xk_json_get(json, "protocol"), &protocol);
    if (protocol == XK_MIGRATION_PROTOCOL)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "%s runs xk %.20s, which speaks protocol %lld; this is xk "
                   "%s with protocol %d: upgrade the older one",
                   talk->from->what, version != NULL ? version : "?",
                   (long long)protocol, PACKAGE_VERSION, XK_MIGRATION_PROTOCOL);
}

int
xk_talk_greet(struct xk_talk *talk, const struct xk_uuid *move,
              struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct greeting greeting = {talk, move};

    if (xk_talk_say(talk, XK_FRAME_HELLO, put_greeting, &greeting, err) == -1 ||
        xk_talk_hear(talk, XK_FRAME_HELLO, &json, xk_deadline_never(), err) ==
            -1)
        return -1;
    return check_greeting(talk, json, err);
}

int
xk_talk_be_greeted(struct xk_talk *talk, struct xk_uuid *move,
                   struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct greeting greeting = {talk, NULL};
    const char *uuid;
    int64_t silence_ms = 0;

    if (xk_talk_hear(talk, XK_FRAME_HELLO, &json, xk_deadline_never(), err) ==
            -1 ||
        xk_talk_say(talk, XK_FRAME_HELLO, put_greeting, &greeting, err) == -1 ||
        check_greeting(talk, json, err) == -1)
        return -1;
    uuid = xk_json_need_string(json, "move", err);
    if (uuid == NULL)
        return -1;
    if (!xk_uuid_parse(uuid, move))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s sent a move that is not a UUID", talk->from->what);
    if (xk_json_integer(xk_json_get(json, "silence_ms"), &silence_ms) &&
        silence_ms > 0 && silence_ms <= XK_SILENCE_MAX_MS)
        talk->silence_ms = silence_ms;
    return 0;
}
