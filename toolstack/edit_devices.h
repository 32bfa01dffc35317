/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attaching and detaching devices of any kind, as edits (toolstack/edit.h). */
#ifndef XK_TOOLSTACK_EDIT_DEVICES_H
#define XK_TOOLSTACK_EDIT_DEVICES_H

#include "toolstack/host_drivers.h"
#include "toolstack/seam/device_ops.h"

/* A search among the devices that a domain has now: the name of one, as people
 * give it, or its number. */
struct xk_device_search {
    const char *name;
    bool found;
    unsigned number;
};

struct xk_edit_kind {
    enum xk_sync what;
    const char *noun;      /* "disk" */
    const char *detaching; /* the verb that detaches one */

    /* Add the device of a specification to the configuration, and set *number.
     * XK_ERR_EXISTS if the configuration has such a device. */
    int (*add)(struct xk_host *host, const struct xk_domain *domain,
               struct xk_domain_config *config, const char *spec,
               unsigned *number, struct xk_deadline deadline,
               struct xk_error *err);

    /* Remove the device of that name from the configuration, and set *number.
     * XK_ERR_NOT_FOUND if it has none. */
    int (*take_out)(struct xk_domain_config *config, const char *name,
                    unsigned *number, struct xk_error *err);

    /* Search among the devices that the domain has: one that its guest does
     * not release is not in the configuration. */
    int (*search)(const struct xk_domain *domain,
                  struct xk_device_search *search, struct xk_deadline deadline,
                  struct xk_error *err);
};

/* Attach the device of a specification. XK_ERR_CONFIG for an error in it,
 * XK_ERR_EXISTS if the domain has such a device, XK_ERR_IN_USE if somebody else
 * has what it needs; then the domain is as before. */
int xk_edit_attach(struct xk_host *host, struct xk_domain *domain,
                   const struct xk_edit_kind *kind, const char *spec,
                   struct xk_deadline deadline, struct xk_error *err);

/* Detach the device of that name. The guest is asked, unless force. If it goes
 * on using the device, that is XK_ERR_IN_USE: it loses the device as soon as it
 * releases it, or when this is called again with force. */
int xk_edit_detach(struct xk_host *host, struct xk_domain *domain,
                   const struct xk_edit_kind *kind, const char *name,
                   bool force, struct xk_deadline deadline,
                   struct xk_error *err);

/* For xk_edit_kind.add: fail with the problem that a specification has. */
int xk_edit_bad_spec(const char *spec, const struct xk_problems *problems,
                     struct xk_error *err);

#endif
