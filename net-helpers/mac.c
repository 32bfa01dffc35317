/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/mac.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
xk_mac_parse(const char *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        char digits[3] = "";
        size_t length = strspn(text, "0123456789abcdefABCDEF");

        if (length < 1 || length > 2)
            return false;
        memcpy(digits, text, length);
        mac[i] = (uint8_t)strtoul(digits, NULL, 16);
        text += length;
        if (i < 5 && *text != ':' && *text != '-')
            return false;
        text += i < 5;
    }
    return *text == '\0';
}

void
xk_mac_format(const uint8_t mac[6], char text[XK_MAC_TEXT_SIZE])
{
    snprintf(text, XK_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
}
