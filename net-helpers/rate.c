/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/rate.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"

bool
xk_net_rate_parse(const char *text, uint64_t *bytes, uint32_t *interval_us)
{
    const char *comma = strchr(text, ',');
    XK_CLEANUP_FREE char *digits =
        comma != NULL ? xk_strndup(text, (size_t)(comma - text)) : NULL;
    uint64_t us;

    if (comma == NULL || !xk_parse_u64(digits, INT64_MAX, bytes) ||
        !xk_parse_u64(comma + 1, UINT32_MAX, &us))
        return false;
    *interval_us = (uint32_t)us;
    return *bytes != 0 && us != 0;
}

char *
xk_net_rate_format(uint64_t bytes, uint32_t interval_us)
{
    return xk_asprintf("%" PRIu64 ",%" PRIu32, bytes, interval_us);
}
