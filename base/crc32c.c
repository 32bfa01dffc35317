/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/crc32c.h"

#include <string.h>

#define POLYNOMIAL UINT32_C(0x82f63b78) /* reflected */

/* Four bits at a time: the preprocessor can compute a table that small, and
 * only processors without SSE 4.2 need it. */
#define STEP(crc) ((crc) >> 1 ^ ((crc)&1 ? POLYNOMIAL : 0))
#define ROW(n) STEP(STEP(STEP(STEP((uint32_t)(n)))))

static const uint32_t table[16] = {
    ROW(0), ROW(1), ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7),
    ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15),
};

static uint32_t
by_table(uint32_t crc, const unsigned char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
by_instruction(uint32_t crc, const unsigned char *data, size_t length)
{
    uint64_t wide = crc;

    for (; length >= sizeof(uint64_t); length -= sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, data, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
        data += sizeof(word);
    }
    crc = (uint32_t)wide;
    while (length-- > 0)
        crc = __builtin_ia32_crc32qi(crc, *data++);
    return crc;
}
#endif

uint32_t
xk_crc32c(uint32_t sum, const void *data, size_t length)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~by_instruction(~sum, data, length);
#endif
    return ~by_table(~sum, data, length);
}
