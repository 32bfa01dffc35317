/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translates a configuration into libxl's. Needs no hypervisor. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

/* Initialise and fill *to; the caller disposes of it, also after a failure.
 * Fails with XK_ERR_UNSUPPORTED if a key is set that has no field: nothing is
 * dropped silently. ctx may be NULL if there is no Xen; then CPUs cannot be
 * named by NUMA node, and their numbers are not checked. */
int xk_xen_config(libxl_ctx *ctx, const struct xk_domain_config *config,
                  libxl_domain_config *to, struct xk_error *err);

/* True if the key has a field (libxl_fields.def). keys.def declares the other
 * keys unsupported on Xen. */
bool xk_xen_config_takes(enum xk_key key);

#endif
