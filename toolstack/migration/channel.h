/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Channels: two-way byte streams between sockets of one host and sockets of
 * another, several over one connection. Disks go along with their domain by
 * them: their bytes are summed and numbered as all frames are, and no port is
 * opened to anybody.
 *
 * The payload of a CHANNEL frame is the number of the channel, 16 bits
 * big-endian, and bytes for it; none: that way of the channel has ended. Both
 * sides send ALIVE frames where there is nothing else to send.
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

/* Start to carry, in threads, what comes from and goes to the sockets, which
 * are taken in any case; fds[i] is channel i on both sides. The threads alone
 * use the streams until the join. When one fails, the sockets are shut down, so
 * that whoever is at their other ends sees it. */
struct xk_channels *xk_channels_start(struct xk_frame_stream *to,
                                      struct xk_frame_stream *from,
                                      const int *fds, size_t count,
                                      int64_t silence_ms, struct xk_error *err);

/* Whether they have failed by now. */
bool xk_channels_have_failed(const struct xk_channels *channels);

/* Bytes that were carried so far, both ways. */
uint64_t xk_channels_bytes(const struct xk_channels *channels);

/* Wait for the end of all channels both ways, or where stop, end them now; and
 * free them. -1 with what went wrong on the connection. */
int xk_channels_join(struct xk_channels *channels, bool stop,
                     struct xk_error *err);

#endif
