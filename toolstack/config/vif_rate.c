/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parse rates. The syntax and the result are those of libxlu_vif.c of Xen 4.17,
 * but a limit never becomes none. */
#include <string.h>

#include "toolstack/config/vif_syntax.h"

enum {
    INTERVAL_DEFAULT_US = 50000
};

/* Take a number from 1 to UINT32_MAX. libxlutil reads a leading zero as octal
 * and stops at the first digit that is not octal; nobody means that. */
static const char *
take_number(const char **p, uint64_t *number)
{
    const char *start = *p;

    *number = 0;
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        *number = 10 * *number + (uint64_t)(**p - '0');
        if (*number > UINT32_MAX)
            return "the number is above 4294967295";
    }
    if (*p == start)
        return "a number is missing";
    if (*start == '0')
        return *p == start + 1 ? "it may not be 0"
                               : "leading zeros are not allowed";
    return NULL;
}

static const char *
parse_speed(const char *text, size_t length, uint64_t *bytes_per_s)
{
    static const char letters[] = "KMG";
    static const uint64_t factors[] = {1000, 1000000, 1000000000};
    const char *p = text;
    const char *wrong = take_number(&p, bytes_per_s);
    const char *unit;

    if (wrong != NULL)
        return wrong;
    unit = *p != '\0' ? strchr(letters, *p) : NULL;
    if (unit != NULL) {
        *bytes_per_s *= factors[unit - letters];
        p++;
    }
    if (p + 3 != text + length || (*p != 'b' && *p != 'B') ||
        memcmp(p + 1, "/s", 2) != 0)
        return "a rate must end in b/s or B/s, after an optional K, M or G, as "
               "in '10Mb/s'";
    if (*p == 'b')
        *bytes_per_s /= 8;
    return NULL;
}

static const char *
parse_interval(const char *text, uint32_t *interval_us)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = {{"", 1000000}, {"s", 1000000}, {"m", 1000},
                 {"ms", 1000},  {"u", 1},       {"us", 1}};
    const char *p = text;
    uint64_t number;
    const char *wrong = take_number(&p, &number);

    if (wrong != NULL)
        return wrong;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(p, units[i].unit) != 0)
            continue;
        number *= units[i].us;
        if (number > UINT32_MAX)
            return "the interval is above 4294967295 us";
        *interval_us = (uint32_t)number;
        return NULL;
    }
    return "the interval must end in s, ms or us";
}

const char *
xk_vif_rate_parse(const char *text, uint64_t *bytes_per_interval,
                  uint32_t *interval_us)
{
    size_t length = strcspn(text, "@");
    uint64_t bytes_per_s, product;
    uint32_t us = INTERVAL_DEFAULT_US;
    const char *wrong = parse_speed(text, length, &bytes_per_s);

    if (wrong == NULL && text[length] == '@')
        wrong = parse_interval(text + length + 1, &us);
    if (wrong != NULL)
        return wrong;
    if (__builtin_mul_overflow(bytes_per_s, us, &product))
        return "the rate times the interval is too large";
    *bytes_per_interval = product / 1000000;
    if (*bytes_per_interval == 0) /* which would be no limit, as it is in xl */
        *bytes_per_interval = 1;
    *interval_us = us;
    return NULL;
}
