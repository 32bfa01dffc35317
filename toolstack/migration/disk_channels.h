/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second connection of a move, which its disks take: made as the first one
 * was, to another "xk migrate-receive", which finds the move by its number.
 *
 *   HELLO     the same move       <->  HELLO
 *   CHANNELS  how many             ->  connects to the domain's disks
 *                                 <-   OPENED
 *   CHANNEL ...                   <->  CHANNEL ...
 */
#ifndef XK_TOOLSTACK_MIGRATION_DISK_CHANNELS_H
#define XK_TOOLSTACK_MIGRATION_DISK_CHANNELS_H

#include "toolstack/host_drivers.h"
#include "toolstack/migration/channel.h"
#include "toolstack/migration/link.h"
#include "toolstack/migration/session.h"

/* At the source. */
struct xk_copies {
    struct xk_link link;
    struct xk_channels *channels;
    int fds[XK_CHANNELS_MAX]; /* for the driver */
    size_t count;
};

/* Connect as `first` did; the target is prepared. Close it in any case. */
int xk_copies_open(struct xk_copies *copies, const struct xk_link *first,
                   const struct xk_uuid *move, size_t count, int64_t silence_ms,
                   struct xk_deadline deadline, struct xk_error *err);

/* Whether the driver's call had better end. */
bool xk_copies_have_failed(const struct xk_copies *copies);

/* stop: the driver failed, or was not called. Else its disks have come to
 * their end, and so do the channels. -1 with what went wrong on the way. */
int xk_copies_close(struct xk_copies *copies, bool stop, struct xk_error *err);

/* At the target: carry so many channels, as a CHANNELS frame says, between the
 * peer and the disks of the domain that comes with that record. */
int xk_copies_serve(struct xk_host *host, const struct xk_record *record,
                    struct xk_talk *talk, struct xk_error *err);

#endif
