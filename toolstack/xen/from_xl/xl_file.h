/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a file of "xl save".
 *
 * Source: save_file_header of xl.h, docs/specs/libxl-migration-stream.pandoc
 * and libxc-migration-stream.pandoc of Xen 4.17:
 *
 *   48 bytes   magic, byte order, flags, length of the optional data
 *              optional data: 32 bits of length, and the configuration as
 *              libxl's JSON
 *   16 bytes   header of libxl's stream: "LibxlFmt", version, options
 *              records: type, length, body padded to 8 bytes. A record of type
 *              LIBXC_CONTEXT is followed by libxc's stream: headers of 24 and
 *              16 bytes, and records of the same form
 */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_FILE_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct xk_xl_file {
    struct xk_buf config;          /* JSON, or empty */
    off_t stream;                  /* offset of libxl's stream */
    unsigned xen_major, xen_minor; /* the Xen that the domain ran on */
};

/* True if the file begins with xl's magic. Does not move the file's position.
 */
bool xk_xl_file_is(int fd);

/* Read the whole file except the bodies of records, with pread(2), so that a
 * truncated or malformed file is noticed. XK_ERR_PROTOCOL: the file is cut off
 * or malformed. XK_ERR_UNSUPPORTED: it has another version. `what` names the
 * file in messages. The caller frees file->config, also after a failure. */
int xk_xl_file_read(int fd, const char *what, struct xk_xl_file *file,
                    struct xk_error *err);

#endif
