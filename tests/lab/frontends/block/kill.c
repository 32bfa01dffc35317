/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backends that are killed, or stopped, under a frontend that goes on. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/util.h"
#include "tests/lab/frontends/block/block.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    SLOTS = 32,
    BLOCK_PAGES = 4,
    BLOCK_SECTORS = 32,
    BLOCKS = LOOP_IMAGE_BYTES / (BLOCK_PAGES * 4096),
    KILLS = 50,
};

struct slot {
    bool busy;
    uint8_t operation;
    unsigned block; /* BLOCKS: of a flush, which has none */
    uint64_t stamp;
};

/* What is known of the disk and of what is asked. */
struct load {
    struct loop_device *device;
    unsigned ring;
    struct slot slots[SLOTS];
    uint64_t stamps[BLOCKS]; /* 0: never written */
    bool busy[BLOCKS + 1];
    uint64_t next_stamp, random;
    unsigned answered, flushed;
};

static uint64_t
roll(struct load *load)
{
    load->random ^= load->random << 13;
    load->random ^= load->random >> 7;
    load->random ^= load->random << 17;
    return load->random;
}

static uint64_t *
words_of(struct load *load, unsigned slot)
{
    return (uint64_t *)(load->device->data + slot * BLOCK_PAGES * 4096ul);
}

static void
stamp(struct load *load, unsigned slot, uint64_t value)
{
    uint64_t *words = words_of(load, slot);

    for (unsigned i = 0; i < BLOCK_PAGES * 512; i++)
        words[i] = value * 0x9e3779b97f4a7c15ull + i;
}

static bool
is_stamped(struct load *load, unsigned slot, uint64_t value)
{
    const uint64_t *words = words_of(load, slot);

    for (unsigned i = 0; i < BLOCK_PAGES * 512; i++) {
        if (words[i] != (value == 0 ? 0 : value * 0x9e3779b97f4a7c15ull + i))
            return false;
    }
    return true;
}

static unsigned
choose_block(struct load *load)
{
    unsigned block;

    do
        block = (unsigned)(roll(load) % BLOCKS);
    while (load->busy[block]);
    load->busy[block] = true;
    return block;
}

static void
ask_for_flush(struct load *load, unsigned number)
{
    struct loop_device *device = load->device;
    struct blkif_bytes entry = blkif_direct(block_of(device)->options.abi,
                                            XK_BLKIF_OP_FLUSH, number, 0, 0);

    load->slots[number] = (struct slot){
        .busy = true, .operation = XK_BLKIF_OP_FLUSH, .block = BLOCKS};
    loop_put(device, load->ring, &entry);
}

static void
ask(struct load *load, unsigned number)
{
    static const uint8_t operations[] = {XK_BLKIF_OP_FLUSH, XK_BLKIF_OP_READ,
                                         XK_BLKIF_OP_READ,  XK_BLKIF_OP_READ,
                                         XK_BLKIF_OP_WRITE, XK_BLKIF_OP_WRITE,
                                         XK_BLKIF_OP_WRITE, XK_BLKIF_OP_WRITE};
    struct loop_device *device = load->device;
    struct slot *slot = &load->slots[number];
    uint8_t operation = operations[roll(load) % sizeof(operations)];
    struct blkif_bytes entry;

    if (operation == XK_BLKIF_OP_FLUSH) {
        ask_for_flush(load, number);
        return;
    }
    *slot = (struct slot){.busy = true,
                          .operation = operation,
                          .block = choose_block(load),
                          .stamp = ++load->next_stamp};
    stamp(load, number,
          operation == XK_BLKIF_OP_WRITE ? slot->stamp : UINT64_MAX);
    entry = blkif_direct(block_of(device)->options.abi, operation, number,
                         slot->block * BLOCK_SECTORS, BLOCK_PAGES);
    for (unsigned i = 0; i < BLOCK_PAGES; i++)
        blkif_set_segment(block_of(device)->options.abi, &entry, i,
                          device->data_grefs[number * BLOCK_PAGES + i], 0, 7);
    loop_put(device, load->ring, &entry);
}

static bool
take_answer(struct load *load, int ms)
{
    struct loop_response response;
    struct slot *slot;

    if (!loop_next(load->device, load->ring, &response, ms))
        return false;
    MUST(response.id < SLOTS, "an answer to nothing");
    slot = &load->slots[response.id];
    MUST(slot->busy, "request %u is answered twice", (unsigned)response.id);
    MUST(response.status == XK_BLKIF_OK, "an error: %d", response.status);
    MUST(slot->operation != XK_BLKIF_OP_READ ||
             is_stamped(load, (unsigned)response.id, load->stamps[slot->block]),
         "block %u holds something else", slot->block);
    if (slot->operation == XK_BLKIF_OP_WRITE)
        load->stamps[slot->block] = slot->stamp;
    load->flushed += slot->operation == XK_BLKIF_OP_FLUSH;
    slot->busy = load->busy[slot->block] = false;
    load->answered++;
    return true;
}

static void
keep_busy(struct load *load, int64_t ns)
{
    int64_t end = xk_now_ns() + ns;

    do {
        for (unsigned i = 0; i < SLOTS; i++) {
            if (!load->slots[i].busy)
                ask(load, i);
        }
        loop_push(load->device, load->ring);
        take_answer(load, 10);
    } while (xk_now_ns() < end);
}

