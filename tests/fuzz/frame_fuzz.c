/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames from another host or from the file of a saved domain, and the domain
 * that the first of them describes.
 *
 * If the input's first byte is 0, the rest is a raw stream. Otherwise the rest
 * is taken as frames whose magic, sequence and checksum are corrected first, so
 * that their contents are reached too. A frame that was read must be identical
 * when written again.
 */
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "tests/fuzz/must.h"
#include "toolstack/migration/frame.h"
#include "toolstack/migration/manifest.h"
#ifdef XK_WITH_KVM
#include "toolstack/kvm/copy_target.h"
#endif

enum {
    SEQUENCE_AT = 8,
    LENGTH_AT = 16,
    SUM_AT = 24,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

/* ---- corrected frames ---- */

static void
put_right(struct xk_buf *stream)
{
    uint64_t turn = 0;
    size_t at = 0;

    while (stream->length - at >= XK_FRAME_HEADER_SIZE) {
        char *head = stream->data + at;
        uint64_t sequence = htobe64(turn++);
        uint32_t length, sum;

        memcpy(&length, head + LENGTH_AT, sizeof(length));
        length = be32toh(length);
        if (length > stream->length - at - XK_FRAME_HEADER_SIZE)
            return;
        memcpy(head, "xkf1", 4);
        memcpy(head + SEQUENCE_AT, &sequence, sizeof(sequence));
        sum = xk_crc32c(0, head, SUM_AT);
        sum = xk_crc32c(sum, head + XK_FRAME_HEADER_SIZE, length);
        sum = htobe32(sum);
        memcpy(head + SUM_AT, &sum, sizeof(sum));
        at += XK_FRAME_HEADER_SIZE + length;
    }
}

/* ---- contents ---- */

static void
look_at_manifest(struct xk_json **json)
{
    struct xk_manifest manifest;
    struct xk_error err = {.kind = XK_ERR_COUNT};

    if (xk_manifest_take(json, "input", &manifest, &err) == -1) {
        must(err.kind != XK_ERR_COUNT && err.message[0] != '\0',
             "a refusal is typed and says why");
        xk_manifest_free(&manifest);
        return;
    }
    must(manifest.config != NULL && manifest.needs != NULL && *json == NULL,
         "what is taken is whole");
#ifdef XK_WITH_KVM
    xk_kvm_copies_read(xk_kvm_copies(manifest.needs), manifest.config, &err);
#endif
    xk_manifest_free(&manifest);
}

static void
look_at_frame(const struct xk_frame *frame)
{
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_error err = {.kind = XK_ERR_COUNT};

    must(frame->type > 0 && frame->type < XK_FRAME_TYPE_COUNT, "a known type");
    must(frame->payload.length <= XK_FRAME_PAYLOAD_MAX &&
             frame->expanded <= XK_FRAME_PAYLOAD_MAX,
         "what is held is bounded");
    if (frame->type == XK_FRAME_DATA || frame->type == XK_FRAME_CHANNEL)
        return;
    must(frame->flags == 0, "only data is compressed");
    json = xk_frame_parse(frame, "input", &err);
    must(json != NULL || err.kind == XK_ERR_PROTOCOL, "a refusal is typed");
    if (json != NULL &&
        (frame->type == XK_FRAME_FILE || frame->type == XK_FRAME_DOMAIN))
        look_at_manifest(&json);
}

/* ---- the stream ---- */

static int
file_of(const struct xk_buf *stream)
{
    int fd = memfd_create("input", MFD_CLOEXEC);

    must(fd != -1 && xk_write_all(fd, stream->data, stream->length) == 0 &&
             lseek(fd, 0, SEEK_SET) == 0,
         "there is memory");
    return fd;
}

static void
read_all(const struct xk_buf *stream, int in_fd, int out_fd)
{
    struct xk_frame_stream in = {.fd = in_fd, .what = "input"};
    struct xk_frame_stream out = {.fd = out_fd, .what = "output"};
    struct xk_error err = {.kind = XK_ERR_COUNT};
    XK_CLEANUP_BUF struct xk_buf again = {0};
    struct xk_frame frame = {0};
    uint64_t frames = 0;

    while (xk_frame_read(&in, &frame, xk_deadline_never(), &err) == 0) {
        frames++;
        look_at_frame(&frame);
        must(xk_frame_write(&out, frame.type, frame.flags, frame.payload.data,
                            frame.payload.length, frame.expanded,
                            xk_deadline_never(), NULL) == 0,
             "what was read can be written");
    }
    must(err.kind == XK_ERR_PROTOCOL && err.message[0] != '\0',
         "the end is typed and says why");
    must(in.sequence == frames && out.bytes <= stream->length,
         "no more is read than is there");
    must(lseek(out_fd, 0, SEEK_SET) == 0 &&
             xk_read_fd(out_fd, "output", stream->length + 1, &again, NULL) ==
                 0,
         "it can be read again");
    must(again.length == out.bytes &&
             (again.length == 0 ||
              memcmp(again.data, stream->data, again.length) == 0),
         "it is the same again");
    xk_buf_free(&frame.payload);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    XK_CLEANUP_BUF struct xk_buf stream = {0};
    XK_CLEANUP_BUF struct xk_buf nothing = {0};
    XK_CLEANUP_CLOSE int in_fd = -1;
    XK_CLEANUP_CLOSE int out_fd = -1;

    if (length < 2)
        return 0;
    xk_buf_append(&stream, data + 1, length - 1);
    if (data[0] != 0)
        put_right(&stream);
    xk_buf_puts(&nothing, "");
    in_fd = file_of(&stream);
    out_fd = file_of(&nothing);
    read_all(&stream, in_fd, out_fd);
    return 0;
}
