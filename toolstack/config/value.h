/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Convert a setting of a file to a key's value, by the table of keys. */
#ifndef XK_TOOLSTACK_CONFIG_VALUE_H
#define XK_TOOLSTACK_CONFIG_VALUE_H

#include "toolstack/config/cfg_file.h"
#include "toolstack/config/domain_config.h"

/* Set *value, which must be empty, from a setting of that key. If the setting
 * does not fit, an error is added and only the position of *value is set. */
void xk_value_read(struct xk_value *value, enum xk_key key,
                   const struct xk_cfg_setting *setting,
                   struct xk_problems *problems);

/* A number as xl reads it: decimal, hexadecimal with 0x, octal with 0, with a
 * sign, as strtol(3) with base 0 does. */
bool xk_number_parse(const char *text, int64_t *number);

/* Find word among words, which are separated by '|'. Returns the canonical
 * spelling, a pointer into words, and its length; NULL if it is not found. */
const char *xk_word_find(const char *words, const char *word, bool any_case,
                         size_t *length);

/* Free what *value holds and make it empty. */
void xk_value_free(struct xk_value *value);

#endif
