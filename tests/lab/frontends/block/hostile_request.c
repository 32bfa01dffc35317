/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests that no honest frontend makes: each fails alone. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/util.h"
#include "tests/lab/frontends/block/block.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
    SECTORS = LOOP_IMAGE_BYTES / 512
};

/* A request by its fields, on all data pages from the first on. */
struct request {
    uint8_t operation;
    uint8_t segments;
    uint64_t sector;
    int status; /* what it must be answered with */
    /* Segment `number` is this instead, if `odd`. */
    bool odd;
    uint8_t number, first, last;
    uint32_t gref; /* 0: the page's own */
};

static void
request(struct loop_device *device)
{
    const struct request *want =
        (const struct request *)loop_case_now->argument;
    struct blkif_bytes entry =
        loop_request(device, want->operation, want->sector, want->segments, 0);
    int status;

    if (want->odd)
        blkif_set_segment(block_of(device)->options.abi, &entry, want->number,
                          want->gref != 0 ? want->gref
                                          : device->data_grefs[want->number],
                          want->first, want->last);
    status = loop_ask(device, 0, &entry);
    MUST(status == want->status, "answered %d, not %d", status, want->status);
}

#define R XK_BLKIF_OP_READ
#define W XK_BLKIF_OP_WRITE
#define F XK_BLKIF_OP_FLUSH
#define BAD XK_BLKIF_ERROR
#define NOT XK_BLKIF_NOT_SUPPORTED

#define REQUEST(name, ...)                                                     \
    {                                                                          \
        name, "request failed", request, NULL, true,                           \
            &(const struct request){__VA_ARGS__}, false                        \
    }

struct indirect {
    uint8_t operation;
    uint16_t segments;
    int status;
    bool odd; /* descriptor `number` is this instead */
    uint16_t number;
    uint8_t first, last;
    uint32_t gref;
    bool bad_page, ring_page;
};

static void
indirect(struct loop_device *device)
{
    const struct indirect *want =
        (const struct indirect *)loop_case_now->argument;
    struct blkif_bytes entry =
        loop_indirect(device, want->operation, 0, want->segments, 39, 40);
    uint32_t gref = want->ring_page ? device->rings[0].grefs[0] : 0x7ffffff0;
    int status;

    if (want->odd)
        blkif_put_descriptor(device->data + 39 * 4096 + want->number * 8,
                             want->gref != 0 ? want->gref
                                             : device->data_grefs[40],
                             want->first, want->last);
    if (want->bad_page || want->ring_page)
        memcpy(
            entry.bytes +
                xk_blkif_layout(block_of(device)->options.abi)->indirect_grefs,
            &gref, sizeof(gref));
    status = loop_ask(device, 0, &entry);
    MUST(status == want->status || want->ring_page, "answered %d, not %d",
         status, want->status);
}

#define INDIRECT(name, ...)                                                    \
    {                                                                          \
        name, "request failed", indirect, NULL, true,                          \
            &(const struct indirect){__VA_ARGS__}, false                       \
    }

struct discard {
    uint64_t sector, sectors;
    int status;
};

static void
discard(struct loop_device *device)
{
    const struct discard *want =
        (const struct discard *)loop_case_now->argument;
    struct blkif_bytes entry = blkif_discard(block_of(device)->options.abi, 5,
                                             want->sector, want->sectors);
    int status = loop_ask(device, 0, &entry);

    MUST(status == want->status, "answered %d, not %d", status, want->status);
}

#define DISCARD(name, ...)                                                     \
    {                                                                          \
        name, "request failed", discard, NULL, true,                           \
            &(const struct discard){__VA_ARGS__}, false                        \
    }

static void
bad_grant_in_each_segment(struct loop_device *device)
{
    for (uint8_t operation = R; operation <= W; operation++) {
        for (unsigned k = 0; k < 11; k++) {
            struct blkif_bytes entry =
                loop_request(device, operation, 0, 11, 0);

            blkif_set_segment(block_of(device)->options.abi, &entry, k,
                              0x7fffff00, 0, 7);
            MUST(loop_ask(device, 0, &entry) == BAD, "segment %u passed", k);
        }
    }
}

