/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parse disk specifications, xl-disk-configuration(5), for example
 * "/srv/a.img,qcow2,xvda,rw". */
#ifndef XK_TOOLSTACK_CONFIG_DISK_SYNTAX_H
#define XK_TOOLSTACK_CONFIG_DISK_SYNTAX_H

#include "toolstack/config/device_syntax.h"
#include "toolstack/config/domain_config.h"

/* Fill *disk, which need not be initialised. Call xk_disk_free() even on
 * failure. Returns -1 if an error was added to the spec's problems. */
int xk_disk_parse(const struct xk_spec *spec, struct xk_disk *disk);

/* Make the disk's target absolute. The target of a disk with a script is not a
 * path but an argument of the script, and stays as it is. */
int xk_disk_resolve(struct xk_disk *disk, struct xk_error *err);

/* Free what *disk holds. */
void xk_disk_free(struct xk_disk *disk);

#endif
