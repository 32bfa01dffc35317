/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-storage-daemon: serves an image that is not raw to xk-backend, as a user
 * of its own and where there is nothing but that image.
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_STORAGE_DAEMON_H
#define XK_TOOLSTACK_XEN_DEVICE_STORAGE_DAEMON_H

#include "toolstack/xen/device/device.h"

/* Start the daemon, which then offers the image. XK_ERR_IN_USE where another
 * has it at the deadline. */
int xk_vbd_start_daemon(const struct xk_xen_device *device,
                        struct xk_deadline deadline, struct xk_error *err);

/* Have the daemon offer the image to the next xk-backend. Requests of the last
 * one, which was killed, are done before; at the deadline there is no offer. */
int xk_vbd_offer_image(const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err);

/* Change the size of the image, while no xk-backend serves it. Where the format
 * cannot, that is an error, and all is as before. */
int xk_vbd_resize_image(const struct xk_xen_device *device, uint64_t bytes,
                        struct xk_deadline deadline, struct xk_error *err);

/* Wait until nobody has the image, raw or not: it stays locked as long as
 * requests of a process that has ended are still under way. XK_ERR_IN_USE at
 * the deadline. */
int xk_vbd_await_image(const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
