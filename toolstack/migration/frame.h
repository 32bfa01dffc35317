/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames: how a domain on its way is written to a file or to another host.
 *
 * A frame is a header of XK_FRAME_HEADER_SIZE bytes, big-endian, and a payload:
 *
 *   0  magic "xkf1"         16  length of the payload
 *   4  type                 20  length of the payload once it is expanded
 *   6  flags                24  CRC-32C over bytes 0 to 23 and the payload
 *   8  sequence, 64 bits
 *
 * Each direction counts its frames from 0, so that one that was lost, doubled
 * or swapped is seen as well as one that was changed. What a peer sends is
 * checked here for its form; what it means is checked where it is used.
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
    XK_FRAME_PAYLOAD_MAX = 1 << 20, /* also once it is expanded */
    XK_FRAME_TEXT_MAX = 256 << 10,  /* of a frame that holds JSON */
};

/* In the order of a migration. All but DATA and CHANNEL hold a JSON object. */
enum xk_frame_type {
    XK_FRAME_HELLO = 1, /* both: version, hypervisor, host */
    XK_FRAME_DOMAIN,    /* source: what is to come */
    XK_FRAME_VERDICT,   /* target: nothing against it, or every reason */
    XK_FRAME_PREPARE,   /* source: make it ready */
    XK_FRAME_PREPARED,  /* target */
    XK_FRAME_DATA,      /* source: bytes of the hypervisor's stream */
    XK_FRAME_DATA_END,  /* source: how many they were, and their hash */
    XK_FRAME_RECEIVED,  /* target: whole, and able to run */
    XK_FRAME_COMMIT,    /* source: it is yours */
    XK_FRAME_RUNNING,   /* target: it is mine, and as it was */
    XK_FRAME_CONFIRM,   /* source: mine is gone */
    XK_FRAME_FAILED,    /* either: an error; the last frame */
    XK_FRAME_ALIVE,     /* either: nothing to say, but here */
    XK_FRAME_QUERY,     /* source: what became of that move? */
    XK_FRAME_ANSWER,    /* target */
    XK_FRAME_FILE,      /* the first frame of a saved domain */
    XK_FRAME_CHANNELS,  /* source: the disks of a move, by this connection */
    XK_FRAME_OPENED,    /* target: channels follow */
    XK_FRAME_CHANNEL,   /* either: bytes of one (migration/channel.h) */
    XK_FRAME_MEASURE,   /* source: so many bytes follow (migration/measure.h) */
    XK_FRAME_MEASURED,  /* target: they came */
    XK_FRAME_TYPE_COUNT,
};

enum {
    XK_FRAME_ZSTD = 1 << 0, /* the payload is one frame of zstd (RFC 8878) */
    XK_FRAME_FLAGS = XK_FRAME_ZSTD,
};

/* One direction of a byte stream. */
struct xk_frame_stream {
    int fd;           /* not owned; best non-blocking */
    const char *what; /* for errors: "the other host", "\"web.save\"" */
    uint64_t sequence;
    uint64_t bytes; /* so far, headers as well */
};

struct xk_frame {
    enum xk_frame_type type;
    unsigned flags;
    struct xk_buf payload; /* as it came: not expanded */
    size_t expanded;       /* its length once expanded */
};

const char *xk_frame_type_name(enum xk_frame_type type); /* "commit" */

/* Write one frame. expanded is length where flags has no XK_FRAME_ZSTD.
 * XK_ERR_TIMEOUT where the peer takes nothing until the deadline; after an
 * error the stream is of no use. SIGPIPE must be ignored. */
int xk_frame_write(struct xk_frame_stream *stream, enum xk_frame_type type,
                   unsigned flags, const void *payload, size_t length,
                   size_t expanded, struct xk_deadline deadline,
                   struct xk_error *err);

/* Read the next frame; what frame->payload held is gone. XK_ERR_PROTOCOL for
 * anything but a whole and sound frame in its turn, the end of the stream too;
 * the stream is of no use then. Free frame->payload at the end. */
int xk_frame_read(struct xk_frame_stream *stream, struct xk_frame *frame,
                  struct xk_deadline deadline, struct xk_error *err);

/* Write a frame whose payload is the JSON in text. */
int xk_frame_write_text(struct xk_frame_stream *stream, enum xk_frame_type type,
                        const struct xk_buf *text, struct xk_deadline deadline,
                        struct xk_error *err);

/* The JSON object of a frame, the caller's. */
struct xk_json *xk_frame_parse(const struct xk_frame *frame, const char *what,
                               struct xk_error *err);

#endif
