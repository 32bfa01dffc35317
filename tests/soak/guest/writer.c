/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/soak/guest/writer.h"

enum {
    NEVER = 0,
    SUM = 0x5a5a5a5a
};
static const uint32_t torn = 0xffffffff;

static uint32_t id;
static uint32_t held[RING]; /* the number found in each block */
static uint32_t reads;
static uint32_t batch[BATCH * BLOCK_WORDS]
    __attribute__((aligned(BLOCK_BYTES)));
static uint32_t block[BLOCK_WORDS] __attribute__((aligned(BLOCK_BYTES)));

static char *
put_word(char *to, uint32_t word)
{
    *to++ = ' ';
    for (int shift = 28; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[word >> shift & 15];
    return to;
}

static void
tell(char what, const uint32_t *words, int count)
{
    char line[40], *to = line;

    *to++ = what;
    for (int i = 0; i < count; i++)
        to = put_word(to, words[i]);
    *to++ = '\n';
    *to = '\0';
    machine_put(line);
}

static void
tell_number(char what, uint32_t number)
{
    tell(what, (uint32_t[]){number, reads, number ^ reads ^ SUM}, 3);
}

static void
tell_lost(uint32_t slot, uint32_t wanted, uint32_t found)
{
    tell('L', (uint32_t[]){slot, wanted, found}, 3);
}

/* Report an error once per attempt; the caller repeats the request. */
static void
insist(bool done, uint32_t number)
{
    if (done)
        return;
    tell('E', &number, 1);
    machine_rest();
}

static void
fill(uint32_t *words, uint32_t number)
{
    for (int i = 0; i < BLOCK_WORDS; i += 4) {
        words[i] = number;
        words[i + 1] = ~number;
        words[i + 2] = id;
        words[i + 3] = number ^ id;
    }
}

static uint32_t
number_in(const uint32_t *words, uint32_t slot)
{
    uint32_t number = words[0], wrong = 0;

    if (number == NEVER) {
        for (int i = 0; i < BLOCK_WORDS; i++)
            wrong |= words[i];
        return wrong == 0 ? NEVER : torn;
    }
    for (int i = 0; i < BLOCK_WORDS; i += 4)
        wrong |= (words[i] ^ number) | (words[i + 1] ^ ~number) |
                 (words[i + 2] ^ id) | (words[i + 3] ^ number ^ id);
    return wrong == 0 && (number - 1) % RING == slot ? number : torn;
}

static void
read_block(uint32_t number)
{
    bool done;

    do {
        done = machine_read(number, block);
        insist(done, number);
    } while (!done);
}

static uint32_t
look_at(uint32_t slot)
{
    read_block(FIRST_BLOCK + slot);
    return number_in(block, slot);
}

/* The number that the block must have if exactly the numbers up to last are
 * written. */
static uint32_t
wanted(uint32_t slot, uint32_t last)
{
    uint32_t back = (last - 1 - slot) % RING;

    return last > back ? last - back : NEVER;
}

/* The batch after last may have been in flight: it may hold anything. */
static bool
is_open(uint32_t slot, uint32_t last)
{
    return slot - last % RING < BATCH;
}

static bool
all_is_there(uint32_t last, bool say)
{
    bool there = true;

    for (uint32_t slot = 0; slot < RING; slot++) {
        if (is_open(slot, last) || held[slot] == wanted(slot, last))
            continue;
        there = false;
        if (say)
            tell_lost(slot, wanted(slot, last), held[slot]);
    }
    return there;
}

/* Find the newest number, and with it how far an earlier life came. */
static uint32_t
find_last(void)
{
    uint32_t newest = 0, last;

    for (uint32_t slot = 0; slot < RING; slot++) {
        held[slot] = look_at(slot);
        if (held[slot] != torn && held[slot] > newest)
            newest = held[slot];
    }
    last = newest - newest % BATCH;
    if (last == newest && last > 0 && !all_is_there(last, false))
        last -= BATCH;
    all_is_there(last, true);
    return last;
}

static void
write_batch(uint32_t last)
{
    uint32_t slot = last % RING;
    bool done;

    for (uint32_t i = 0; i < BATCH; i++) {
        held[slot + i] = last + 1 + i;
        fill(batch + i * BLOCK_WORDS, last + 1 + i);
    }
    do {
        done = machine_write(FIRST_BLOCK + slot, batch) && machine_flush();
        insist(done, last + 1);
    } while (!done);
}

static void
look_again(void)
{
    static uint32_t random = 1;
    uint32_t slot, found;

    random = random * 1664525 + 1013904223;
    slot = (random >> 16) % RING;
    found = look_at(slot);
    if (found == held[slot])
        reads++;
    else
        tell_lost(slot, held[slot], found);
}

void
writer_run(void)
{
    uint32_t last;

    read_block(0);
    id = block[0];
    last = find_last();
    tell_number('B', last);
    /* The batch that was in flight may be torn until it is written again. */
    for (;; last += BATCH) {
        write_batch(last);
        tell_number('A', last + BATCH);
        look_again();
        look_again();
        machine_rest();
    }
}
