/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source: dev_valid_name() and dev_get_valid_name() in net/core/dev.c of Linux.
 * The kernel treats a name with a '%' as a pattern and replaces the '%' by a
 * number, so no device ever has a '%' in its name.
 */
#include "net-helpers/name.h"

#include <ctype.h>
#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum {
    KERNEL_BLANK =
        0xa0, /* a blank to the kernel: its isspace() is ISO 8859-1 */
};

static bool
is_allowed(unsigned char c)
{
    return c != '/' && c != ':' && c != KERNEL_BLANK && !isspace(c) &&
           !iscntrl(c);
}

static bool
has_allowed_bytes(const char *name)
{
    for (; *name != '\0'; name++) {
        if (!is_allowed((unsigned char)*name))
            return false;
    }
    return true;
}

const char *
xk_net_name_check(const char *name)
{
    size_t length = strlen(name);

    if (length == 0 || length >= IFNAMSIZ || strcmp(name, ".") == 0 ||
        strcmp(name, "..") == 0 || !has_allowed_bytes(name))
        return "a network device's name has 1 to 15 bytes, without '/', ':' "
               "and blanks";
    if (strchr(name, '%') != NULL)
        return "a network device's name has no '%': the kernel would put a "
               "number in its place";
    return NULL;
}
