/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libxl often reports only that something failed; the cause is in the log of
 * the program that it started (QEMU, a hotplug script). */
#ifndef XK_TOOLSTACK_XEN_LIBXL_BLAME_H
#define XK_TOOLSTACK_XEN_LIBXL_BLAME_H

#include "base/buf.h"

/* Append an explanation of libxl's message, if it is a known one, or the last
 * lines of the log that the message points to, if any. name is the domain's;
 * NULL: unknown. */
void xk_libxl_blame(const char *said, const char *name, struct xk_buf *blame);

#endif
