/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/frame_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    HEADER_BYTES = 4,
    IN_MAX = 256 * 1024,
};

void
xk_stream_init(struct xk_stream *stream)
{
    *stream = (struct xk_stream){.fd = -1};
    stream->in = xk_calloc(1, IN_MAX);
    stream->out = xk_calloc(1, XK_STREAM_OUT_MAX);
}

void
xk_stream_free(struct xk_stream *stream)
{
    xk_stream_detach(stream);
    free(stream->in);
    free(stream->out);
}

void
xk_stream_detach(struct xk_stream *stream)
{
    if (stream->fd != -1)
        close(stream->fd);
    stream->fd = -1;
    stream->in_from = stream->in_bytes = 0;
    stream->out_from = stream->out_bytes = 0;
    stream->has_failed = false;
}

void
xk_stream_attach(struct xk_stream *stream, int fd)
{
    xk_stream_detach(stream);
    stream->fd = fd;
}

bool
xk_stream_is_behind(const struct xk_stream *stream)
{
    return stream->fd != -1 && !stream->has_failed && stream->out_bytes > 0;
}

/* ---- sending ---- */

/* Not detached here: a frame of the same peer may be under way. */
void
xk_stream_flush(struct xk_stream *stream)
{
    while (xk_stream_is_behind(stream)) {
        ssize_t sent = send(stream->fd, stream->out + stream->out_from,
                            stream->out_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent == -1 && errno == EINTR)
            continue;
        if (sent <= 0) {
            stream->has_failed =
                errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM;
            return;
        }
        stream->out_from += (size_t)sent;
        stream->out_bytes -= (size_t)sent;
    }
    stream->out_from = 0;
}

static void
keep(struct xk_stream *stream, const void *bytes, size_t count)
{
    memcpy(stream->out + stream->out_from + stream->out_bytes, bytes, count);
    stream->out_bytes += count;
}

static bool
make_room(struct xk_stream *stream, size_t bytes)
{
    if (stream->out_bytes + bytes > XK_STREAM_OUT_MAX)
        return false;
    if (stream->out_from + stream->out_bytes + bytes > XK_STREAM_OUT_MAX) {
        memmove(stream->out, stream->out + stream->out_from, stream->out_bytes);
        stream->out_from = 0;
    }
    return true;
}

static bool
has_room(struct xk_stream *stream, size_t bytes)
{
    if (make_room(stream, bytes))
        return true;
    xk_stream_flush(stream);
    return make_room(stream, bytes);
}

void
xk_stream_keep(struct xk_stream *stream, const void *frame, size_t bytes)
{
    const uint8_t header[HEADER_BYTES] = {
        (uint8_t)(bytes >> 24), (uint8_t)(bytes >> 16), (uint8_t)(bytes >> 8),
        (uint8_t)bytes};

    if (stream->fd == -1)
        return;
    if (bytes > XK_STREAM_FRAME_MAX ||
        !has_room(stream, HEADER_BYTES + bytes)) {
        stream->dropped++;
        return;
    }
    keep(stream, header, sizeof(header));
    keep(stream, frame, bytes);
}

void
xk_stream_send(struct xk_stream *stream, const void *frame, size_t bytes)
{
    xk_stream_keep(stream, frame, bytes);
    xk_stream_flush(stream);
}

/* ---- receiving ---- */

static size_t
frame_length(const uint8_t *header)
{
    return (size_t)header[0] << 24 | (size_t)header[1] << 16 |
           (size_t)header[2] << 8 | header[3];
}

const uint8_t *
xk_stream_next(struct xk_stream *stream, size_t *bytes)
{
    const uint8_t *header = stream->in + stream->in_from;

    if (stream->in_bytes < HEADER_BYTES)
        return NULL;
    *bytes = frame_length(header);
    if (*bytes < XK_STREAM_FRAME_MIN || *bytes > XK_STREAM_FRAME_MAX) {
        xk_stream_detach(stream);
        return NULL;
    }
    if (stream->in_bytes - HEADER_BYTES < *bytes)
        return NULL;
    stream->in_from += HEADER_BYTES + *bytes;
    stream->in_bytes -= HEADER_BYTES + *bytes;
    return header + HEADER_BYTES;
}

bool
xk_stream_receive(struct xk_stream *stream)
{
    ssize_t got;

    memmove(stream->in, stream->in + stream->in_from, stream->in_bytes);
    stream->in_from = 0;
    got = recv(stream->fd, stream->in + stream->in_bytes,
               IN_MAX - stream->in_bytes, MSG_DONTWAIT);
    if (got > 0)
        stream->in_bytes += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        xk_stream_detach(stream);
        return false;
    }
    return true;
}
