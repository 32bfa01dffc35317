/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What files of toolstack/xen/device share, and nobody else includes. */
#ifndef XK_TOOLSTACK_XEN_DEVICE_DEVICE_INTERNAL_H
#define XK_TOOLSTACK_XEN_DEVICE_DEVICE_INTERNAL_H

#include "base/buf.h"
#include "toolstack/xen/device/device.h"

#define XK_XEN_BACKEND_PROGRAM "xk-backend"

enum {
    /* For the end of a process that was killed. */
    XK_XEN_DEVICE_GONE_MS = 5000
};

/* ---- devices.c ---- */

/* Read the device of that number from its directory, which may be anything.
 * xk_xen_device_clear() frees what it has. */
void xk_xen_device_read(const struct xk_record *record,
                        const struct xk_xen_device_kind *kind, unsigned number,
                        struct xk_xen_device *device);
void xk_xen_device_clear(struct xk_xen_device *device);

/* ---- process.c ---- */

/* A process of a device, by two files in the directory of the device: one that
 * says which process it is, and one that the process holds locked. */
struct xk_xen_device_process {
    const char *file, *lock;
};

bool xk_xen_device_process_lives(const struct xk_xen_device *device,
                                 const struct xk_xen_device_process *which);

/* A pidfd, or -1. */
int xk_xen_device_open_process(const struct xk_xen_device *device,
                               const struct xk_xen_device_process *which);

/* Ask it to end, and kill it after 5 s, or at the deadline. let_go: it is
 * enough that it has given up its lock, and with that all of the guest's. */
int xk_xen_device_end_process(const struct xk_xen_device *device,
                              const struct xk_xen_device_process *which,
                              bool let_go, struct xk_deadline deadline,
                              struct xk_error *err);

/* The same for xk-backend only. */
int xk_xen_device_end_backend(const struct xk_xen_device *device,
                              struct xk_deadline deadline,
                              struct xk_error *err);

/* What xk-backend complained of as it ended: the first line of its standard
 * error, without who says it. The caller's. */
char *xk_xen_device_complaint(const struct xk_buf *errors);

/* ---- control_client.c ---- */

/* Read until xk-backend has said a line, or has closed its end. */
int xk_xen_device_read_line(int fd, struct xk_buf *line,
                            struct xk_deadline deadline, struct xk_error *err);

/* The line as JSON, which is the caller's; or the error that it tells. */
struct xk_json *xk_xen_device_take_line(const struct xk_buf *line,
                                        struct xk_error *err);

#endif
