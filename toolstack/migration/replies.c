/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/replies.h"

#include "base/cleanup.h"

int
xk_peer_failed(const struct xk_frame *frame, const char *what,
               struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json = xk_frame_parse(frame, what, err);

    if (json == NULL || xk_json_need_string(json, "message", err) == NULL)
        return -1;
    xk_json_take_error(json, err);
    return xk_wrap(err, "%s says", what);
}

int
xk_peer_unexpected(const struct xk_frame *frame, const char *what,
                   const char *wanted, struct xk_error *err)
{
    return xk_fail(err, XK_ERR_PROTOCOL,
                   "%s sent \"%s\" where \"%s\" was expected", what,
                   xk_frame_type_name(frame->type), wanted);
}

void
xk_peer_tell_failed(struct xk_frame_stream *to, const struct xk_error *error,
                    struct xk_deadline deadline)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_error(writer, error);
    xk_json_close_object(writer);
    xk_frame_write_text(to, XK_FRAME_FAILED, &text, deadline, NULL);
}

int
xk_peer_await(struct xk_frame_stream *from, enum xk_frame_type type,
              struct xk_frame *frame, struct xk_deadline deadline,
              struct xk_error *err)
{
    do {
        if (xk_frame_read(from, frame, deadline, err) == -1)
            return -1;
    } while (frame->type == XK_FRAME_ALIVE);
    if (frame->type == type)
        return 0;
    if (frame->type == XK_FRAME_FAILED)
        return xk_peer_failed(frame, from->what, err);
    return xk_peer_unexpected(frame, from->what, xk_frame_type_name(type), err);
}
