/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rate of a network card as its node in xenstore has it.
 * Source: libxl_nic.c. */
#ifndef XK_NET_HELPERS_RATE_H
#define XK_NET_HELPERS_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Parse "BYTES,MICROSECONDS", both positive: so many bytes in each interval. */
bool xk_net_rate_parse(const char *text, uint64_t *bytes,
                       uint32_t *interval_us);

/* Returns that text, owned by the caller. */
char *xk_net_rate_format(uint64_t bytes, uint32_t interval_us);

#endif
