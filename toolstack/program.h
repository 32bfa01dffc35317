/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs of this project that xk starts. */
#ifndef XK_TOOLSTACK_PROGRAM_H
#define XK_TOOLSTACK_PROGRAM_H

#include "base/error.h"

/* Returns the path of a program: beside the running program, as in a tree that
 * is not installed, or where it was installed. The caller frees it. NULL with
 * XK_ERR_HOST. */
char *xk_program_find(const char *name, struct xk_error *err);

#endif
