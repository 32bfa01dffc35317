/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of network devices. */
#ifndef XK_NET_HELPERS_NAME_H
#define XK_NET_HELPERS_NAME_H

/* Returns NULL if a network device can have the name, else a sentence for
 * people that says what is wrong with it. Stricter than the kernel in one
 * point: control characters are refused, because they would garble output. */
const char *xk_net_name_check(const char *name);

#endif
