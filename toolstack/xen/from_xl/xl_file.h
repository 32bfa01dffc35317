/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain that "xl save" wrote to a file.
 *
 * Source: save_file_header of xl.h, docs/specs/libxl-migration-stream.pandoc
 * and libxc-migration-stream.pandoc of Xen 4.17:
 *
 *   48 bytes   magic, byte order, flags, length of what follows
 *              32 bits of length, and the configuration: libxl's JSON
 *   16 bytes   libxl's stream: "LibxlFmt", its version, its options
 *              records: type, length, body padded to 8 bytes; the one that is
 *              libxc's stream is followed by it: headers of 24 and 16 bytes,
 *              and records of the same form
 */
#ifndef XK_TOOLSTACK_XEN_FROM_XL_XL_FILE_H
#define XK_TOOLSTACK_XEN_FROM_XL_XL_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

struct xk_xl_file {
    struct xk_buf config;          /* JSON; empty: there is none */
    off_t stream;                  /* where libxl's stream begins */
    unsigned xen_major, xen_minor; /* that the domain ran on */
};

/* Whether a file begins as such a one does. Its position stays. */
bool xk_xl_file_is(int fd);

/* Read all of it but the bodies of records, by pread(2): whatever is between
 * here and the last record is there, in its order. XK_ERR_PROTOCOL where the
 * file is cut off or cannot be, XK_ERR_UNSUPPORTED for one of another version.
 * what is for messages. Free file->config at the end, on failure too. */
int xk_xl_file_read(int fd, const char *what, struct xk_xl_file *file,
                    struct xk_error *err);

#endif
