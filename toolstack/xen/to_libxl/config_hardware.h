/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hardware of the host that a configuration assigns to the guest, for
 * config.c: ports, memory and interrupts (ioports=, iomem=, irqs=, rdm=,
 * dtdev=); and the firmware. Call this after config_lists.h, which adds the PCI
 * devices. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_HARDWARE_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_HARDWARE_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

int xk_xen_config_hardware(const struct xk_domain_config *config,
                           libxl_domain_config *to, struct xk_error *err);

#endif
