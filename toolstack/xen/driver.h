/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Xen driver. */
#ifndef XK_TOOLSTACK_XEN_DRIVER_H
#define XK_TOOLSTACK_XEN_DRIVER_H

#include "toolstack/hypervisor.h"

extern const struct xk_hypervisor_ops xk_xen_ops;

#endif
