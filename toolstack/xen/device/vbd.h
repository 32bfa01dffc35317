/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind "block": disks. Their backends are called "xkvbd" in xenstore, a
 * name that libxl does not know.
 *
 * Beside the files of every device (device.h) the directory holds
 *
 *   inflight      the log of requests in flight
 *   flusher       the socket of the process that flushes a raw image; that
 *                 process outlives a killed xk-backend
 *   flusher.json  the identity of that process
 *
 * and, if the format is not raw, the files of qemu-storage-daemon, whose client
 * xk-backend is:
 *
 *   daemon.json   the identity of that process
 *   nbd           the socket on which it serves the image
 *   qmp           the socket on which it takes commands
 *   qsd.lock      held while it lives
 *   qsd.pid       its pid, for people only: the jailed daemon can write there
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_VBD_H
#define XK_TOOLSTACK_XEN_DEVICE_VBD_H

#include "toolstack/xen/device/device.h"

extern const struct xk_xen_device_kind xk_vbd_kind;

/* Members of device.json. The device must have one. */
const char *xk_vbd_target(const struct xk_xen_device *device); /* "": none */
const char *xk_vbd_format(const struct xk_xen_device *device);
bool xk_vbd_is_cdrom(const struct xk_xen_device *device);

/* True if device.json says so; false without a device.json. */
bool xk_vbd_is_read_write(const struct xk_xen_device *device);

/* Fails if the disk cannot be served: its image is missing or is not what the
 * configuration states (XK_ERR_CONFIG), or another process has it open
 * (XK_ERR_IN_USE). Makes nothing. shared: another host may have it open. */
int xk_vbd_check(const struct xk_state *state, const struct xk_disk *disk,
                 bool shared, struct xk_error *err);

/* True if the next xk-backend has to wait for its predecessor's I/O: no process
 * serves the image, yet it is still locked. Sets *why then. */
bool xk_vbd_waits_for_image(const struct xk_xen_device *device,
                            struct xk_error *why);

/* Resize the disk's image to that many bytes; XK_ERR_UNSUPPORTED for a raw one.
 * Ends xk-backend and starts it again; the guest waits meanwhile. */
int xk_vbd_resize(const struct xk_xen_device *device, uint64_t bytes,
                  struct xk_deadline deadline, struct xk_error *err);

#endif
