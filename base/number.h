/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parse numbers strictly: digits only, the whole string, within a range. */
#ifndef XK_BASE_NUMBER_H
#define XK_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Parse a decimal number. False for "", " 1", "+1", "1x", a value above max. */
bool xk_parse_u64(const char *text, uint64_t max, uint64_t *value);

/* Parse a decimal number that may begin with '-'; min and max are inclusive. */
bool xk_parse_i64(const char *text, int64_t min, int64_t max, int64_t *value);

#endif
