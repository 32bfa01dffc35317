/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the options of toolstack/config/options.def stand in libxl's devices,
 * for the other files of the configuration. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_OPTIONS_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_OPTIONS_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/options.h"

/* Put what is given into the device, a libxl_device_* of the set's kind.
 * Options that need more than one field are left to the caller. */
int xk_xen_put_givens(const struct xk_givens *givens, void *device,
                      struct xk_error *err);

/* Whether the option has a place. */
bool xk_xen_takes_option(enum xk_option_id id);

/* A copy, or NULL of NULL. */
char *xk_xen_copy(const char *text);

#endif
