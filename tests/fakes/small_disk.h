/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system that is full when a test wants it to be: a small tmpfs, seen by
 * this process and its children alone. */
#ifndef XK_TESTS_FAKES_SMALL_DISK_H
#define XK_TESTS_FAKES_SMALL_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* Once in a process: mounts of ours are nobody else's from here on. False where
 * this user may not do that. */
bool small_disk_can_mount(void);

/* Make the directory and mount so many bytes there. */
void small_disk_mount(const char *path, size_t bytes);
void small_disk_unmount(const char *path);

/* Leave so many bytes free, by a file called ".filler". */
void small_disk_fill(const char *path, size_t left);
void small_disk_empty(const char *path);

#endif
