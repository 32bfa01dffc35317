/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk of a guest for a test: a real storage daemon on an image whose writes
 * and flushes end when the test says so. Needs root, for the image.
 */
#ifndef XK_TESTS_UNIT_TOOLSTACK_XEN_DEVICE_VBD_SUPPORT_H
#define XK_TESTS_UNIT_TOOLSTACK_XEN_DEVICE_VBD_SUPPORT_H

#include <stdint.h>
#include <sys/types.h>

#include "tests/fakes/slow_file.h"
#include "toolstack/xen/device/vbd.h"

enum {
    VBD_SOON_MS = 300,
    VBD_WAIT_MS = 20000,
};

extern struct vbd_world {
    char *folder; /* of the device */
    struct slow_file image;
    struct xk_xen_device device;
    pid_t daemon_pid; /* 0: ended */
} vbd_world;

/* For cmocka, before and after each test. */
int vbd_set_up(void **state);
int vbd_tear_down(void **state);

void vbd_end_daemon(void);

/* Write a device.json for the engine "nbd" or "file". */
struct xk_json *vbd_json(const char *engine);

/* Write a block through a client of the daemon. Returns -1 if that fails. */
int vbd_write_with(uint8_t fill);

#endif
