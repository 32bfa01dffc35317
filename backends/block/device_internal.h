/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a block device. Each file uses only the files above it:
 *
 *   image.c   the resources: engine, in-flight log, flusher
 *   nodes.c   its nodes in the store
 *   status.c  its members of the status on the control socket
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
    struct xk_blkif_device blkif; /* shared by its queues */
    struct xk_inflight_offer offer;
    struct xk_blkif_front front;   /* the connected rings, or zeros */
    struct xk_blkif_front offered; /* the rings last read */
    char *flusher;                 /* path of its socket; NULL: no flusher */
    int flusher_fd;                /* to tell the flusher to end */
    bool has_new_flusher;          /* this process started it */
};

static inline struct xk_block *
xk_block_of(const struct xk_device *device)
{
    return (struct xk_block *)xk_device_own(device);
}

/* ---- image.c ---- */

/* Open the engine and the in-flight log, and find or start a flusher if the
 * image needs one. Also on failure, xk_block_close_image() frees all. */
int xk_block_open_image(struct xk_block *block, const char *dir,
                        struct xk_error *err);
void xk_block_close_image(struct xk_block *block, bool served);

/* ---- nodes.c ---- */

int xk_block_advertise(struct xk_device *device, uint32_t tx,
                       struct xk_deadline deadline, struct xk_error *err);
/* Publish the image's size. */
int xk_block_write_size(struct xk_device *device, struct xk_error *err);
/* Publish the size if the store holds another one. */
int xk_block_correct_size(struct xk_device *device, struct xk_error *err);

/* ---- status.c ---- */

void xk_block_put_status(struct xk_device *device,
                         struct xk_json_writer *writer);

#endif
