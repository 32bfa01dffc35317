/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef XK_BASE_UTF8_H
#define XK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether text is valid UTF-8 (RFC 3629); else *offset (may be NULL) is the
 * first byte that is not. What goes into JSON must be, or another text comes
 * out of it. */
bool xk_utf8_valid(const char *text, size_t *offset);

#endif
