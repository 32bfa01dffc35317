/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files outside a domain's record that an operation makes for the domain, such
 * as a missing image. The journal notes a file before it gets its name, so that
 * an undo finds it wherever the operation was killed. An undo removes a file
 * only if it is the very file that was made.
 */
#ifndef XK_TOOLSTACK_CREATED_FILE_H
#define XK_TOOLSTACK_CREATED_FILE_H

#include "base/error.h"
#include "toolstack/record.h"

/* Write the contents of the new file, which is open for reading and writing.
 * `path` is its temporary name. */
typedef int xk_made_file_fill(int fd, const char *path, const void *context,
                              struct xk_error *err);

/* Make a file, mode 0600, whose name appears when it is complete. The record is
 * locked and has an operation in progress. XK_ERR_EXISTS if the name is taken;
 * on failure nothing is left. */
int xk_made_file(const struct xk_record *record, const char *path,
                 xk_made_file_fill *fill, const void *context,
                 struct xk_error *err);

/* Remove all files that the operation in progress has made. If one cannot be
 * removed, warn. Do nothing if no operation is in progress. */
void xk_made_files_remove(const struct xk_record *record);

#endif
