/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps from the values of keys to a complete configuration. Each step adds
 * errors to *problems and continues, so that the user sees all of them at once.
 */
#ifndef XK_TOOLSTACK_CONFIG_RESOLVE_H
#define XK_TOOLSTACK_CONFIG_RESOLVE_H

#include "toolstack/config/cfg_file.h"
#include "toolstack/config/domain_config.h"

/* Fill the fields that come from single values, and their defaults. */
void xk_resolve_domain(struct xk_domain_config *config,
                       struct xk_problems *problems);

/* Fill disks and vifs. They are parsed from the file, so that problems can
 * point into their specifications. */
void xk_resolve_devices(struct xk_domain_config *config,
                        const struct xk_cfg_file *file,
                        struct xk_problems *problems);

/* Check rules that involve several keys, once all of them are filled. */
void xk_resolve_check(struct xk_domain_config *config,
                      struct xk_problems *problems);

/* Check a list of CPUs as in cpus=: "0-3,^1,node:2,all". Returns NULL, or what
 * is wrong. */
const char *xk_cpu_list_check(const char *text);

#endif
