/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system that a test can fill: a small tmpfs that only this process and
 * its children see. */
#ifndef XK_TESTS_FAKES_SMALL_DISK_H
#define XK_TESTS_FAKES_SMALL_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Move this process to a mount namespace of its own; call it once. False if
 * this user may not do that. */
bool small_disk_can_mount(void);

/* Make the directory and mount a file system of that many bytes on it. */
void small_disk_mount(const char *path, size_t bytes);
void small_disk_unmount(const char *path);

/* Leave that many bytes free, with a file ".filler". */
void small_disk_fill(const char *path, size_t left);
void small_disk_empty(const char *path);

#endif
