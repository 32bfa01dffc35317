/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of a configuration file, written from libxl's JSON. */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_LINES_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_LINES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"

/* Write a value as lines of that key; false where it is not what it can be. */
typedef bool xk_xl_take(const struct xk_json *value, const char *key,
                        struct xk_buf *text);

/* KEY = "VALUE", and KEY = [ "ITEM", ... ]. */
void xk_xl_line(struct xk_buf *text, const char *key, const char *value);
void xk_xl_open_list(struct xk_buf *text, const char *key);
void xk_xl_item(struct xk_buf *text, const char *item);
void xk_xl_close_list(struct xk_buf *text);

/* A truth in any of libxl's ways: a defbool's text, a bool, an int. */
bool xk_xl_bool(const struct xk_json *value, bool *on);

#endif
