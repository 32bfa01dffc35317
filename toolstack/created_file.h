/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files outside a domain's record that an operation makes for it: an image
 * where none was. They are noted in the journal before they get their name, so
 * that undoing the operation finds them, killed wherever it was; and it
 * removes a file only if it is the very one that was made.
 */
#ifndef XK_TOOLSTACK_CREATED_FILE_H
#define XK_TOOLSTACK_CREATED_FILE_H

#include "base/error.h"
#include "toolstack/record.h"

/* Fill a new file, open at fd for reading and writing, that for now is at
 * `path`. */
typedef int xk_made_file_fill(int fd, const char *path, const void *context,
                              struct xk_error *err);

/* Make a file, mode 0600, whose name appears when it is complete. The record is
 * locked and has an operation under way. XK_ERR_EXISTS where the name is taken;
 * on failure nothing is left. */
int xk_made_file(const struct xk_record *record, const char *path,
                 xk_made_file_fill *fill, const void *context,
                 struct xk_error *err);

/* Remove all that the operation under way has made; what cannot be removed is
 * warned of. Nothing where no operation is. */
void xk_made_files_remove(const struct xk_record *record);

#endif
