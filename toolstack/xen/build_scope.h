/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domains xk-build makes (builder/builder.h). */
#ifndef XK_TOOLSTACK_XEN_BUILD_SCOPE_H
#define XK_TOOLSTACK_XEN_BUILD_SCOPE_H

#include <stdbool.h>

#include "toolstack/config/domain_config.h"

/* Where libxl keeps its copies of configurations (XEN_LIB_DIR). */
#define XK_LIBXL_FILES "/var/lib/xen"

/* Whether all that is asked is what xk-build does: PV and PVH guests with a
 * kernel, whose only devices are a console and those that xk-backend serves.
 * All else is libxl's. */
bool xk_xen_builder_takes(const struct xk_domain_config *config);

#endif
