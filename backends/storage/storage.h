/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Start QEMU's storage daemon, which serves an image, in a mount namespace that
 * contains nothing but that image and the daemon's program.
 *
 * QEMU 7.2's daemon can neither drop its user nor be given descriptors of
 * images. So it runs as a user of its own that may open any file
 * (CAP_DAC_OVERRIDE), in a mount namespace that only has files meant for it:
 * read-only its program and libraries and the lower layers of its image; and
 * writable the image and its pid file. It has no network and no /proc, and
 * cannot gain privileges.
 *
 * The daemon finds there:
 *   /image0, /image1, ...   the images, in the order given
 *   /qsd.pid                the file of that name in the device's directory
 *   descriptors 3 and 4     listening sockets "nbd" and "qmp" of that directory
 *   descriptor 5            the lock on its "qsd.lock", to be kept open
 *   descriptor 6            a connected socket, for a QMP monitor that answers
 *                           once the daemon serves
 *
 * The daemon stays in the foreground. Once it serves, its standard error is
 * lost. "daemon.json" says which process it is; that file is written before the
 * daemon drops its privileges, and the daemon cannot write it.
 *
 * Sources: mount_namespaces(7), capabilities(7), open_tree(2).
 */
#ifndef XK_BACKENDS_STORAGE_STORAGE_H
#define XK_BACKENDS_STORAGE_STORAGE_H

#include "base/error.h"

enum {
    XK_STORAGE_IMAGES_MAX = 16
};

/* Start a daemon and wait until it serves. words: DIRECTORY UID IMAGE... --
 * PROGRAM [ARGUMENT...]; an IMAGE is "ro:FD" or "rw:FD", a descriptor that this
 * process inherited. XK_ERR_IN_USE if a daemon of that directory lives. */
int xk_storage_start(char **words, struct xk_error *err);

#endif
