/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/vdev.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

enum {
    XVD_MAJOR = 202,
    SD_MAJOR = 8,
    HD_MAJOR_LOW = 3,   /* hda, hdb */
    HD_MAJOR_HIGH = 22, /* hdc, hdd */
    EXTENDED = 1 << 28, /* for xvd disks and partitions from 16 on */
};

static const struct {
    const char *prefix;
    enum xk_disk_bus bus;
    unsigned index_max, partition_max;
} buses[] = {
    {"xvd", XK_BUS_XVD, (1 << 20) - 1, 255},
    {"hd", XK_BUS_HD, 3, 63},
    {"sd", XK_BUS_SD, 15, 15},
};

/* Take decimal digits without a leading zero, up to max, and move *p behind
 * them. */
static bool
take_number(const char **p, unsigned max, unsigned *number)
{
    const char *start = *p;
    unsigned sum = 0;

    for (; **p >= '0' && **p <= '9'; (*p)++) {
        sum = 10 * sum + (unsigned)(**p - '0');
        if (sum > max)
            return false;
    }
    *number = sum;
    return *p != start && (*start != '0' || *p == start + 1);
}

/* Take letters in bijective base 26, as disks are named: a, ..., z, aa, ... */
static bool
take_letters(const char **p, unsigned max, unsigned *number)
{
    const char *start = *p;
    unsigned sum = 0;

    for (; **p >= 'a' && **p <= 'z'; (*p)++) {
        sum = 26 * sum + (unsigned)(**p - 'a' + 1);
        if (sum > max + 1)
            return false;
    }
    *number = sum - 1;
    return *p != start;
}

static bool
parse_letters(const char *text, struct xk_vdev *vdev)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(buses); i++) {
        size_t length = strlen(buses[i].prefix);
        const char *p = text + length;

        if (strncmp(text, buses[i].prefix, length) != 0)
            continue;
        vdev->bus = buses[i].bus;
        vdev->partition = 0;
        if (!take_letters(&p, buses[i].index_max, &vdev->index))
            return false;
        if (*p == '\0')
            return true;
        return *p != '0' &&
               take_number(&p, buses[i].partition_max, &vdev->partition) &&
               *p == '\0';
    }
    return false;
}

/* d0p0 */
static bool
parse_dp(const char *text, struct xk_vdev *vdev)
{
    const char *p = text + 1;

    vdev->bus = XK_BUS_XVD;
    return *text == 'd' && take_number(&p, (1 << 20) - 1, &vdev->index) &&
           *p++ == 'p' && take_number(&p, 255, &vdev->partition) && *p == '\0';
}

static bool
decode(unsigned long number, struct xk_vdev *vdev)
{
    unsigned minor = number & 0xff;

    if (number >= EXTENDED) {
        *vdev = (struct xk_vdev){XK_BUS_XVD, (number >> 8) & 0xfffff, minor};
        return number < 2 * (unsigned long)EXTENDED;
    }
    switch (number >> 8) {
    case XVD_MAJOR:
        *vdev = (struct xk_vdev){XK_BUS_XVD, minor >> 4, minor & 15};
        return true;
    case SD_MAJOR:
        *vdev = (struct xk_vdev){XK_BUS_SD, minor >> 4, minor & 15};
        return true;
    case HD_MAJOR_LOW:
    case HD_MAJOR_HIGH:
        *vdev = (struct xk_vdev){XK_BUS_HD, minor >> 6, minor & 63};
        vdev->index += number >> 8 == HD_MAJOR_HIGH ? 2 : 0;
        return vdev->index < 4 && minor < 128;
    default:
        return false;
    }
}

bool
xk_vdev_parse(const char *text, struct xk_vdev *vdev)
{
    char *end;
    unsigned long number;

    if (*text < '0' || *text > '9')
        return parse_letters(text, vdev) || parse_dp(text, vdev);
    errno = 0;
    number = strtoul(text, &end, 0); /* a digit first: no sign, no blank */
    return errno == 0 && *end == '\0' && number <= INT_MAX &&
           decode(number, vdev);
}

unsigned
xk_vdev_number(const struct xk_vdev *vdev)
{
    unsigned index = vdev->index, partition = vdev->partition;

    if (vdev->bus == XK_BUS_SD)
        return SD_MAJOR << 8 | index << 4 | partition;
    if (vdev->bus == XK_BUS_HD)
        return (unsigned)(index < 2 ? HD_MAJOR_LOW : HD_MAJOR_HIGH) << 8 |
               (index & 1) << 6 | partition;
    if (index < 16 && partition < 16)
        return XVD_MAJOR << 8 | index << 4 | partition;
    return EXTENDED | index << 8 | partition;
}

unsigned
xk_disk_number(const struct xk_disk *disk)
{
    const struct xk_vdev vdev = {disk->bus, disk->index, disk->partition};

    return xk_vdev_number(&vdev);
}
