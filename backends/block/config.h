/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the toolstack tells a backend about its device: device.json. */
#ifndef XK_BACKENDS_BLOCK_CONFIG_H
#define XK_BACKENDS_BLOCK_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum xk_backend_engine {
    XK_ENGINE_FILE,
    XK_ENGINE_NBD,
    XK_ENGINE_NULL,
    XK_ENGINE_COUNT,
};

struct xk_backend_config {
    uint32_t domid;
    uint32_t devid;
    char *vdev;     /* "xvda" */
    char *frontend; /* paths in the store */
    char *backend;
    char *target; /* the image, as people name it; "" for an empty drive */
    char *socket; /* of ENGINE_NBD, else NULL */
    enum xk_backend_engine engine;
    uint64_t null_bytes; /* of ENGINE_NULL */
    bool read_only, cdrom, discard, direct;
    uint32_t queues;   /* 0: choose */
    uint32_t poll_us;  /* at most 1000 */
    uint32_t uid, gid; /* to run as; 65534 unless told */
};

/* Reads DIR/device.json. XK_ERR_CONFIG names the file and the member. */
int xk_backend_config_read(const char *dir, struct xk_backend_config *config,
                           struct xk_error *err);
void xk_backend_config_free(struct xk_backend_config *config);

#endif
