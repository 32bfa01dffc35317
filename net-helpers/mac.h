/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of network cards. */
#ifndef XK_NET_HELPERS_MAC_H
#define XK_NET_HELPERS_MAC_H

#include <stdbool.h>
#include <stdint.h>

/* Parse "00:16:3e:12:34:56". '-' may replace ':', and one digit may replace
 * two. */
bool xk_mac_parse(const char *text, uint8_t mac[6]);

/* Write "00:16:3e:12:34:56". */
#define XK_MAC_TEXT_SIZE 18
void xk_mac_format(const uint8_t mac[6], char text[XK_MAC_TEXT_SIZE]);

#endif
