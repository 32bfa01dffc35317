/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of configuration keys in words. */
#ifndef XK_CLI_CONFIG_KEY_TEXT_H
#define XK_CLI_CONFIG_KEY_TEXT_H

#include "base/buf.h"
#include "toolstack/config/driver_facts.h"
#include "toolstack/config/key.h"

const char *xk_key_type_name(enum xk_key_type type); /* "integer" */
const char *xk_fate_name(enum xk_fate fate);         /* "mapped" */

/* Append "boolean", "integer 1 to 8192" or "pv|pvh|hvm". */
void xk_key_put_type(struct xk_buf *out, const struct xk_key_info *key);

#endif
