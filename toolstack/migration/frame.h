/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames: the format in which a domain is written to a file or to another host.
 *
 * A frame is a header of XK_FRAME_HEADER_SIZE bytes, big-endian, and a payload:
 *
 *   0  magic "xkf1"         16  length of the payload
 *   4  type                 20  length of the payload when decompressed
 *   6  flags                24  CRC-32C over bytes 0 to 23 and the payload
 *   8  sequence, 64 bits
 *
 * Each direction numbers its frames from 0, so that a lost, repeated or
 * reordered frame is noticed, as is a damaged one. This file validates the form
 * of a frame; whoever uses the frame validates its meaning.
 */
#ifndef XK_TOOLSTACK_MIGRATION_FRAME_H
#define XK_TOOLSTACK_MIGRATION_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/json.h"

enum {
    XK_FRAME_HEADER_SIZE = 28,
    XK_FRAME_PAYLOAD_MAX = 1 << 20, /* also when decompressed */
    XK_FRAME_TEXT_MAX = 256 << 10,  /* payload of a frame that holds JSON */
};

/* In the order of a migration. All but DATA and CHANNEL hold a JSON object. */
enum xk_frame_type {
    XK_FRAME_HELLO = 1, /* both: version, hypervisor, host */
    XK_FRAME_DOMAIN,    /* source: configuration and needs */
    XK_FRAME_VERDICT,   /* target: ok, or every reason against it */
    XK_FRAME_PREPARE,   /* source: prepare to receive it */
    XK_FRAME_PREPARED,  /* target */
    XK_FRAME_DATA,      /* source: bytes of the hypervisor's stream */
    XK_FRAME_DATA_END,  /* source: length and hash of that stream */
    XK_FRAME_RECEIVED,  /* target: complete, and able to run */
    XK_FRAME_COMMIT,    /* source: the domain is yours */
    XK_FRAME_RUNNING,   /* target: it is mine, running or paused as it was */
    XK_FRAME_CONFIRM,   /* source: mine is destroyed */
    XK_FRAME_FAILED,    /* either: an error; the last frame */
    XK_FRAME_ALIVE,     /* either: keepalive */
    XK_FRAME_QUERY,     /* source: what was decided about that move? */
    XK_FRAME_ANSWER,    /* target: the decision */
    XK_FRAME_FILE,      /* the first frame of a saved domain */
    XK_FRAME_CHANNELS,  /* source: this connection is for a move's disks */
    XK_FRAME_OPENED,    /* target: channels follow */
    XK_FRAME_CHANNEL,   /* either: data of one channel (channel.h) */
    XK_FRAME_MEASURE,   /* source: so many bytes follow (link_speed.h) */
    XK_FRAME_MEASURED,  /* target: they arrived */
    XK_FRAME_TYPE_COUNT,
};

enum {
    XK_FRAME_ZSTD = 1 << 0, /* the payload is one zstd frame (RFC 8878) */
    XK_FRAME_FLAGS = XK_FRAME_ZSTD,
};

/* One direction of a byte stream. */
struct xk_frame_stream {
    int fd;           /* not owned; should be non-blocking */
    const char *what; /* for errors: "the other host", "\"web.save\"" */
    uint64_t sequence;
    uint64_t bytes; /* so far, with headers */
};

struct xk_frame {
    enum xk_frame_type type;
    unsigned flags;
    struct xk_buf payload; /* as received: not decompressed */
    size_t expanded;       /* its length when decompressed */
};

const char *xk_frame_type_name(enum xk_frame_type type); /* "commit" */

/* Write one frame. Without XK_FRAME_ZSTD in flags, expanded equals length.
 * XK_ERR_TIMEOUT if the peer accepts no data until the deadline. After an error
 * the stream cannot be used. SIGPIPE must be ignored. */
int xk_frame_write(struct xk_frame_stream *stream, enum xk_frame_type type,
                   unsigned flags, const void *payload, size_t length,
                   size_t expanded, struct xk_deadline deadline,
                   struct xk_error *err);

/* Read the next frame into *frame, replacing its previous payload.
 * XK_ERR_PROTOCOL for anything but a complete and valid frame with the expected
 * number, and for end of file; then the stream cannot be used. The caller frees
 * frame->payload. */
int xk_frame_read(struct xk_frame_stream *stream, struct xk_frame *frame,
                  struct xk_deadline deadline, struct xk_error *err);

/* Write a frame whose payload is the JSON text. */
int xk_frame_write_text(struct xk_frame_stream *stream, enum xk_frame_type type,
                        const struct xk_buf *text, struct xk_deadline deadline,
                        struct xk_error *err);

/* Parse a frame's payload as a JSON object. The caller owns the result. */
struct xk_json *xk_frame_parse(const struct xk_frame *frame, const char *what,
                               struct xk_error *err);

#endif
