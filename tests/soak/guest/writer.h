/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that writes numbered blocks, has them flushed, and only then tells of
 * them; that reads old ones again; and that looks at its start whether all is
 * there that an earlier life of it can have told of.
 *
 * Block 256 + (number - 1) % 256 is 256 times {number, ~number, id, number ^
 * id}. The id is the first word of block 0. What it tells, each a line of words
 * of eight hexadecimal digits:
 *
 *   B number 0 sum         it starts; all up to number is there
 *   A number reads sum     all up to number is safe; so many reads were right
 *   L block wanted found   a block has another number than it must have
 *   E number               a request failed
 *
 * sum is number ^ reads ^ 5a5a5a5a: a line of which a part is missing counts
 * for nothing.
 */
#ifndef XK_TESTS_SOAK_GUEST_WRITER_H
#define XK_TESTS_SOAK_GUEST_WRITER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BLOCK_BYTES = 4096,
    BLOCK_WORDS = BLOCK_BYTES / 4,
    RING = 256,
    FIRST_BLOCK = 256,
    BATCH = 8,
};

/* What a machine must provide. Each call blocks as long as necessary. */
bool machine_read(uint32_t block, void *to);
/* Write BATCH consecutive blocks, all in flight at once. */
bool machine_write(uint32_t block, const void *from);
bool machine_flush(void);
void machine_put(const char *text);
/* Sleep for some hundredths of a second. */
void machine_rest(void);

/* Never returns. */
void writer_run(void);

#endif
