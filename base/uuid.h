/* SPDX-License-Identifier: GPL-2.0-or-later */
/* UUIDs of domains: random (RFC 4122 version 4), printed in lower case with
 * hyphens. */
#ifndef XK_BASE_UUID_H
#define XK_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define XK_UUID_TEXT_SIZE 37 /* with the NUL */

struct xk_uuid {
    uint8_t bytes[16];
};

void xk_uuid_random(struct xk_uuid *uuid);

/* Returns true if text is exactly a UUID in the form 8-4-4-4-12, in either
 * case. */
bool xk_uuid_parse(const char *text, struct xk_uuid *uuid);

void xk_uuid_format(const struct xk_uuid *uuid, char text[XK_UUID_TEXT_SIZE]);

bool xk_uuid_equal(const struct xk_uuid *a, const struct xk_uuid *b);

#endif
