/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridges of the host. */
#ifndef XK_NET_HELPERS_BRIDGE_H
#define XK_NET_HELPERS_BRIDGE_H

#include <stdbool.h>

/* The bridge of a network card whose configuration names none, xl.conf(5). */
#define XK_BRIDGE_DEFAULT "xenbr0"

/* Returns true if `name` is a bridge in the caller's network namespace. An Open
 * vSwitch is not a bridge. */
bool xk_bridge_exists(const char *name);

/* Returns XK_BRIDGE_DEFAULT if it exists and the caller may put a TAP on it,
 * else NULL. */
const char *xk_bridge_usual(void);

#endif
