/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utf8.h"

#include "base/util.h"

/* The well-formed sequences of RFC 3629, by the range of their first byte, with
 * the range of the second; further bytes are 80 to bf. */
static const struct {
    unsigned char first, last, low, high;
    unsigned more;
} utf8_forms[] = {
    {0x01, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1},
    {0xe0, 0xe0, 0xa0, 0xbf, 2}, {0xe1, 0xec, 0x80, 0xbf, 2},
    {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
    {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3},
    {0xf4, 0xf4, 0x80, 0x8f, 3},
};

/* Returns the length of the sequence at p, in a text that ends with a NUL; 0 if
 * it is invalid. */
static size_t
utf8_sequence(const unsigned char *p)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(utf8_forms); i++) {
        if (*p < utf8_forms[i].first || *p > utf8_forms[i].last)
            continue;
        for (unsigned k = 1; k <= utf8_forms[i].more; k++) {
            unsigned char low = k == 1 ? utf8_forms[i].low : 0x80;
            unsigned char high = k == 1 ? utf8_forms[i].high : 0xbf;

            if (p[k] < low || p[k] > high)
                return 0;
        }
        return utf8_forms[i].more + 1;
    }
    return 0;
}

bool
xk_utf8_valid(const char *text, size_t *offset)
{
    const unsigned char *start = (const unsigned char *)text, *p = start;

    while (*p != '\0') {
        size_t length = utf8_sequence(p);

        if (length == 0) {
            if (offset != NULL)
                *offset = (size_t)(p - start);
            return false;
        }
        p += length;
    }
    return true;
}
