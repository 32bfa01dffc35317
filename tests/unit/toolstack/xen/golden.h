/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of tests/unit/data/xen/: configurations and what libxl's JSON says
 * of them, for the unit test and for the suite that asks xl. */
#ifndef XK_TESTS_UNIT_TOOLSTACK_XEN_GOLDEN_H
#define XK_TESTS_UNIT_TOOLSTACK_XEN_GOLDEN_H

#include <libxl.h>

#include "base/error.h"
#include "base/json.h"
#include "toolstack/config/domain_config.h"

struct golden {
    char *name;
    char *lines;   /* of the row alone */
    char *config;  /* with what the row does not say */
    char *without; /* the same without the row's lines but for the type */
    struct xk_json *expected;
};

struct goldens {
    struct golden *rows;
    size_t count;
};

/* Read the files of a folder; anything wrong ends the program. */
void goldens_read(const char *folder, struct goldens *goldens);
void goldens_free(struct goldens *goldens);

/* libxl's JSON of a configuration's text, which is put through the JSON of
 * xk's own on its way, as on its way to the helper; NULL with *err. */
struct xk_json *golden_json(libxl_ctx *ctx, const char *text,
                            struct xk_error *err);

/* The configuration of a text, NULL with *err. */
struct xk_domain_config *golden_config(const char *text, struct xk_error *err);

/* Whether all of `part` is in `whole`: members of objects at least, arrays and
 * values exactly. */
bool golden_contains(const struct xk_json *whole, const struct xk_json *part);

#endif
