/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/frame.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/util.h"

static const char magic[4] = {'x', 'k', 'f', '1'};

enum {
    TYPE_AT = 4,
    FLAGS_AT = 6,
    SEQUENCE_AT = 8,
    LENGTH_AT = 16,
    EXPANDED_AT = 20,
    SUM_AT = 24,
};

static const char *const type_names[] = {
    [XK_FRAME_HELLO] = "hello",       [XK_FRAME_DOMAIN] = "domain",
    [XK_FRAME_VERDICT] = "verdict",   [XK_FRAME_PREPARE] = "prepare",
    [XK_FRAME_PREPARED] = "prepared", [XK_FRAME_DATA] = "data",
    [XK_FRAME_DATA_END] = "data-end", [XK_FRAME_RECEIVED] = "received",
    [XK_FRAME_COMMIT] = "commit",     [XK_FRAME_RUNNING] = "running",
    [XK_FRAME_CONFIRM] = "confirm",   [XK_FRAME_FAILED] = "failed",
    [XK_FRAME_ALIVE] = "alive",       [XK_FRAME_QUERY] = "query",
    [XK_FRAME_ANSWER] = "answer",     [XK_FRAME_FILE] = "file",
    [XK_FRAME_CHANNELS] = "channels", [XK_FRAME_OPENED] = "opened",
    [XK_FRAME_CHANNEL] = "channel",   [XK_FRAME_MEASURE] = "measure",
    [XK_FRAME_MEASURED] = "measured",
};
static_assert(XK_ARRAY_SIZE(type_names) == XK_FRAME_TYPE_COUNT,
              "a name per frame");

const char *
xk_frame_type_name(enum xk_frame_type type)
{
    if ((size_t)type >= XK_ARRAY_SIZE(type_names) || type_names[type] == NULL)
        return "unknown";
    return type_names[type];
}

/* ---- numbers of the header ---- */

static void
put16(unsigned char *at, uint16_t value)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof(value));
}

static void
put32(unsigned char *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
}

static void
put64(unsigned char *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
}

static uint16_t
get16(const unsigned char *at)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static uint32_t
get32(const unsigned char *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static uint64_t
get64(const unsigned char *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

static uint32_t
sum_of(const unsigned char *header, const void *payload, size_t length)
{
    return xk_crc32c(xk_crc32c(0, header, SUM_AT), payload, length);
}

/* ---- bytes ---- */

static int
write_bytes(struct xk_frame_stream *stream, const void *data, size_t length,
            struct xk_deadline deadline, struct xk_error *err)
{
    const char *at = data;

    while (length > 0) {
        ssize_t written = write(stream->fd, at, length);

        if (written == -1 && errno == EAGAIN) {
            if (xk_deadline_poll(deadline, stream->fd, POLLOUT, stream->what,
                                 err) == -1)
                return -1;
            continue;
        }
        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1)
            return xk_fail_errno(err, "write to %s", stream->what);
        at += written;
        length -= (size_t)written;
        stream->bytes += (size_t)written;
    }
    return 0;
}

/* Waits first: a descriptor may be a blocking one of somebody else's. */
static int
read_bytes(struct xk_frame_stream *stream, void *data, size_t length,
           struct xk_deadline deadline, struct xk_error *err)
{
    char *at = data;

    while (length > 0) {
        ssize_t got;

        if (xk_deadline_poll(deadline, stream->fd, POLLIN, stream->what, err) ==
            -1)
            return -1;
        got = read(stream->fd, at, length);
        if (got == -1 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got == -1)
            return xk_fail_errno(err, "read from %s", stream->what);
        if (got == 0)
            return xk_fail(err, XK_ERR_PROTOCOL, "%s ended too early",
                           stream->what);
        at += got;
        length -= (size_t)got;
        stream->bytes += (size_t)got;
    }
    return 0;
}

/* ---- frames ---- */

int
xk_frame_write(struct xk_frame_stream *stream, enum xk_frame_type type,
               unsigned flags, const void *payload, size_t length,
               size_t expanded, struct xk_deadline deadline,
               struct xk_error *err)
{
    unsigned char header[XK_FRAME_HEADER_SIZE];

    memcpy(header, magic, sizeof(magic));
    put16(header + TYPE_AT, (uint16_t)type);
    put16(header + FLAGS_AT, (uint16_t)flags);
    put64(header + SEQUENCE_AT, stream->sequence++);
    put32(header + LENGTH_AT, (uint32_t)length);
    put32(header + EXPANDED_AT, (uint32_t)expanded);
    put32(header + SUM_AT, sum_of(header, payload, length));
    if (write_bytes(stream, header, sizeof(header), deadline, err) == -1)
        return -1;
    return write_bytes(stream, payload, length, deadline, err);
}

int
xk_frame_write_text(struct xk_frame_stream *stream, enum xk_frame_type type,
                    const struct xk_buf *text, struct xk_deadline deadline,
                    struct xk_error *err)
{
    if (text->length > XK_FRAME_TEXT_MAX)
        return xk_fail(err, XK_ERR_FAILED,
                       "the frame \"%s\" would be longer than %d bytes",
                       xk_frame_type_name(type), XK_FRAME_TEXT_MAX);
    return xk_frame_write(stream, type, 0, text->data, text->length,
                          text->length, deadline, err);
}

static bool
holds_bytes(unsigned type)
{
    return type == XK_FRAME_DATA || type == XK_FRAME_CHANNEL;
}

/* Validate the header. The checksum is checked once the payload has been read.
 */
static int
check_header(const struct xk_frame_stream *stream, const unsigned char *header,
             struct xk_error *err)
{
    unsigned type = get16(header + TYPE_AT), flags = get16(header + FLAGS_AT);
    uint32_t length = get32(header + LENGTH_AT);
    uint32_t expanded = get32(header + EXPANDED_AT);
    uint32_t limit =
        holds_bytes(type) ? XK_FRAME_PAYLOAD_MAX : XK_FRAME_TEXT_MAX;

    if (length > limit || expanded > limit || (flags & ~XK_FRAME_FLAGS) != 0 ||
        type == 0 || type >= XK_FRAME_TYPE_COUNT ||
        ((flags & XK_FRAME_ZSTD) == 0 && expanded != length) ||
        ((flags & XK_FRAME_ZSTD) != 0 && type != XK_FRAME_DATA))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s sent an invalid frame: type %u, flags %#x, %u bytes",
                       stream->what, type, flags, length);
    if (get64(header + SEQUENCE_AT) != stream->sequence)
        return xk_fail(
            err, XK_ERR_PROTOCOL, "%s sent frame %llu; frame %llu was expected",
            stream->what, (unsigned long long)get64(header + SEQUENCE_AT),
            (unsigned long long)stream->sequence);
    return 0;
}

