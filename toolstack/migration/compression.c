/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/compression.h"

#include <assert.h>
#include <string.h>

#include "base/util.h"

enum {
    TRY_COMPRESSED,
    TRY_PLAIN,
    GO_ON,
    STAGE_COUNT,
};

/* A trial must be long: socket buffers absorb its first part at no cost. The
 * result is used for a limited time, because a guest's memory changes. */
static const uint64_t stage_bytes[] = {
    [TRY_COMPRESSED] = 1 << 20,
    [TRY_PLAIN] = 1 << 20,
    [GO_ON] = 32 << 20,
};
static_assert(XK_ARRAY_SIZE(stage_bytes) == STAGE_COUNT,
              "each stage has a length");

bool
xk_compression_by_name(const char *name, enum xk_compression *how)
{
    static const char *const names[] = {
        [XK_COMPRESSION_NONE] = "none",
        [XK_COMPRESSION_ZSTD] = "zstd",
        [XK_COMPRESSION_AUTO] = "auto",
    };
    static_assert(XK_ARRAY_SIZE(names) == XK_COMPRESSION_COUNT,
                  "a name per compression");

    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *how = (enum xk_compression)i;
        return true;
    }
    return false;
}

bool
xk_compression_next(const struct xk_compression_choice *choice)
{
    if (choice->how != XK_COMPRESSION_AUTO)
        return choice->how == XK_COMPRESSION_ZSTD;
    if (choice->stage == GO_ON)
        return choice->cost[true] < choice->cost[false];
    return choice->stage == TRY_COMPRESSED;
}

void
xk_compression_took(struct xk_compression_choice *choice, size_t length,
                    int64_t ns)
{
    bool compressed = xk_compression_next(choice);

    choice->bytes += length;
    choice->ns += ns;
    if (choice->bytes < stage_bytes[choice->stage])
        return;
    choice->cost[compressed] = (double)choice->ns / (double)choice->bytes;
    choice->stage = (choice->stage + 1) % STAGE_COUNT;
    choice->bytes = 0;
    choice->ns = 0;
}
