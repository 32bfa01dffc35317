/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes from a QMP peer -> checked messages. The peer may be hostile: the
 * length of a line and its depth are bounded. Anything but a QMP message is an
 * error, after which the reader returns no more messages.
 *
 * Source: docs/interop/qmp-spec.txt of QEMU 7.2.
 */
#ifndef XK_TOOLSTACK_QMP_READER_H
#define XK_TOOLSTACK_QMP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

enum {
    XK_QMP_LINE_MAX = 256 * 1024, /* bytes, without the newline */
};

enum xk_qmp_kind {
    XK_QMP_GREETING,
    XK_QMP_RETURN,
    XK_QMP_ERROR,
    XK_QMP_EVENT,
};

struct xk_qmp_message {
    enum xk_qmp_kind kind;
    struct xk_json *json;       /* owns all below; xk_qmp_message_free() */
    const struct xk_json *body; /* the command's result, an event's data (NULL:
                                   none), or the error's object */
    const char *event;          /* the name; of an event only */
    bool has_id;
    int64_t id;
};

/* A zeroed struct is a reader at the start of a stream. */
struct xk_qmp_reader {
    struct xk_buf buf;
    size_t scanned; /* of buf, known to hold no newline */
    bool broken;
};

/* Add bytes from the peer, at most some KiB at once: they stay in memory until
 * xk_qmp_reader_next() takes them out. */
void xk_qmp_reader_feed(struct xk_qmp_reader *reader, const void *data,
                        size_t length);

/* Take the next message. 1: the caller frees *message; 0: more bytes are
 * needed; -1: XK_ERR_PROTOCOL, now and at every later call. */
int xk_qmp_reader_next(struct xk_qmp_reader *reader,
                       struct xk_qmp_message *message, struct xk_error *err);

/* Whether bytes of an unfinished message are held. */
bool xk_qmp_reader_is_amid(const struct xk_qmp_reader *reader);

void xk_qmp_reader_free(struct xk_qmp_reader *reader);

/* Check one line, without its newline, and say what it is. */
int xk_qmp_message_parse(const char *line, size_t length,
                         struct xk_qmp_message *message, struct xk_error *err);
void xk_qmp_message_free(struct xk_qmp_message *message);
#define XK_CLEANUP_QMP_MESSAGE __attribute__((cleanup(xk_qmp_message_free)))

#endif
