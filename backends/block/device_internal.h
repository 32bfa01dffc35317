/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block device from inside. Each file uses those above it only:
 *
 *   image.c   what is behind it: engine, in-flight log, flusher
 *   nodes.c   its nodes in the store
 *   status.c  what it answers on the control socket
 *   device.c  the calls of its kind
 */
#ifndef XK_BACKENDS_BLOCK_DEVICE_INTERNAL_H
#define XK_BACKENDS_BLOCK_DEVICE_INTERNAL_H

#include "backends/block/blkif_queue.h"
#include "backends/block/config.h"
#include "backends/block/device.h"
#include "backends/block/frontend.h"

struct xk_block {
    struct xk_block_config config;
    struct xk_blkif_device blkif; /* what its queues share */
    struct xk_inflight_offer offer;
    struct xk_blkif_front front;   /* whose rings are connected, or zeros */
    struct xk_blkif_front offered; /* what was read last */
    char *flusher;                 /* where it listens; NULL: none */
    int flusher_fd;                /* to tell it to end */
    bool has_new_flusher;
};

static inline struct xk_block *
xk_block_of(const struct xk_device *device)
{
    return (struct xk_block *)xk_device_own(device);
}

/* ---- image.c ---- */

int xk_block_open_image(struct xk_block *block, const char *dir,
                        struct xk_error *err);
void xk_block_close_image(struct xk_block *block, bool served);

/* ---- nodes.c ---- */

int xk_block_advertise(struct xk_device *device, uint32_t tx,
                       struct xk_deadline deadline, struct xk_error *err);
int xk_block_write_size(struct xk_device *device, struct xk_error *err);
/* The same where the frontend was told another size before. */
int xk_block_correct_size(struct xk_device *device, struct xk_error *err);

/* ---- status.c ---- */

void xk_block_put_status(struct xk_device *device,
                         struct xk_json_writer *writer);

#endif
