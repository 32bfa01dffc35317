/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kind "block": disks. The store calls their backends "xkvbd", a name that
 * libxl does not know.
 *
 * Beside the files of any device (device.h) its directory has
 *
 *   inflight      the log of requests under way
 *   flusher       where the process listens that flushes a raw image: it
 *                 outlives an xk-backend that is killed
 *   flusher.json  which process that is
 *
 * and, where the format is not raw, those of qemu-storage-daemon, which
 * xk-backend is a client of:
 *
 *   daemon.json   which process that is
 *   nbd           the socket on which it serves the image
 *   qmp           the socket on which it is told of other things
 *   qsd.lock      held as long as it lives
 *   qsd.pid       its pid, for people: it can write there
 */
#ifndef XK_TOOLSTACK_XEN_DEVICE_VBD_H
#define XK_TOOLSTACK_XEN_DEVICE_VBD_H

#include "toolstack/seam/device_ops.h"
#include "toolstack/xen/device/device.h"

extern const struct xk_xen_device_kind xk_vbd_kind;

/* What device.json says; the device has one. */
const char *xk_vbd_target(const struct xk_xen_device *device); /* "": none */
const char *xk_vbd_format(const struct xk_xen_device *device);
bool xk_vbd_is_cdrom(const struct xk_xen_device *device);

/* The same; false where there is no device.json. */
bool xk_vbd_is_read_write(const struct xk_xen_device *device);

/* What stands against serving the disk, before anything is made: an image that
 * is not there, is not what was stated (XK_ERR_CONFIG), or that another has
 * open (XK_ERR_IN_USE). shared: another host may have it open. */
int xk_vbd_check(const struct xk_state *state, const struct xk_disk *disk,
                 bool shared, struct xk_error *err);

/* Whether the next to serve it has to wait for what the last one began: nobody
 * serves the image, and it is not free. *why is set then. */
bool xk_vbd_waits_for_image(const struct xk_xen_device *device,
                            struct xk_error *why);

/* Make the image behind it that large, where it is not raw. Between end and
 * start of xk-backend; the guest waits. */
int xk_vbd_resize(const struct xk_xen_device *device, uint64_t bytes,
                  struct xk_deadline deadline, struct xk_error *err);

/* ---- disk_change.c ---- */

/* Make the disks of a domain those of a configuration (hypervisor.h). */
int xk_vbds_change(struct xk_xen *xen, const struct xk_record *record,
                   unsigned domid, const struct xk_change *change,
                   struct xk_deadline deadline, struct xk_error *err);

#endif
