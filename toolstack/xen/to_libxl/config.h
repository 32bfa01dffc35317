/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a configuration to what libxl takes. Needs no hypervisor. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

/* Fill *to, which is initialised here and is the caller's to dispose of, on
 * failure too. A key that is set but has no place here is XK_ERR_UNSUPPORTED:
 * nothing is dropped in silence. ctx may be NULL, where there is no Xen: then
 * CPUs cannot be named by their NUMA node, and their numbers are not checked.
 */
int xk_xen_config(libxl_ctx *ctx, const struct xk_domain_config *config,
                  libxl_domain_config *to, struct xk_error *err);

/* Whether the key has a place: if not, keys.def calls it unsupported on Xen. */
bool xk_xen_config_takes(enum xk_key key);

#endif
