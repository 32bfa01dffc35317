/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-storage-daemon: serves an image that is not raw to xk-backend. It runs
 * as a user of its own, in a mount namespace that contains only the system's
 * programs and that image.
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_STORAGE_DAEMON_H
#define XK_TOOLSTACK_XEN_DEVICE_STORAGE_DAEMON_H

#include "toolstack/xen/device/device.h"

/* Start the daemon, which then exports the image. XK_ERR_IN_USE: another
 * process still has the image open at the deadline. */
int xk_vbd_start_daemon(const struct xk_xen_device *device,
                        struct xk_deadline deadline, struct xk_error *err);

/* Make the daemon export the image to the next xk-backend, after the requests
 * of the last, killed one are done. If they are not done by the deadline, the
 * image is not exported. */
int xk_vbd_offer_image(const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err);

/* Resize the image. No xk-backend may be running. Fails and changes nothing if
 * the format cannot be resized. */
int xk_vbd_resize_image(const struct xk_xen_device *device, uint64_t bytes,
                        struct xk_deadline deadline, struct xk_error *err);

/* Wait until no process has the image open, raw or not. The image stays locked
 * while requests of an ended process are in flight. XK_ERR_IN_USE at the
 * deadline. */
int xk_vbd_await_image(const struct xk_xen_device *device,
                       struct xk_deadline deadline, struct xk_error *err);

#endif
