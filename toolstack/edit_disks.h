/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Editing the disks of a domain that exists: toolstack/edit.h. */
#ifndef XK_TOOLSTACK_EDIT_DISKS_H
#define XK_TOOLSTACK_EDIT_DISKS_H

#include "toolstack/host_drivers.h"

/* Attach the disk of a specification, as in a file's disk=
 * (xl-disk-configuration(5)). XK_ERR_CONFIG for an error in it, XK_ERR_EXISTS
 * if the domain has a disk of that name, XK_ERR_IN_USE if another domain uses
 * its image; then the domain is as before. */
int xk_domain_attach_disk(struct xk_host *host, struct xk_domain *domain,
                          const char *spec, struct xk_deadline deadline,
                          struct xk_error *err);

/* Detach the disk of that name ("xvdb", or its number). The guest is asked,
 * unless force. If it goes on using the disk, that is XK_ERR_IN_USE: it loses
 * the disk as soon as it releases it, or when this is called again with force.
 */
int xk_domain_detach_disk(struct xk_host *host, struct xk_domain *domain,
                          const char *vdev, bool force,
                          struct xk_deadline deadline, struct xk_error *err);

/* Put another medium into a cdrom drive; target NULL: none. */
int xk_domain_change_medium(struct xk_host *host, struct xk_domain *domain,
                            const char *vdev, const char *target,
                            struct xk_deadline deadline, struct xk_error *err);

/* Tell the guest the present size of the image. bytes other than 0: grow the
 * image to that size first, if it is a file. */
int xk_domain_resize_disk(struct xk_host *host, struct xk_domain *domain,
                          const char *vdev, uint64_t bytes,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
