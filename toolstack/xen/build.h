/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of the helper programs that take a configuration. */
#ifndef XK_TOOLSTACK_XEN_BUILD_H
#define XK_TOOLSTACK_XEN_BUILD_H

#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/transfer_ops.h"

struct xk_xen;

/* Run a helper's verb that takes a configuration: xk_xen_helper() with the
 * configuration as its input. program: NULL means xk-libxl; record: the helper
 * holds its lock, may be NULL; stream_fd: -1 means none. */
int xk_xen_helper_config(struct xk_xen *xen, const char *program,
                         const char *verb, const struct xk_record *record,
                         const struct xk_domain_config *config, int stream_fd,
                         const struct xk_send_watch *watch,
                         struct xk_json **result, struct xk_deadline deadline,
                         struct xk_error *err);

/* Run xk-libxl's verb ("disks", "cards") that attaches, changes and detaches
 * libxl's devices until the domain has those of the configuration. */
int xk_xen_sync_libxl(struct xk_xen *xen, const char *verb,
                      const struct xk_record *record, unsigned domid,
                      const struct xk_change *change,
                      struct xk_deadline deadline, struct xk_error *err);

/* Attach the devices that xk-backend serves, after a helper has made the
 * domain. answer is the helper's result, which names the domid. */
int xk_xen_attach_ours(struct xk_xen *xen, const struct xk_record *record,
                       const struct xk_domain_config *config,
                       const struct xk_json *answer,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