static void
drain(struct load *load)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        while (load->slots[i].busy)
            MUST(take_answer(load, LOOP_WAIT_MS), "request %u is lost", i);
    }
}

static struct load *
new_load(struct loop_device *device)
{
    static struct load load;

    memset(&load, 0, sizeof(load));
    load.device = device;
    load.random = 88172645463325252ull;
    return &load;
}

static void
killed_under_load(struct loop_device *device)
{
    struct load *load = new_load(device);
    struct loop_kills kills = {.most = KILLS};

    loop_connect(device);
    while (loop_kills_again(&kills)) {
        keep_busy(load, (int64_t)(roll(load) % 100000000)); /* 100 ms */
        loop_kill(device);
        loop_start_again(device);
    }
    drain(load);
    printf("#   %u requests, %u of them flushes, %u kills\n", load->answered,
           load->flushed, kills.count);
    MUST(load->answered > kills.count, "only %u requests", load->answered);
    MUST(load->flushed > 0, "no flush");
}

static void
stopped_under_load(struct loop_device *device)
{
    struct load *load = new_load(device);

    loop_connect(device);
    for (unsigned i = 0; i < 5; i++) {
        int status = -1;

        keep_busy(load, 50000000);
        loop_control(device, "{\"stop\":true}");
        waitpid(device->backend, &status, 0);
        device->backend = 0;
        MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0,
             "it ended with status %x", status);
        keep_busy(load, 0); /* what comes meanwhile waits in the ring */
        loop_start_again(device);
    }
    drain(load);
}

static void
killed_while_it_takes_over(struct loop_device *device)
{
    struct load *load = new_load(device);

    loop_connect(device);
    for (unsigned i = 0; i < 10; i++) {
        char said[64];

        keep_busy(load, 20000000);
        loop_kill(device);
        MUST(loop_start(device, said, sizeof(said)) == -1, "%s", said);
        loop_kill(device);
        loop_start_again(device);
    }
    drain(load);
}

static void
frontend_closed_meanwhile(struct loop_device *device)
{
    char said[256];

    loop_connect(device);
    loop_must_serve(device);
    loop_kill(device);
    loop_set_state(device, XK_XENBUS_CLOSED);
    MUST(loop_start(device, said, sizeof(said)) == -1, "%s", said);
    loop_await(device, XK_XENBUS_CLOSED);
    loop_set_state(device, XK_XENBUS_INITIALISING);
    loop_await(device, XK_XENBUS_INIT_WAIT);
    loop_drop_rings(device);
    loop_connect(device);
    loop_must_serve(device);
}

static void
log_lost(struct loop_device *device)
{
    char path[128], said[256];

    loop_connect(device);
    loop_must_serve(device);
    loop_kill(device);
    snprintf(path, sizeof(path), "%s/inflight", device->folder);
    unlink(path);
    MUST(loop_start(device, said, sizeof(said)) == -1, "%s", said);
    loop_await(device, XK_XENBUS_CLOSING);
    MUST(strstr(loop_back_read(device, "error"), "in-flight log") != NULL,
         "error is \"%s\"", loop_back_read(device, "error"));
}

static void
second_one(struct loop_device *device)
{
    char said[512];
    pid_t first = device->backend;
    int status = loop_start(device, said, sizeof(said));

    device->backend = first;
    MUST(status == 4 && strstr(said, "in-use") != NULL, "%d: %s", status, said);
}

static const struct loop_options q4 = {
    .queues = 4, .json = ",\"discard\":true,\"queues\":4"};
static const struct loop_options cached = {
    .json = ",\"discard\":true,\"direct\":false"};
static const struct loop_options on_disk = {.on_disk = true};
static const struct loop_options on_disk_cached = {
    .on_disk = true, .json = ",\"discard\":true,\"direct\":false"};
static const struct loop_options pages16 = {.order = 4};

#define CASE(name, verdict, run, options)                                      \
    {                                                                          \
        name, verdict, run, options, false                                     \
    }

const struct loop_case kill_cases[] = {
    CASE("killed again and again under load", "no error, nothing lost",
         killed_under_load, NULL),
    CASE("killed again and again under load, image through the cache",
         "no error, nothing lost", killed_under_load, &cached),
    CASE("killed again and again under load, image on a file system of a disk",
         "no error, nothing lost", killed_under_load, &on_disk),
    CASE("killed again and again under load, there and through the cache",
         "no error, nothing lost", killed_under_load, &on_disk_cached),
    CASE("killed again and again under load, rings of 16 pages",
         "no error, nothing lost", killed_under_load, &pages16),
    CASE("killed again and again under load, four queues",
         "no error, nothing lost", killed_under_load, &q4),
    CASE("killed when it has just taken over", "no error, nothing lost",
         killed_while_it_takes_over, NULL),
    CASE("stopped in order under load", "no error, nothing lost",
         stopped_under_load, NULL),
    CASE("killed before it is connected", "served", loop_kill_unconnected,
         NULL),
    CASE("frontend closes while it is dead", "served",
         frontend_closed_meanwhile, NULL),
    CASE("log lost with it", "device stopped", log_lost, NULL),
    CASE("a second one for the same device", "refused", second_one, NULL),
};
const size_t kill_count = XK_ARRAY_SIZE(kill_cases);
