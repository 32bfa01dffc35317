/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domains xk-build can make (builder/builder.h). */
#ifndef XK_TOOLSTACK_XEN_BUILD_SCOPE_H
#define XK_TOOLSTACK_XEN_BUILD_SCOPE_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

/* Directory of libxl's copies of configurations (XEN_LIB_DIR). */
#define XK_LIBXL_FILES "/var/lib/xen"

/* True if xk-build supports everything in the configuration: a PV or PVH guest
 * with a kernel, whose only devices are a console and devices that xk-backend
 * serves. libxl builds all other domains. */
bool xk_xen_builder_takes(const struct xk_domain_config *config);

#endif
