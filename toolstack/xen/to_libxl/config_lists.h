/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that a configuration gives as lists of specifications, for
 * config.c: p9=, vtpm=, pvcalls=, channel=, vfb=, vkb=, vdispl=, usbctrl=,
 * usbdev= and pci=. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_LISTS_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_LISTS_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

int xk_xen_config_lists(const struct xk_domain_config *config,
                        libxl_domain_config *to, struct xk_error *err);

/* Add a framebuffer and the keyboard that goes with it; returns the former. */
libxl_device_vfb *xk_xen_add_vfb(libxl_domain_config *to);

#endif
