/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Channels: bidirectional byte streams between local sockets and sockets on the
 * other host, multiplexed over one connection. Disks are copied through them:
 * the data has checksums and sequence numbers as every frame has, and no port
 * has to be opened.
 *
 * The payload of a CHANNEL frame is the channel's number (16 bits, big-endian)
 * and data. No data means end of file in that direction. Both sides send ALIVE
 * frames while they have nothing else to send.
 */
#ifndef XK_TOOLSTACK_MIGRATION_CHANNEL_H
#define XK_TOOLSTACK_MIGRATION_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "toolstack/migration/frame.h"

enum {
    XK_CHANNELS_MAX = 64
};

struct xk_channels;

/* Start two threads that forward data between the sockets and the other host.
 * Takes ownership of fds, also on failure; fds[i] is channel i on both sides.
 * Until the join, only the threads may use the streams. When a thread fails, it
 * shuts the sockets down, so that the users of their other ends see it. */
struct xk_channels *xk_channels_start(struct xk_frame_stream *to,
                                      struct xk_frame_stream *from,
                                      const int *fds, size_t count,
                                      int64_t silence_ms, struct xk_error *err);

/* Whether a thread has failed so far. */
bool xk_channels_have_failed(const struct xk_channels *channels);

/* Bytes forwarded so far, in both directions. */
uint64_t xk_channels_bytes(const struct xk_channels *channels);

/* Wait until all channels have ended in both directions and free them; if stop,
 * end them now. Returns -1 with the connection's error. */
int xk_channels_join(struct xk_channels *channels, bool stop,
                     struct xk_error *err);

#endif