/* Check the magic first: a peer that does not speak frames may send less than a
 * header and then wait for an answer. */
static int
read_header(struct xk_frame_stream *stream,
            unsigned char header[XK_FRAME_HEADER_SIZE],
            struct xk_deadline deadline, struct xk_error *err)
{
    if (read_bytes(stream, header, sizeof(magic), deadline, err) == -1)
        return -1;
    if (memcmp(header, magic, sizeof(magic)) != 0)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "%s sent something that is not a frame of xk",
                       stream->what);
    return read_bytes(stream, header + sizeof(magic),
                      XK_FRAME_HEADER_SIZE - sizeof(magic), deadline, err);
}

int
xk_frame_read(struct xk_frame_stream *stream, struct xk_frame *frame,
              struct xk_deadline deadline, struct xk_error *err)
{
    unsigned char header[XK_FRAME_HEADER_SIZE];
    struct xk_buf *payload = &frame->payload;
    size_t length;

    if (read_header(stream, header, deadline, err) == -1 ||
        check_header(stream, header, err) == -1)
        return -1;
    length = get32(header + LENGTH_AT);
    payload->length = 0;
    if (read_bytes(stream, xk_buf_reserve(payload, length + 1), length,
                   deadline, err) == -1)
        return -1;
    payload->length = length;
    payload->data[length] = '\0';
    if (get32(header + SUM_AT) != sum_of(header, payload->data, length))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "frame %llu of %s was damaged in transit",
                       (unsigned long long)stream->sequence, stream->what);
    frame->type = get16(header + TYPE_AT);
    frame->flags = get16(header + FLAGS_AT);
    frame->expanded = get32(header + EXPANDED_AT);
    stream->sequence++;
    return 0;
}

struct xk_json *
xk_frame_parse(const struct xk_frame *frame, const char *what,
               struct xk_error *err)
{
    struct xk_json *json =
        xk_json_parse(frame->payload.data, frame->payload.length, what, err);

    if (json == NULL || xk_json_is_object(json))
        return json;
    xk_json_free(json);
    xk_fail(err, XK_ERR_PROTOCOL, "the frame \"%s\" of %s is not a JSON object",
            xk_frame_type_name(frame->type), what);
    return NULL;
}
