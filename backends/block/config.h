/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read device.json of a disk (contracts/device.h). */
#ifndef XK_BACKENDS_BLOCK_CONFIG_H
#define XK_BACKENDS_BLOCK_CONFIG_H

#include "backends/life/device.h"

enum xk_block_engine {
    XK_ENGINE_FILE,
    XK_ENGINE_NBD,
    XK_ENGINE_NULL,
    XK_ENGINE_COUNT,
};

struct xk_block_config {
    struct xk_device_config device; /* first */
    char *vdev;                     /* "xvda" */
    char *target; /* the image, as people name it; "" for an empty drive */
    char *socket; /* for XK_ENGINE_NBD, else NULL */
    enum xk_block_engine engine;
    uint64_t null_bytes; /* size, for XK_ENGINE_NULL */
    bool read_only, cdrom, discard, direct;
    uint32_t queues;  /* 0: choose by the host's processors */
    uint32_t poll_us; /* at most 1000 */
};

/* Read DIR/device.json. XK_ERR_CONFIG names the file and the member. */
int xk_block_config_read(const char *dir, struct xk_block_config *config,
                         struct xk_error *err);
void xk_block_config_free(struct xk_block_config *config);

#endif
