/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a configuration to what libxl takes. Needs no hypervisor. */
#ifndef XK_TOOLSTACK_XEN_CONFIG_H
#define XK_TOOLSTACK_XEN_CONFIG_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

/* Fill *to, which is initialised here and is the caller's to dispose of, on
 * failure too. A key that is set but has no place here is XK_ERR_UNSUPPORTED:
 * nothing is dropped in silence. */
int xk_xen_config(const struct xk_domain_config *config,
                  libxl_domain_config *to, struct xk_error *err);

#endif
