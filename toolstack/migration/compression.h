/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decide whether to compress a stream. On a fast link compressing costs more
 * time than it saves; on a slow or encrypted link it saves time. The default
 * (auto) tries both from time to time and continues with whichever takes less
 * time per byte.
 */
#ifndef XK_TOOLSTACK_MIGRATION_COMPRESSION_H
#define XK_TOOLSTACK_MIGRATION_COMPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xk_compression {
    XK_COMPRESSION_NONE,
    XK_COMPRESSION_ZSTD,
    XK_COMPRESSION_AUTO,
    XK_COMPRESSION_COUNT,
};

/* "none", "zstd", "auto". Returns false for any other word. */
bool xk_compression_by_name(const char *name, enum xk_compression *how);

struct xk_compression_choice {
    enum xk_compression how;
    unsigned stage; /* of auto: compressed, plain, the cheaper */
    uint64_t bytes; /* sent in this stage */
    int64_t ns;     /* spent on them */
    double cost[2]; /* nanoseconds per byte: plain, compressed */
};

/* Whether to compress the next chunk. */
bool xk_compression_next(const struct xk_compression_choice *choice);

/* Report that length bytes took ns, including the time to compress them. */
void xk_compression_took(struct xk_compression_choice *choice, size_t length,
                         int64_t ns);

#endif
