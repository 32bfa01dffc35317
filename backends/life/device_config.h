/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read device.json, by which xk describes a device to its backend
 * (contracts/device.h): the members common to all kinds, and a reader for the
 * members of one kind.
 */
#ifndef XK_BACKENDS_LIFE_DEVICE_CONFIG_H
#define XK_BACKENDS_LIFE_DEVICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/json_members.h"

/* A kind puts this first in its own struct. */
struct xk_device_config {
    uint32_t domid;
    uint32_t devid;
    char *frontend; /* paths in the store */
    char *backend;
    uint32_t uid, gid; /* user and group to run as; default 65534 */
};

/* Read DIR/device.json into `config`, which is zeroed and whose first member
 * is a struct xk_device_config: first `members`, then the members of all kinds;
 * then call take() to read the rest. XK_ERR_CONFIG names the file and the
 * member. On failure the caller has nothing to free. */
int xk_device_config_read(const char *dir, void *config,
                          const struct xk_json_member *members, size_t count,
                          int (*take)(void *config, const struct xk_json *json,
                                      struct xk_error *err),
                          struct xk_error *err);

/* Free the texts in `config`. */
void xk_device_config_free(void *config, const struct xk_json_member *members,
                           size_t count);

#endif
