/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file whose writes and syncs wait and fail as a test says, and a loop device
 * on it: a real file system of the kernel (FUSE), served by a child.
 */
#ifndef XK_TESTS_FAKES_SLOW_FILE_H
#define XK_TESTS_FAKES_SLOW_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct slow_file {
    char *path;
    char loop[32]; /* the device, or "" */
    pid_t server;
    int device;  /* keeps the loop */
    int held_fd; /* an eventfd: something waits now that did not */
    int free_fd;
    struct slow_file_state *state;
};

/* At path, which is made; in a name space of mounts of our own. */
void slow_file_new(struct slow_file *file, const char *path, uint64_t bytes,
                   bool with_loop);
void slow_file_free(struct slow_file *file);

/* From now on writes, or syncs, wait. */
void slow_file_hold(struct slow_file *file, bool writes, bool syncs);
/* Until one does. */
void slow_file_await_held(struct slow_file *file);
/* No more, and those that wait go on. */
void slow_file_release(struct slow_file *file);

/* The next ones end with EIO, and what they wrote is not there. */
void slow_file_fail(struct slow_file *file, unsigned writes, unsigned syncs);

/* What is there now. */
uint8_t slow_file_byte(const struct slow_file *file, uint64_t offset);

#endif
