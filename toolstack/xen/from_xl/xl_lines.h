/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes lines of a configuration file from libxl's JSON. */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_LINES_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_LINES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"

/* Write the value as lines of the key. Returns false if the key cannot have
 * that value. */
typedef bool xk_xl_take(const struct xk_json *value, const char *key,
                        struct xk_buf *text);

/* Write KEY = "VALUE", and KEY = [ "ITEM", ... ]. */
void xk_xl_line(struct xk_buf *text, const char *key, const char *value);
void xk_xl_open_list(struct xk_buf *text, const char *key);
void xk_xl_item(struct xk_buf *text, const char *item);
void xk_xl_close_list(struct xk_buf *text);

/* Read a boolean in any of libxl's forms: the text of a defbool, a bool, or an
 * int that is 0 or 1. Returns false if the value is none of these. */
bool xk_xl_bool(const struct xk_json *value, bool *on);

#endif
