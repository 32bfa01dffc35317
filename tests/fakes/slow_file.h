/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file whose writes and syncs block and fail as a test says, and a loop
 * device on it. A child serves it as a file system through FUSE.
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
    int device;  /* keeps the loop device */
    int held_fd; /* eventfd: a request has begun to wait */
    int free_fd;
    struct slow_file_state *state;
};

/* Make the file at path, in a mount namespace of our own. */
void slow_file_new(struct slow_file *file, const char *path, uint64_t bytes,
                   bool with_loop);
void slow_file_free(struct slow_file *file);

/* From now on make writes, or syncs, wait. */
void slow_file_hold(struct slow_file *file, bool writes, bool syncs);
/* Wait until one of them waits. */
void slow_file_await_held(struct slow_file *file);
/* Hold no more, and let those that wait finish. */
void slow_file_release(struct slow_file *file);

/* Make the next writes and syncs fail with EIO; such a write is lost. */
void slow_file_fail(struct slow_file *file, unsigned writes, unsigned syncs);

/* Returns the byte that is stored there now. */
uint8_t slow_file_byte(const struct slow_file *file, uint64_t offset);

#endif
