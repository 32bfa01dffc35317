/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps from the values of keys to a whole configuration. Each adds what
 * is wrong to *problems and goes on, so that all of it is seen at once. */
#ifndef XK_TOOLSTACK_CONFIG_RESOLVE_H
#define XK_TOOLSTACK_CONFIG_RESOLVE_H

#include "toolstack/config/cfg_file.h"
#include "toolstack/config/domain_config.h"

/* Fill the fields that come from single values, with defaults. */
void xk_resolve_domain(struct xk_domain_config *config,
                       struct xk_problems *problems);

/* Fill disks and vifs. They come from the file, so that problems can point
 * into their texts. */
void xk_resolve_devices(struct xk_domain_config *config,
                        const struct xk_cfg_file *file,
                        struct xk_problems *problems);

/* Check what concerns several keys, once all of them are there. */
void xk_resolve_check(struct xk_domain_config *config,
                      struct xk_problems *problems);

/* Whether text lists CPUs as cpus= does: "0-3,^1,node:2,all". NULL, or what is
 * wrong with it. */
const char *xk_cpu_list_check(const char *text);

#endif
