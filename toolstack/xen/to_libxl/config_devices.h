/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The disks and network cards of a configuration, for config.c. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_DEVICES_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_DEVICES_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

int xk_xen_config_devices(const struct xk_domain_config *config,
                          libxl_domain_config *to, struct xk_error *err);

#endif
