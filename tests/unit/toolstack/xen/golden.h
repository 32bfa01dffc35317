/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of tests/unit/data/xen/: configurations and their JSON from libxl,
 * for the unit test and for the lab suite that compares them with xl's. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_XEN_GOLDEN_H
#define XK_TESTS_UNIT_TOOLSTACK_XEN_GOLDEN_H

#include <libxl.h>

#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"

struct golden {
    char *name;
    char *lines;   /* of the row alone */
    char *config;  /* with the keys that a domain must have */
    char *without; /* config without the row's lines, except the type */
    struct xk_json *expected;
};

struct goldens {
    struct golden *rows;
    size_t count;
};

/* Read the files of a folder; on any error end the program. */
void goldens_read(const char *folder, struct goldens *goldens);
void goldens_free(struct goldens *goldens);

/* Returns libxl's JSON of a configuration's text, or NULL with *err. On the way
 * the configuration passes through xk's own JSON, as it does to the helper. */
struct xk_json *golden_json(libxl_ctx *ctx, const char *text,
                            struct xk_error *err);

/* Returns the configuration of a text, or NULL with *err. */
struct xk_domain_config *golden_config(const char *text, struct xk_error *err);

/* Returns whether `whole` contains `part`: objects may have more members,
 * arrays and values must be equal. */
bool golden_contains(const struct xk_json *whole, const struct xk_json *part);

#endif
