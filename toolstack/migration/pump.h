/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pump carries the hypervisor's stream between a pipe, whose other end the
 * driver has, and the frames of a file or a peer, in a thread of its own:
 * drivers' calls are synchronous, and one of them is under way meanwhile.
 *
 * The thread alone uses the streams from start to join. When it fails it closes
 * its end of the pipe, so that the driver's call fails too; when the driver
 * fails and closes the other end, the thread ends.
 */
#ifndef XK_TOOLSTACK_MIGRATION_PUMP_H
#define XK_TOOLSTACK_MIGRATION_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "toolstack/migration/compression.h"
#include "toolstack/migration/frame.h"

struct xk_pump;

struct xk_pump_options {
    enum xk_compression compression; /* out: of what gets smaller by it */
    int64_t silence_ms; /* the other side may be still for so long */
};

/* What went through. */
struct xk_pump_totals {
    uint64_t bytes; /* of the hypervisor's stream */
    char hash[33];  /* XXH3-128 of them, in hex: against faults, not foes */
};

/* Start to frame what the driver writes to *driver_fd, which is the caller's
 * to hand over. back is where the peer may report a failure meanwhile; NULL for
 * a file. While nothing is to be sent, ALIVE frames are, unless it is a file.
 */
struct xk_pump *xk_pump_out(struct xk_frame_stream *to,
                            struct xk_frame_stream *back,
                            const struct xk_pump_options *options,
                            int *driver_fd, struct xk_error *err);

/* Start to take DATA frames apart for a driver that reads from *driver_fd,
 * until DATA_END, whose sums must be right. */
struct xk_pump *xk_pump_in(struct xk_frame_stream *from,
                           const struct xk_pump_options *options,
                           int *driver_fd, struct xk_error *err);

/* Whether it has failed by now, so that the driver's call had better end. */
bool xk_pump_has_failed(const struct xk_pump *pump);

/* Wait for the thread and free the pump. The driver's call has returned, and
 * its end of the pipe is closed. failed: it failed, so that the thread need not
 * go on to the end of its input.
 *
 * 0: out: all that the driver wrote was framed; in: it was whole. -1 with the
 * error of the stream. A driver that closed its end too soon is no error of the
 * pump: that is for the driver to explain. totals may be NULL. */
int xk_pump_join(struct xk_pump *pump, bool failed,
                 struct xk_pump_totals *totals, struct xk_error *err);

/* Members "bytes" and "hash" of a DATA_END frame. */
void xk_pump_put_totals(struct xk_json_writer *writer,
                        const struct xk_pump_totals *totals);

#endif
