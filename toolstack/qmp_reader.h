/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes from a QMP peer -> checked messages. The peer may be hostile: the
 * length and the depth of a line are bounded. Anything that is not a QMP
 * message is an error, after which the reader returns nothing more.
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
    const struct xk_json *body; /* the return value, the data of an event (NULL:
                                   none), or the error object */
    const char *event;          /* the name; only of an event */
    bool has_id;
    int64_t id;
};

/* A zeroed struct is a reader at the start of a stream. */
struct xk_qmp_reader {
    struct xk_buf buf;
    size_t scanned; /* bytes of buf known to hold no newline */
    bool broken;
};

/* Append bytes from the peer, at most a few KiB at once: bytes not yet consumed
 * by xk_qmp_reader_next() stay in memory. */
void xk_qmp_reader_feed(struct xk_qmp_reader *reader, const void *data,
                        size_t length);

/* Get the next message. 1: *message is set, and the caller owns it; 0: more
 * bytes are needed; -1: XK_ERR_PROTOCOL, from this call on. */
int xk_qmp_reader_next(struct xk_qmp_reader *reader,
                       struct xk_qmp_message *message, struct xk_error *err);

/* Return whether the reader holds bytes of an unfinished message. */
bool xk_qmp_reader_is_amid(const struct xk_qmp_reader *reader);

void xk_qmp_reader_free(struct xk_qmp_reader *reader);

/* Parse and check one line, without its newline. */
int xk_qmp_message_parse(const char *line, size_t length,
                         struct xk_qmp_message *message, struct xk_error *err);
void xk_qmp_message_free(struct xk_qmp_message *message);
#define XK_CLEANUP_QMP_MESSAGE __attribute__((cleanup(xk_qmp_message_free)))

#endif
