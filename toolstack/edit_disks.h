/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Editing the disks of a domain that exists: toolstack/edit.h. */
#ifndef XK_TOOLSTACK_EDIT_DISKS_H
#define XK_TOOLSTACK_EDIT_DISKS_H

#include "toolstack/host_drivers.h"

/* Give the domain the disk of a specification, as in a file's disk=
 * (xl-disk-configuration(5)). XK_ERR_CONFIG for what is wrong with it,
 * XK_ERR_EXISTS where there is a disk of that name, XK_ERR_IN_USE where another
 * has its image; then the domain is as before. */
int xk_domain_attach_disk(struct xk_host *host, struct xk_domain *domain,
                          const char *spec, struct xk_deadline deadline,
                          struct xk_error *err);

/* Take the disk of that name ("xvdb", or its number) from the domain. The guest
 * is asked, unless force; where it goes on using the disk that is
 * XK_ERR_IN_USE, and it loses the disk as soon as it lets go of it, or where
 * this is called once more with force. */
int xk_domain_detach_disk(struct xk_host *host, struct xk_domain *domain,
                          const char *vdev, bool force,
                          struct xk_deadline deadline, struct xk_error *err);

/* Put another medium into a cdrom drive; target NULL: none. */
int xk_domain_change_medium(struct xk_host *host, struct xk_domain *domain,
                            const char *vdev, const char *target,
                            struct xk_deadline deadline, struct xk_error *err);

/* Tell the guest the size that the image has by now; bytes other than 0: make
 * the image that large before, where it is a file. */
int xk_domain_resize_disk(struct xk_host *host, struct xk_domain *domain,
                          const char *vdev, uint64_t bytes,
                          struct xk_deadline deadline, struct xk_error *err);

#endif