static void
read_only_grant(struct loop_device *device)
{
    struct blkif_bytes entry = loop_request(device, R, 0, 1, 0);

    blkif_set_segment(block_of(device)->options.abi, &entry, 0,
                      device->read_only_gref, 0, 7);
    MUST(loop_ask(device, 0, &entry) == BAD, "a read into it passed");
    entry.bytes[XK_BLKIF_AT_OPERATION] = W;
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_OK, "a write of it failed");
}

static void
revoked_grant(struct loop_device *device)
{
    uint32_t grefs[2];
    uint64_t index;
    uint8_t *pages = loop_allocate(device, 2, true, grefs, &index);
    struct blkif_bytes entry = loop_request(device, W, 0, 1, 0);

    blkif_set_segment(block_of(device)->options.abi, &entry, 0, grefs[1], 0, 7);
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_OK, "while it is granted");
    loop_give_back(device, pages, 2, index);
    MUST(loop_ask(device, 0, &entry) == BAD, "after it was revoked");
}

static void
same_grant_everywhere(struct loop_device *device)
{
    struct loop_response response;

    for (unsigned i = 0; i < 16; i++) {
        struct blkif_bytes entry =
            blkif_direct(block_of(device)->options.abi, R, UINT64_MAX, 0, 11);

        for (unsigned k = 0; k < 11; k++)
            blkif_set_segment(block_of(device)->options.abi, &entry, k,
                              device->data_grefs[0], 0, 7);
        loop_put(device, 0, &entry);
    }
    loop_push(device, 0);
    for (unsigned i = 0; i < 16; i++)
        MUST(loop_next(device, 0, &response, LOOP_WAIT_MS) &&
                 response.id == UINT64_MAX && response.status == XK_BLKIF_OK,
             "answer %u", i);
}

static void
mixed_batch(struct loop_device *device)
{
    struct loop_response response;

    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry = blkif_direct(block_of(device)->options.abi,
                                                i % 2 ? R : W, i, i * 8, 1);

        blkif_set_segment(block_of(device)->options.abi, &entry, 0,
                          i % 5 == 0 ? 0x7fffff00 : device->data_grefs[i], 0,
                          7);
        loop_put(device, 0, &entry);
    }
    loop_push(device, 0);
    for (unsigned i = 0; i < 32; i++) {
        MUST(loop_next(device, 0, &response, LOOP_WAIT_MS), "answer %u", i);
        MUST(response.status == (response.id % 5 == 0 ? BAD : XK_BLKIF_OK),
             "request %u is answered %d", (unsigned)response.id,
             response.status);
    }
}

/* XSA-216: bytes of a response that nobody set would be the backend's. */
static void
padding(struct loop_device *device)
{
    struct blkif_bytes entry = loop_request(device, R, 0, 1, 0);
    struct loop_ring *ring = &device->rings[0];
    uint32_t slot = ring->front.rsp_cons % ring->front.entries;
    const uint8_t *answer =
        ring->pages + XK_RING_HEADER_BYTES +
        slot * xk_blkif_layout(block_of(device)->options.abi)->entry_bytes;

    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_OK, "a read");
    MUST(answer[9] == 0, "byte 9 is %02x", answer[9]);
    for (unsigned i = 12; i < 16; i++)
        MUST(answer[i] == 0, "byte %u is %02x", i, answer[i]);
}

struct flipper {
    volatile uint32_t *at;
    uint32_t a, b;
    volatile bool stop;
};

static void *
flip(void *context)
{
    struct flipper *flipper = (struct flipper *)context;

    while (!flipper->stop) {
        *flipper->at = flipper->a;
        *flipper->at = flipper->b;
    }
    return NULL;
}

/* XSA-155: whatever is flipped while a request is read, it is judged as what
 * was read once. */
static void
flip_during(struct loop_device *device, volatile uint32_t *at, uint32_t a,
            uint32_t b, const struct blkif_bytes *entry)
{
    struct flipper flipper = {.at = at, .a = a, .b = b};
    struct loop_response response;
    pthread_t thread;
    bool answered = true;

    MUST(pthread_create(&thread, NULL, flip, &flipper) == 0, "thread");
    for (unsigned i = 0; i < 200 && answered; i++) {
        loop_put(device, 0, entry);
        loop_push(device, 0);
        answered = loop_next(device, 0, &response, LOOP_WAIT_MS);
    }
    flipper.stop = true;
    pthread_join(thread, NULL);
    MUST(answered, "no answer");
}

