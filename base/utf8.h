/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Validate UTF-8. */
#ifndef XK_BASE_UTF8_H
#define XK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Returns true if text is valid UTF-8 (RFC 3629); if not, *offset (unless NULL)
 * is the offset of the first invalid byte. Text to be kept as JSON must be
 * valid: the writer replaces invalid bytes. */
bool xk_utf8_valid(const char *text, size_t *offset);

#endif
