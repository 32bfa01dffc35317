/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A specification string (a disk, a network card) with its position in the
 * file, so that a problem can point to the part that is wrong.
 */
#ifndef XK_TOOLSTACK_CONFIG_DEVICE_SYNTAX_H
#define XK_TOOLSTACK_CONFIG_DEVICE_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "toolstack/config/cfg_file.h"
#include "toolstack/config/problem.h"

struct xk_spec {
    const char *text;
    struct xk_location where; /* of the value as written, with its quotes */
    const char *raw;          /* as in struct xk_cfg_value; NULL: unknown */
    bool quoted;
    struct xk_problems *problems;
};

/* Returns the spec of a string in a configuration file. */
struct xk_spec xk_spec_of(const struct xk_cfg_value *value,
                          struct xk_problems *problems);

/* Returns the spec of a string from elsewhere, such as an argument. file is
 * what problems name in front of a line and a column; NULL: they name no place.
 */
struct xk_spec xk_spec_of_text(const char *text, const char *file,
                               struct xk_problems *problems);

/* Returns the position of the byte at this offset of the text. */
struct xk_location xk_spec_at(const struct xk_spec *spec, size_t offset);

/* Add an error at this offset; returns -1. */
int xk_spec_error(const struct xk_spec *spec, size_t offset, const char *fmt,
                  ...) __attribute__((format(printf, 3, 4)));
void xk_spec_warn(const struct xk_spec *spec, size_t offset, const char *fmt,
                  ...) __attribute__((format(printf, 3, 4)));

#endif
