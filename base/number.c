/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/number.h"

bool
xk_parse_u64(const char *text, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' ||
            __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum))
            return false;
    }
    if (sum > max)
        return false;
    *value = sum;
    return true;
}

bool
xk_parse_i64(const char *text, int64_t min, int64_t max, int64_t *value)
{
    bool negative = *text == '-';
    uint64_t magnitude, limit = (uint64_t)INT64_MAX + negative;
    int64_t parsed;

    if (!xk_parse_u64(text + negative, limit, &magnitude))
        return false;
    parsed = (int64_t)(negative ? -magnitude : magnitude);
    if (parsed < min || parsed > max)
        return false;
    *value = parsed;
    return true;
}
