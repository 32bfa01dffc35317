/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxl says that something failed; the reason often stands in a log of who it
 * ran. */
#ifndef XK_TOOLSTACK_XEN_LIBXL_BLAME_H
#define XK_TOOLSTACK_XEN_LIBXL_BLAME_H

#include "base/buf.h"

/* Append what it means where libxl's words are its own, or the last lines of
 * the log that they point to, if any. name is the domain's, NULL: not known. */
void xk_libxl_blame(const char *said, const char *name, struct xk_buf *blame);

#endif
