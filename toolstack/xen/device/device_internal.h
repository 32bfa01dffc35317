/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Declarations that only the files of toolstack/xen/device share. */
#ifndef XK_TOOLSTACK_XEN_DEVICE_DEVICE_INTERNAL_H
#define XK_TOOLSTACK_XEN_DEVICE_DEVICE_INTERNAL_H

#include "base/buf.h"
#include "toolstack/xen/device/device.h"

#define XK_XEN_BACKEND_PROGRAM "xk-backend"

enum {
    /* How long to wait for a killed process to end. */
    XK_XEN_DEVICE_GONE_MS = 5000
};

/* ---- devices.c ---- */

/* Read the device of that number from its directory, whatever is in there. Free
 * its members with xk_xen_device_clear(). */
void xk_xen_device_read(const struct xk_record *record,
                        const struct xk_xen_device_kind *kind, unsigned number,
                        struct xk_xen_device *device);
void xk_xen_device_clear(struct xk_xen_device *device);

/* ---- process.c ---- */

/* Names one process of a device by two files in the device's directory: "file"
 * identifies the process, "lock" is the file that the process holds locked. */
struct xk_xen_device_process {
    const char *file, *lock;
};

bool xk_xen_device_process_lives(const struct xk_xen_device *device,
                                 const struct xk_xen_device_process *which);

/* Returns a pidfd, or -1. */
int xk_xen_device_open_process(const struct xk_xen_device *device,
                               const struct xk_xen_device_process *which);

/* Ask the process to end; kill it after 5 s or at the deadline. let_go: it is
 * enough that the process has released its lock, and with it everything of the
 * guest's. */
int xk_xen_device_end_process(const struct xk_xen_device *device,
                              const struct xk_xen_device_process *which,
                              bool let_go, struct xk_deadline deadline,
                              struct xk_error *err);

/* Call xk_xen_device_end_process() for xk-backend, without let_go. */
int xk_xen_device_end_backend(const struct xk_xen_device *device,
                              struct xk_deadline deadline,
                              struct xk_error *err);

/* A program that serves a device: it is given the directory, preceded by `word`
 * unless that is NULL, and appends its messages to the file `log` there. */
struct xk_xen_device_program {
    const char *name, *word, *log;
};

/* Start the program, which outlives us, and wait until it says that it is ready
 * (base/ready.h). */
int xk_xen_device_run(const struct xk_xen_device *device,
                      const struct xk_xen_device_program *which,
                      struct xk_deadline deadline, struct xk_error *err);

/* Returns the error that xk-backend printed: the first line of its standard
 * error without the program's prefix. The caller owns the text. */
char *xk_xen_device_complaint(const struct xk_buf *errors);

/* ---- control_client.c ---- */

/* Read until xk-backend has sent a line or closed its end. */
int xk_xen_device_read_line(int fd, struct xk_buf *line,
                            struct xk_deadline deadline, struct xk_error *err);

/* Returns the line as JSON, owned by the caller. If the line reports an error,
 * fails with that error. */
struct xk_json *xk_xen_device_take_line(const struct xk_buf *line,
                                        struct xk_error *err);

#endif
