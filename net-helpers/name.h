/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of network devices. */
#ifndef XK_NET_HELPERS_NAME_H
#define XK_NET_HELPERS_NAME_H

/* Whether a network device can have the name: NULL, or what is wrong with it,
 * as a sentence for people. Stricter than the kernel in one thing: no control
 * characters, which would garble what is printed. */
const char *xk_net_name_check(const char *name);

#endif
