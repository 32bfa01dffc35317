/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/uuid.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char layout[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

void
xk_uuid_random(struct xk_uuid *uuid)
{
    ssize_t got;

    do {
        got = getrandom(uuid->bytes, sizeof(uuid->bytes), 0);
    } while (got == -1 && errno == EINTR);
    if (got != (ssize_t)sizeof(uuid->bytes))
        abort();
    uuid->bytes[6] = (uuid->bytes[6] & 0x0f) | 0x40;
    uuid->bytes[8] = (uuid->bytes[8] & 0x3f) | 0x80;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
xk_uuid_parse(const char *text, struct xk_uuid *uuid)
{
    struct xk_uuid parsed = {0};
    int nibble = 0;

    if (strlen(text) != sizeof(layout) - 1)
        return false;
    for (size_t i = 0; layout[i] != '\0'; i++) {
        int digit = hex_digit(text[i]);

        if (layout[i] == '-') {
            if (text[i] != '-')
                return false;
            continue;
        }
        if (digit == -1)
            return false;
        parsed.bytes[nibble / 2] |= (uint8_t)(digit << (nibble % 2 ? 0 : 4));
        nibble++;
    }
    *uuid = parsed;
    return true;
}

void
xk_uuid_format(const struct xk_uuid *uuid, char text[XK_UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    int nibble = 0;

    for (size_t i = 0; layout[i] != '\0'; i++) {
        if (layout[i] == '-') {
            text[i] = '-';
            continue;
        }
        text[i] =
            digits[(uuid->bytes[nibble / 2] >> (nibble % 2 ? 0 : 4)) & 15];
        nibble++;
    }
    text[XK_UUID_TEXT_SIZE - 1] = '\0';
}

bool
xk_uuid_equal(const struct xk_uuid *a, const struct xk_uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
