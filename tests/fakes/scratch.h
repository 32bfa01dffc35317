/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory of its own for each test, removed afterwards. */
#ifndef XK_TESTS_FAKES_SCRATCH_H
#define XK_TESTS_FAKES_SCRATCH_H

#include <stddef.h>

/* Makes a directory and points XK_STATE_DIR into it; returns its path. */
char *scratch_new(void);

/* Removes it and frees the path. */
void scratch_free(char *path);

/* How many entries a directory has. */
size_t scratch_count(const char *path, const char *below);

#endif
