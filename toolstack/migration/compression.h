/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether to compress what is sent. On a fast wire that costs more time than it
 * saves, on a slow one, or one that is enciphered, less: by default both ways
 * are tried now and then, and the one that takes less time for a byte is gone.
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

/* "none", "zstd", "auto"; false for another word. */
bool xk_compression_by_name(const char *name, enum xk_compression *how);

struct xk_compression_choice {
    enum xk_compression how;
    unsigned stage; /* of auto: one way, the other, the better one */
    uint64_t bytes; /* that went in this stage */
    int64_t ns;     /* that they took */
    double cost[2]; /* nanoseconds a byte: plain, compressed */
};

/* Whether what comes next is to be compressed. */
bool xk_compression_next(const struct xk_compression_choice *choice);

/* So many bytes took so long, the compressing as well. */
void xk_compression_took(struct xk_compression_choice *choice, size_t length,
                         int64_t ns);

#endif
