/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts a program that serves an image, QEMU's storage daemon, in a place
 * where there is nothing but that image.
 *
 * QEMU 7.2's daemon can neither drop its user nor be given descriptors of
 * images. So it is started as a user of its own that may open any file
 * (CAP_DAC_OVERRIDE), in a mount namespace with no file in it that is not
 * meant for it: its program and libraries and, where it is built on, each lower
 * layer, read-only; the image; its pid file. It has no network, no /proc, and
 * no way to more privileges.
 *
 * What it finds there:
 *   /image0, /image1, ...   the images, in the order given
 *   /qsd.pid                the file of that name in the device's directory
 *   descriptors 3 and 4     listening sockets, "nbd" and "qmp" there
 *   descriptor 5            the lock of "qsd.lock" there, to be kept
 *   descriptor 6            a connected socket, for a QMP monitor that is asked
 *                           whether it serves
 *
 * It stays in the foreground, and answers there once it serves. What it says
 * on its standard error from then on is lost. Which process it is stands in
 * "daemon.json", written before it gave up its privileges and nothing that it
 * can write itself.
 *
 * Sources: mount_namespaces(7), capabilities(7), open_tree(2).
 */
#ifndef XK_BACKENDS_STORAGE_STORAGE_H
#define XK_BACKENDS_STORAGE_STORAGE_H

#include "base/error.h"

enum {
    XK_STORAGE_IMAGES_MAX = 16
};

/* words: DIRECTORY UID IMAGE... -- PROGRAM [ARGUMENT...], where an IMAGE is
 * "ro:FD" or "rw:FD", a descriptor that we were started with. Returns once it
 * serves; XK_ERR_IN_USE where one does in that directory. */
int xk_storage_start(char **words, struct xk_error *err);

#endif
