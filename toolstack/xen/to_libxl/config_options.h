/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translates the options of toolstack/config/options.def into fields of libxl's
 * devices, for the other config_*.c. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_OPTIONS_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_OPTIONS_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/options.h"

/* Put the given options into the device, a libxl_device_* of the set's kind.
 * Options that are not a single field are left to the caller. */
int xk_xen_put_givens(const struct xk_givens *givens, void *device,
                      struct xk_error *err);

/* True if the option has a field, or is the caller's to translate. */
bool xk_xen_takes_option(enum xk_option_id id);

/* Returns a copy of the text, or NULL for NULL. The caller owns it. */
char *xk_xen_copy(const char *text);

#endif
