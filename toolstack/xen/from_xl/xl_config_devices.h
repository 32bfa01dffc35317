/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translates disks, network cards and displays of libxl's JSON into lines of a
 * configuration. */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_CONFIG_DEVICES_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_CONFIG_DEVICES_H

#include "toolstack/xen/from_xl/xl_lines.h"

xk_xl_take xk_xl_take_disks, xk_xl_take_vifs, xk_xl_take_vfbs;

/* Accepts the default keyboards, which come with the displays. Writes no line.
 */
xk_xl_take xk_xl_take_plain_vkbs;

#endif
