/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam: a look into the store in which guests and backends meet. A driver
 * whose hypervisor has no store lacks this group. The text that these calls
 * report may come from a guest.
 */
#ifndef XK_TOOLSTACK_SEAM_STORE_VIEW_OPS_H
#define XK_TOOLSTACK_SEAM_STORE_VIEW_OPS_H

#include "toolstack/hypervisor.h"

/* A device of a domain in the store, both ends. */
struct xk_store_device {
    const char *kind, *id;      /* "vbd", "51712" */
    const char *frontend_state; /* "Connected"; "-": none */
    const char *backend_state;
    const char *backend; /* its path, "": none */
};

typedef void xk_store_node_told(const char *path, const char *value,
                                void *context);
typedef bool xk_store_changed(const char *path, void *context);
typedef void xk_store_device_told(const struct xk_store_device *device,
                                  void *context);

struct xk_store_view_ops {
    /* Call told() for each node at and below a path, parents first. */
    int (*walk)(struct xk_hypervisor *hv, const char *path,
                xk_store_node_told *told, void *context,
                struct xk_deadline deadline, struct xk_error *err);

    /* Call changed() for each change at and below a path, until it returns
     * false or until the deadline (XK_ERR_TIMEOUT). */
    int (*watch)(struct xk_hypervisor *hv, const char *path,
                 xk_store_changed *changed, void *context,
                 struct xk_deadline deadline, struct xk_error *err);

    /* Call told() for each device of a domain. */
    int (*devices)(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   xk_store_device_told *told, void *context,
                   struct xk_deadline deadline, struct xk_error *err);
};

/* 0, or XK_ERR_UNSUPPORTED if there is no store. */
int xk_hv_need_store(const struct xk_hypervisor *hv, struct xk_error *err);

/* xk_hv_store_X() calls the member X, whose contract it has. */
int xk_hv_store_walk(struct xk_hypervisor *hv, const char *path,
                     xk_store_node_told *told, void *context,
                     struct xk_deadline deadline, struct xk_error *err);
int xk_hv_store_watch(struct xk_hypervisor *hv, const char *path,
                      xk_store_changed *changed, void *context,
                      struct xk_deadline deadline, struct xk_error *err);
int xk_hv_store_devices(struct xk_hypervisor *hv,
                        const struct xk_domain *domain,
                        xk_store_device_told *told, void *context,
                        struct xk_deadline deadline, struct xk_error *err);

#endif
