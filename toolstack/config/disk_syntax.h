/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disk specifications, xl-disk-configuration(5), for example
 * "/srv/a.img,qcow2,xvda,rw". */
#ifndef XK_TOOLSTACK_CONFIG_DISK_SYNTAX_H
#define XK_TOOLSTACK_CONFIG_DISK_SYNTAX_H

#include "toolstack/config/device_syntax.h"
#include "toolstack/config/domain_config.h"

/* Fill *disk, which need not be initialised; xk_disk_free() it in any case.
 * Returns -1 where an error was added to the spec's problems. */
int xk_disk_parse(const struct xk_spec *spec, struct xk_disk *disk);

/* Make its target one that means the same from any directory. A target for a
 * script is the script's own word and stays. */
int xk_disk_resolve(struct xk_disk *disk, struct xk_error *err);

/* Free what *disk holds. */
void xk_disk_free(struct xk_disk *disk);

#endif
