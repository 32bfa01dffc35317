/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second connection of a move, for its disks. It is opened with the same
 * command as the first, to another "xk migrate-receive", which finds the move
 * by its UUID.
 *
 *   HELLO     the same move       <->  HELLO
 *   CHANNELS  count                ->  connects to the domain's disks
 *                                 <-   OPENED
 *   CHANNEL ...                   <->  CHANNEL ...
 */
#ifndef XK_TOOLSTACK_MIGRATION_DISK_CHANNELS_H
#define XK_TOOLSTACK_MIGRATION_DISK_CHANNELS_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/channel.h"
#include "toolstack/migration/link.h"
#include "toolstack/migration/session.h"

/* The source's end. */
struct xk_copies {
    struct xk_link link;
    struct xk_channels *channels;
    int fds[XK_CHANNELS_MAX]; /* the driver's ends of the channels */
    size_t count;
};

/* Open a second connection with the command of `first`. The target must have
 * sent PREPARED. Call xk_copies_close() even on failure. */
int xk_copies_open(struct xk_copies *copies, const struct xk_link *first,
                   const struct xk_uuid *move, size_t count, int64_t silence_ms,
                   struct xk_deadline deadline, struct xk_error *err);

/* Whether the channels failed, so that the driver's call should end. */
bool xk_copies_have_failed(const struct xk_copies *copies);

/* Close the connection. stop: the driver failed or was not called; otherwise it
 * has finished its disks, and the channels end by themselves. Returns -1 with
 * the connection's error. */
int xk_copies_close(struct xk_copies *copies, bool stop, struct xk_error *err);

/* Target: read the count from the last CHANNELS frame, and forward data between
 * the peer and the disks of the record's domain until the channels end. */
int xk_copies_serve(struct xk_host *host, const struct xk_record *record,
                    struct xk_talk *talk, struct xk_error *err);

#endif
