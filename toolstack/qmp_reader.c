/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/qmp_reader.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

/* The kind of a message is told by which of these members it has. */
static const struct {
    const char *member;
    enum xk_qmp_kind kind;
} kinds[] = {
    {"return", XK_QMP_RETURN},
    {"event", XK_QMP_EVENT},
    {"error", XK_QMP_ERROR},
    {"QMP", XK_QMP_GREETING},
};

void
xk_qmp_message_free(struct xk_qmp_message *message)
{
    xk_json_cleanup(&message->json);
    *message = (struct xk_qmp_message){0};
}

static int
fill_message(struct xk_qmp_message *message, struct xk_error *err)
{
    const struct xk_json *id = xk_json_get(message->json, "id");
    size_t i = 0;

    if (!xk_json_is_object(message->json))
        return xk_fail(err, XK_ERR_PROTOCOL, "QMP: not an object");
    while (i < XK_ARRAY_SIZE(kinds) &&
           xk_json_get(message->json, kinds[i].member) == NULL)
        i++;
    if (i == XK_ARRAY_SIZE(kinds))
        return xk_fail(err, XK_ERR_PROTOCOL, "QMP: no message of any kind");
    message->kind = kinds[i].kind;
    message->body = xk_json_get(message->json, kinds[i].member);
    message->has_id = id != NULL;
    if (id != NULL && !xk_json_integer(id, &message->id))
        return xk_fail(err, XK_ERR_PROTOCOL, "QMP: not an id of ours");
    if (message->kind == XK_QMP_EVENT) {
        message->event = xk_json_string(message->body);
        message->body = xk_json_get(message->json, "data");
        if (message->event == NULL)
            return xk_fail(err, XK_ERR_PROTOCOL, "QMP: an event has no name");
    }
    if (message->kind == XK_QMP_ERROR &&
        (xk_json_string(xk_json_get(message->body, "class")) == NULL ||
         xk_json_string(xk_json_get(message->body, "desc")) == NULL))
        return xk_fail(err, XK_ERR_PROTOCOL, "QMP: an error does not say what");
    return 0;
}

int
xk_qmp_message_parse(const char *line, size_t length,
                     struct xk_qmp_message *message, struct xk_error *err)
{
    *message = (struct xk_qmp_message){0};
    if (length > XK_QMP_LINE_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "QMP: a message is longer than %d bytes",
                       XK_QMP_LINE_MAX);
    message->json = xk_json_parse(line, length, "QMP", err);
    if (message->json == NULL)
        return -1;
    if (fill_message(message, err) == -1) {
        xk_qmp_message_free(message);
        return -1;
    }
    return 0;
}

void
xk_qmp_reader_feed(struct xk_qmp_reader *reader, const void *data,
                   size_t length)
{
    if (!reader->broken)
        xk_buf_append(&reader->buf, data, length);
}

static bool
is_blank(const char *line, size_t length)
{
    if (length > XK_QMP_LINE_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

/* Length of the first line in the buffer, or -1 while it has no newline. Bytes
 * that were searched before are not searched again. */
static ssize_t
find_line(struct xk_qmp_reader *reader)
{
    size_t left = reader->buf.length - reader->scanned;
    const char *from = left == 0 ? NULL : reader->buf.data + reader->scanned;
    const char *end = left == 0 ? NULL : memchr(from, '\n', left);

    if (end != NULL)
        return end - reader->buf.data;
    reader->scanned = reader->buf.length;
    return -1;
}

static void
drop_line(struct xk_qmp_reader *reader, size_t length)
{
    xk_buf_consume(&reader->buf, length + 1);
    reader->scanned = 0;
}

static int
give_up(struct xk_qmp_reader *reader)
{
    xk_qmp_reader_free(reader);
    reader->broken = true;
    return -1;
}

int
xk_qmp_reader_next(struct xk_qmp_reader *reader, struct xk_qmp_message *message,
                   struct xk_error *err)
{
    ssize_t length;

    *message = (struct xk_qmp_message){0};
    if (reader->broken)
        return xk_fail(err, XK_ERR_PROTOCOL, "QMP: the stream is broken");
    while ((length = find_line(reader)) != -1 &&
           is_blank(reader->buf.data, (size_t)length))
        drop_line(reader, (size_t)length);
    if (length == -1 && reader->buf.length <= XK_QMP_LINE_MAX)
        return 0;
    if (length == -1)
        length = (ssize_t)reader->buf.length;
    if (xk_qmp_message_parse(reader->buf.data, (size_t)length, message, err) ==
        -1)
        return give_up(reader);
    drop_line(reader, (size_t)length);
    return 1;
}

bool
xk_qmp_reader_is_amid(const struct xk_qmp_reader *reader)
{
    return reader->buf.length > 0;
}

void
xk_qmp_reader_free(struct xk_qmp_reader *reader)
{
    xk_buf_free(&reader->buf);
    *reader = (struct xk_qmp_reader){0};
}
