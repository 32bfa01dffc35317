/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processors of a configuration, for config.c: their number, placement
 * (cpus=, cpus_soft=, vnuma=) and features (cpuid=, viridian=, mca_caps=). */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_CPU_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_CONFIG_CPU_H

#include <libxl.h>

#include "base/error.h"
#include "toolstack/config/domain_config.h"

/* ctx may be NULL: see xk_xen_config(). */
int xk_xen_config_cpu(libxl_ctx *ctx, const struct xk_domain_config *config,
                      libxl_domain_build_info *to, struct xk_error *err);

#endif
