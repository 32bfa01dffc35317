/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The QMP reader's result does not depend on the pieces in which a stream
 * arrives and never exceeds the stream; once the reader has refused it, it
 * returns nothing more. The state derived from a log of events does not depend
 * on where reading it was interrupted.
 *
 * The input's first byte is the length of the pieces.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/fuzz/must.h"
#include "toolstack/kvm/events.h"
#include "toolstack/qmp_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void
describe(const struct xk_qmp_message *message, struct xk_buf *story)
{
    must(xk_json_is_object(message->json), "a message is an object");
    must((message->kind == XK_QMP_EVENT) == (message->event != NULL),
         "events have names, and nothing else has");
    must(message->kind == XK_QMP_EVENT || message->body != NULL,
         "what is no event has a body");
    must(message->kind != XK_QMP_ERROR ||
             xk_json_string(xk_json_get(message->body, "desc")) != NULL,
         "an error says what");
    xk_buf_printf(story, "%d %d %lld %s\n", (int)message->kind, message->has_id,
                  (long long)message->id,
                  message->event != NULL ? message->event : "");
}

/* Take all complete messages. Returns false once the reader refuses. */
static bool
take_messages(struct xk_qmp_reader *reader, struct xk_buf *story)
{
    struct xk_qmp_message message;
    struct xk_error err = {.kind = XK_ERR_COUNT};
    int r;

    while ((r = xk_qmp_reader_next(reader, &message, &err)) == 1) {
        describe(&message, story);
        xk_qmp_message_free(&message);
    }
    if (r == 0)
        return true;
    must(err.kind == XK_ERR_PROTOCOL && err.message[0] != '\0',
         "a refusal is typed and says why");
    must(message.json == NULL, "a refusal leaves no message");
    must(xk_qmp_reader_next(reader, &message, NULL) == -1,
         "a refusal is final");
    must(!xk_qmp_reader_is_amid(reader), "after a refusal nothing is held");
    xk_buf_puts(story, "refused\n");
    return false;
}

static void
read_stream(const uint8_t *data, size_t length, size_t piece,
            struct xk_buf *story)
{
    struct xk_qmp_reader reader = {0};
    bool goes_on = true;

    for (size_t at = 0; goes_on && at < length; at += piece) {
        xk_qmp_reader_feed(&reader, data + at,
                           length - at < piece ? length - at : piece);
        goes_on = take_messages(&reader, story);
        must(reader.buf.length <= XK_QMP_LINE_MAX, "what is held is bounded");
    }
    xk_buf_puts(story, xk_qmp_reader_is_amid(&reader) ? "amid" : "");
    xk_qmp_reader_free(&reader);
}

static bool
same_run(const struct xk_kvm_run *a, const struct xk_kvm_run *b)
{
    return a->state == b->state && a->reason == b->reason &&
           a->powered_off == b->powered_off && a->ending == b->ending &&
           a->stop_unexplained == b->stop_unexplained &&
           a->negotiated == b->negotiated;
}

static void
read_log(const char *text, size_t length, size_t cut)
{
    struct xk_kvm_run whole, parted;
    size_t taken;

    if (length > XK_KVM_EVENT_MAX)
        return;
    xk_kvm_run_init(&whole);
    xk_kvm_run_init(&parted);
    xk_kvm_run_take_text(&whole, text, length, 1, NULL);
    taken = xk_kvm_run_take_text(&parted, text, cut, 1, NULL);
    must(taken <= cut, "no more is taken than is there");
    xk_kvm_run_take_text(&parted, text + taken, length - taken, 1, NULL);
    must(same_run(&whole, &parted), "reading may be interrupted");
    must(whole.state < XK_STATE_COUNT && whole.reason < XK_STOP_COUNT,
         "the state is one");
    must(
        (whole.state == XK_STATE_CRASHED) ==
            (whole.reason == XK_STOP_CRASH && whole.state != XK_STATE_SHUTDOWN),
        "only a crash is crashed");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    XK_CLEANUP_BUF struct xk_buf whole = {0};
    XK_CLEANUP_BUF struct xk_buf pieces = {0};
    size_t piece;

    if (length == 0)
        return 0;
    piece = (size_t)data[0] + 1;
    data++;
    length--;
    read_stream(data, length, length + 1, &whole);
    read_stream(data, length, piece, &pieces);
    xk_buf_puts(&whole, "");
    xk_buf_puts(&pieces, "");
    must(strcmp(whole.data, pieces.data) == 0,
         "pieces do not change what is read");
    read_log((const char *)data, length, length < piece ? length : piece);
    return 0;
}
