/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of its own for each test, removed afterwards. */
#ifndef XK_TESTS_FAKES_SCRATCH_H
#define XK_TESTS_FAKES_SCRATCH_H

#include <stddef.h>

/* Make a directory and point XK_STATE_DIR into it; returns its path. */
char *scratch_new(void);

/* Remove the directory and free the path. */
void scratch_free(char *path);

/* Returns how many entries the directory path/below has. */
size_t scratch_count(const char *path, const char *below);

#endif
