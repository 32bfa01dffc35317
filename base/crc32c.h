/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CRC-32C (Castagnoli), the checksum of iSCSI, RFC 3720 appendix B.4. */
#ifndef XK_BASE_CRC32C_H
#define XK_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Returns the checksum of data, continued from `sum`, the checksum of all data
 * before it. Pass 0 for the first piece. */
uint32_t xk_crc32c(uint32_t sum, const void *data, size_t length);

#endif
