/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What xk tells a backend about its device: device.json (contracts/device.h).
 * The members that all kinds have, and how a kind reads its own.
 */
#ifndef XK_BACKENDS_LIFE_DEVICE_CONFIG_H
#define XK_BACKENDS_LIFE_DEVICE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

/* A kind puts this first in its own struct. */
struct xk_device_config {
    uint32_t domid;
    uint32_t devid;
    char *frontend; /* paths in the store */
    char *backend;
    uint32_t uid, gid; /* whom to run as; 65534 unless told */
};

/* A member of device.json and where in a struct its value goes. */
struct xk_device_member {
    const char *name;
    enum {
        XK_MEMBER_TEXT,   /* char *, the struct's */
        XK_MEMBER_NUMBER, /* uint32_t */
        XK_MEMBER_FLAG,   /* bool; false unless told */
    } type;
    size_t at;
    bool required;
    uint32_t max; /* of a number */
};

/* Read DIR/device.json into `config`, whose first member is a struct
 * xk_device_config and which is all zeros: the members of all kinds, those of
 * `members`, and then what take() reads. XK_ERR_CONFIG names the file and the
 * member. On failure nothing is left to be freed. */
int xk_device_config_read(const char *dir, void *config,
                          const struct xk_device_member *members, size_t count,
                          int (*take)(void *config, const struct xk_json *json,
                                      struct xk_error *err),
                          struct xk_error *err);

/* Free its texts. */
void xk_device_config_free(void *config, const struct xk_device_member *members,
                           size_t count);

#endif
