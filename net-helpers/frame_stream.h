/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet frames over a stream socket, each behind its length (32 bits,
 * big-endian): as QEMU's "-netdev stream" and passt have it.
 *
 * The peer is a process that a guest may have taken over. It is never waited
 * for: what it does not read is kept up to a bound and dropped beyond, as on a
 * wire.
 */
#ifndef XK_NET_HELPERS_FRAME_STREAM_H
#define XK_NET_HELPERS_FRAME_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    XK_STREAM_FRAME_MIN = 14,
    XK_STREAM_FRAME_MAX = 65550, /* of 65536 bytes with an Ethernet header */
    XK_STREAM_OUT_MAX = 512 * 1024,
};

struct xk_stream {
    int fd; /* non-blocking; the stream's. -1: nobody is connected */
    uint8_t *in, *out;
    size_t in_from, in_bytes;
    size_t out_from, out_bytes;
    bool has_failed;  /* it takes nothing any more: the owner detaches it */
    uint64_t dropped; /* frames for which there was no room */
};

void xk_stream_init(struct xk_stream *stream);
void xk_stream_free(struct xk_stream *stream);

/* Connect a peer in place of the old one; detach drops the peer, with what it
 * has not read. */
void xk_stream_attach(struct xk_stream *stream, int fd);
void xk_stream_detach(struct xk_stream *stream);

/* Send a frame, or keep it, or drop it. */
void xk_stream_send(struct xk_stream *stream, const void *frame, size_t bytes);

/* The same, but nothing is written before xk_stream_flush(), unless there is no
 * room: one system call for many frames. */
void xk_stream_keep(struct xk_stream *stream, const void *frame, size_t bytes);

/* Whether something is kept, so that to wait for POLLOUT makes sense. */
bool xk_stream_is_behind(const struct xk_stream *stream);
/* Write what is kept, as far as that goes. */
void xk_stream_flush(struct xk_stream *stream);

/* Read once; xk_stream_next() has given NULL before. False: the peer has gone,
 * and is detached. Frames that were given are void. */
bool xk_stream_receive(struct xk_stream *stream);

/* The next frame that was received whole, and its length; NULL: there is none
 * yet. A peer that sends a length that no frame has is detached. */
const uint8_t *xk_stream_next(struct xk_stream *stream, size_t *bytes);

#endif