/* The slot that comes next, when the ring is at slot 0. */
static volatile uint32_t *
slot_zero(struct loop_device *device, unsigned offset)
{
    return (volatile uint32_t *)(device->rings[0].pages + XK_RING_HEADER_BYTES +
                                 offset);
}

static void
flip_segment_count(struct loop_device *device)
{
    struct blkif_bytes entry = loop_request(device, R, 0, 11, 0);

    flip_during(device, slot_zero(device, 0), 0x00000b00, 0x0000ff00, &entry);
}

static void
flip_segment(struct loop_device *device)
{
    struct blkif_bytes entry = loop_request(device, R, 0, 11, 0);
    unsigned at = xk_blkif_layout(block_of(device)->options.abi)->segments + 4u;

    flip_during(device, slot_zero(device, at), 0x00000700, 0x0000ff00, &entry);
}

static void
flip_descriptor(struct loop_device *device)
{
    struct blkif_bytes entry = loop_indirect(device, R, 0, 100, 39, 40);

    flip_during(device,
                (volatile uint32_t *)(device->data + 39 * 4096 + 50 * 8 + 4),
                0x00000700, 0x0000ff07, &entry);
}

static void
flip_payload(struct loop_device *device)
{
    struct blkif_bytes entry = loop_request(device, W, 0, 11, 0);

    flip_during(device, (volatile uint32_t *)device->data, 1, 2, &entry);
}

static void
never_takes_answers(struct loop_device *device)
{
    struct loop_response response;

    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry = loop_indirect(device, R, 0, 256, 39, 40);

        loop_put(device, 0, &entry);
    }
    loop_push(device, 0);
    for (unsigned i = 0; i < 100; i++)
        loop_kick(device, 0);
    MUST(strstr(loop_control(device, "{\"query\":\"status\"}"),
                "\"connected\"") != NULL,
         "no status meanwhile");
    for (unsigned i = 0; i < 32; i++)
        MUST(loop_next(device, 0, &response, LOOP_WAIT_MS), "answer %u", i);
}

static void
event_storm(struct loop_device *device)
{
    int64_t end = xk_now_ns() + 3000000000ll;
    const char *at;
    unsigned long before, after;

    at = strstr(loop_control(device, "{\"query\":\"status\"}"), "\"rounds\":");
    before = at != NULL ? strtoul(at + 9, NULL, 10) : 0;
    while (xk_now_ns() < end)
        loop_kick(device, 0);
    at = strstr(loop_control(device, "{\"query\":\"status\"}"), "\"rounds\":");
    after = at != NULL ? strtoul(at + 9, NULL, 10) : 0;
    printf("#   3 s of events without work: %lu rounds\n", after - before);
    MUST(after - before < 200, "%lu rounds for nothing", after - before);
}

static void
wild_event_indexes(struct loop_device *device)
{
    for (unsigned i = 0; i < 50; i++) {
        struct blkif_bytes entry = loop_request(device, R, 0, 1, 0);

        device->rings[0].front.header->req_event = i * 0x9e3779b9u;
        device->rings[0].front.header->rsp_prod =
            device->rings[0].front.rsp_cons;
        loop_put(device, 0, &entry);
        device->rings[0].front.header->req_prod =
            device->rings[0].front.req_prod;
        loop_kick(device, 0);
        device->rings[0].front.header->rsp_event =
            device->rings[0].front.rsp_cons + 1;
        loop_kick(device, 0);
        {
            struct loop_response response;

            MUST(loop_next(device, 0, &response, LOOP_WAIT_MS), "no answer");
        }
    }
}

#define SHARED(name, verdict, run)                                             \
    {                                                                          \
        name, verdict, run, NULL, true, NULL, false                            \
    }

