/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pump copies the hypervisor's stream between a pipe, whose other end the
 * driver holds, and the frames of a file or of the peer. It runs in its own
 * thread because a driver's call is synchronous and lasts as long as the
 * stream.
 *
 * From start to join only the thread may use the frame streams. If the thread
 * fails, it closes its end of the pipe, so that the driver's call fails too. If
 * the driver fails and closes its end, the thread ends.
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
    enum xk_compression compression; /* out only */
    int64_t silence_ms; /* fail if the other side is silent for longer */
};

/* Totals of a stream. */
struct xk_pump_totals {
    uint64_t bytes; /* of the hypervisor's stream */
    char hash[33];  /* XXH3-128, in hex: detects faults, not forgery */
};

/* Start to frame the stream that the driver writes to *driver_fd, which the
 * caller passes on to the driver. The peer may report a failure on `back`
 * meanwhile. back is NULL for a file; otherwise ALIVE frames are sent while
 * there is nothing else to send. */
struct xk_pump *xk_pump_out(struct xk_frame_stream *to,
                            struct xk_frame_stream *back,
                            const struct xk_pump_options *options,
                            int *driver_fd, struct xk_error *err);

/* Start to unpack DATA frames for a driver that reads from *driver_fd, until
 * DATA_END, whose length and hash must match. */
struct xk_pump *xk_pump_in(struct xk_frame_stream *from,
                           const struct xk_pump_options *options,
                           int *driver_fd, struct xk_error *err);

/* Whether the pump has failed, so that the driver's call should end. */
bool xk_pump_has_failed(const struct xk_pump *pump);

/*
 * Wait for the thread and free the pump. Call after the driver's call has
 * returned and closed its end of the pipe. failed: the driver failed, so the
 * thread need not read its input to the end.
 *
 * Returns 0 if the whole stream was framed (out) or was received complete (in);
 * -1 with the error of the frame stream. A driver that closes its end too soon
 * is not an error of the pump: the driver's own error explains it. totals may
 * be NULL.
 */
int xk_pump_join(struct xk_pump *pump, bool failed,
                 struct xk_pump_totals *totals, struct xk_error *err);

/* Write the members "bytes" and "hash" of a DATA_END frame. */
void xk_pump_put_totals(struct xk_json_writer *writer,
                        const struct xk_pump_totals *totals);

#endif