const struct loop_case hostile_request_cases[] = {
    REQUEST("operation barrier, not offered", 2, 1, 0, NOT),
    REQUEST("operation 4", 4, 1, 0, NOT),
    REQUEST("operation 7", 7, 1, 0, NOT),
    REQUEST("operation 128", 128, 1, 0, NOT),
    REQUEST("operation 255", 255, 1, 0, NOT),
    REQUEST("read of no segments", R, 0, 0, BAD),
    REQUEST("write of no segments", W, 0, 0, BAD),
    REQUEST("read of 12 segments", R, 12, 0, BAD),
    REQUEST("write of 12 segments", W, 12, 0, BAD),
    REQUEST("read of 255 segments", R, 255, 0, BAD),
    REQUEST("flush of 12 segments", F, 12, 0, BAD),
    REQUEST("flush of 255 segments", F, 255, 0, BAD),
    REQUEST("first sector behind the last", R, 3, 0, BAD, true, 1, 5, 4),
    REQUEST("last sector 8", R, 3, 0, BAD, true, 1, 0, 8),
    REQUEST("last sector 255", W, 3, 0, BAD, true, 2, 0, 255),
    REQUEST("first and last sector 255", W, 3, 0, BAD, true, 2, 255, 255),
    REQUEST("read one block past the end", R, 1, SECTORS - 7, BAD),
    REQUEST("write at the end", W, 1, SECTORS, BAD),
    REQUEST("sector 2^64 - 1", R, 1, UINT64_MAX, BAD),
    REQUEST("sector 2^64 - 8: the sum is 0", W, 1, UINT64_MAX - 7, BAD),
    REQUEST("sector 2^63", R, 1, 1ull << 63, BAD),
    REQUEST("sector 2^55: the byte is 0", W, 1, 1ull << 55, BAD),
    REQUEST("flush with data past the end", F, 1, SECTORS, BAD),
    REQUEST("grant 2^32 - 1", R, 1, 0, BAD, true, 0, 0, 7, 0xffffffff),
    REQUEST("grant 2^31 in a write", W, 1, 0, BAD, true, 0, 0, 7, 0x80000000),
    INDIRECT("indirect in indirect", XK_BLKIF_OP_INDIRECT, 20, NOT),
    INDIRECT("indirect flush", F, 20, NOT),
    INDIRECT("indirect discard", XK_BLKIF_OP_DISCARD, 20, NOT),
    INDIRECT("indirect operation 255", 255, 20, NOT),
    INDIRECT("indirect read of no segments", R, 0, BAD),
    INDIRECT("indirect read of 257 segments", R, 257, BAD),
    INDIRECT("indirect write of 4096 segments", W, 4096, BAD),
    INDIRECT("indirect write of 65535 segments", W, 65535, BAD),
    INDIRECT("descriptors in a page that is not granted", R, 20, BAD,
             .bad_page = true),
    INDIRECT("the ring itself as descriptors", R, 20, BAD, .ring_page = true),
    INDIRECT("a descriptor with a bad grant", W, 100, BAD, true, 50, 0, 7,
             0x7fffff00),
    INDIRECT("a descriptor with last sector 255", R, 100, BAD, true, 99, 0,
             255),
    DISCARD("discard past the end", 8, SECTORS, BAD),
    DISCARD("discard of 2^63 sectors", 0, 1ull << 63, BAD),
    DISCARD("discard whose sum is 0", 8, UINT64_MAX - 7, BAD),
    DISCARD("discard from 2^64 - 1", UINT64_MAX, 1, BAD),
    DISCARD("discard of nothing", 8, 0, XK_BLKIF_OK),
    SHARED("a bad grant in each of eleven segments", "request failed",
           bad_grant_in_each_segment),
    SHARED("a page granted for reading only", "request failed",
           read_only_grant),
    SHARED("a grant that was revoked", "request failed", revoked_grant),
    SHARED("one page in each segment, one id in each request",
           "guest's own affair", same_grant_everywhere),
    SHARED("good and bad pages in one batch", "only the bad failed",
           mixed_batch),
    SHARED("padding of responses", "nothing leaks", padding),
    SHARED("segment count flips while it is read", "request failed or served",
           flip_segment_count),
    SHARED("segment flips while it is read", "request failed or served",
           flip_segment),
    SHARED("descriptor flips while it is read", "request failed or served",
           flip_descriptor),
    SHARED("payload flips while it is written", "guest's own affair",
           flip_payload),
    SHARED("all slots used, no answer taken", "memory bounded",
           never_takes_answers),
    SHARED("events in a loop without requests", "slowed down", event_storm),
    SHARED("event indexes overwritten", "guest's own affair",
           wild_event_indexes),
};
const size_t hostile_request_count = XK_ARRAY_SIZE(hostile_request_cases);
