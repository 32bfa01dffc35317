/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an honest frontend may do. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/lab/frontends/block/block.h"
#include "xenstore-helpers/xenbus.h"

/* A row says only what is odd about it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static void
fill(struct loop_device *device, unsigned first, unsigned pages, unsigned seed)
{
    for (unsigned i = 0; i < pages * 4096; i++)
        device->data[first * 4096 + i] =
            (uint8_t)((i * 2654435761u + seed * 40503u) >> 13);
}

static void
must_be_on_disk(struct loop_device *device, uint64_t offset, const void *data,
                size_t length)
{
    uint8_t *found = (uint8_t *)malloc(length);
    ssize_t n = pread(block_of(device)->image_fd, found, length, (off_t)offset);
    bool same = n == (ssize_t)length && memcmp(found, data, length) == 0;

    free(found);
    MUST(same, "the image does not hold what was written at %llu",
         (unsigned long long)offset);
}

static void
go_well(struct loop_device *device, unsigned ring, struct blkif_bytes entry)
{
    int status = loop_ask(device, ring, &entry);

    MUST(status == XK_BLKIF_OK, "answered %d", status);
}

static void
write_and_read(struct loop_device *device, unsigned ring, unsigned segments)
{
    uint64_t sector = ring * 4096u + segments * 8u;

    fill(device, 0, segments, ring * 100 + segments);
    go_well(
        device, ring,
        loop_request(device, XK_BLKIF_OP_WRITE, sector, (uint8_t)segments, 0));
    must_be_on_disk(device, sector * 512, device->data, segments * 4096ul);
    memset(device->data + 20 * 4096, 0, segments * 4096ul);
    go_well(
        device, ring,
        loop_request(device, XK_BLKIF_OP_READ, sector, (uint8_t)segments, 20));
    MUST(memcmp(device->data, device->data + 20 * 4096, segments * 4096ul) == 0,
         "read differs");
}

static void
serves_all_rings(struct loop_device *device)
{
    loop_connect(device);
    for (unsigned ring = 0; ring < device->ring_count; ring++) {
        for (unsigned n = 1; n <= 11; n += 5)
            write_and_read(device, ring, n);
        for (uint32_t i = 0; i < device->rings[ring].front.entries; i++) {
            struct blkif_bytes entry =
                loop_request(device, XK_BLKIF_OP_READ, i * 8, 1, i % 200);

            loop_put(device, ring, &entry);
        }
        loop_push(device, ring);
        for (uint32_t i = 0; i < device->rings[ring].front.entries; i++) {
            struct loop_response response;

            MUST(loop_next(device, ring, &response, LOOP_WAIT_MS),
                 "answer %u of a full ring is missing", i);
            MUST(response.status == XK_BLKIF_OK, "answered %d",
                 response.status);
        }
    }
}

static void
frontend_first(struct loop_device *device)
{
    /* It may write 3 whatever the backend says: it is read when it counts. */
    loop_make_rings(device);
    loop_write_rings(device);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    loop_await(device, XK_XENBUS_CONNECTED);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_serve(device);
}

static void
skips_initialised(struct loop_device *device)
{
    loop_make_rings(device);
    loop_write_rings(device);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_await(device, XK_XENBUS_CONNECTED);
    loop_must_serve(device);
}

static void
one_queue_as_number(struct loop_device *device)
{
    loop_write(device, "multi-queue-num-queues", "1");
    loop_connect(device);
    loop_must_serve(device);
}

static void
advertises(struct loop_device *device)
{
    static const struct {
        const char *node, *value;
    } nodes[] = {
        {"max-ring-page-order", "4"},
        {"feature-max-indirect-segments", "256"},
        {"feature-flush-cache", "1"},
        {"feature-barrier", "0"},
        {"feature-discard", "1"},
        {"discard-secure", "0"},
        {"sectors", "32768"},
        {"sector-size", "512"},
        {"info", "0"},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(nodes); i++)
        MUST(strcmp(loop_back_read(device, nodes[i].node), nodes[i].value) == 0,
             "%s is \"%s\", not \"%s\"", nodes[i].node,
             loop_back_read(device, nodes[i].node), nodes[i].value);
    MUST(atoi(loop_back_read(device, "multi-queue-max-queues")) >= 1,
         "no queues are offered");
}

static void
indirect(struct loop_device *device)
{
    for (unsigned n = 12; n <= 256; n += 61) {
        fill(device, 40, n, n);
        go_well(device, 0,
                loop_indirect(device, XK_BLKIF_OP_WRITE, 4096, (uint16_t)n, 39,
                              40));
        must_be_on_disk(device, 4096 * 512, device->data + 40 * 4096,
                        n * 4096ul);
        memset(device->data + 40 * 4096, 0, n * 4096ul);
        go_well(
            device, 0,
            loop_indirect(device, XK_BLKIF_OP_READ, 4096, (uint16_t)n, 39, 40));
        must_be_on_disk(device, 4096 * 512, device->data + 40 * 4096,
                        n * 4096ul);
    }
}

static void
parts_of_pages(struct loop_device *device)
{
    struct blkif_bytes entry;

    fill(device, 0, 2, 5);
    entry = loop_request(device, XK_BLKIF_OP_WRITE, 77, 2, 0);
    blkif_set_segment(block_of(device)->options.abi, &entry, 0,
                      device->data_grefs[0], 3, 7);
    blkif_set_segment(block_of(device)->options.abi, &entry, 1,
                      device->data_grefs[1], 0, 0);
    go_well(device, 0, entry);
    must_be_on_disk(device, 77 * 512, device->data + 3 * 512, 6 * 512);
}

/* Told as 4096 physical and 512 logical: a guest may write single sectors. */
static void
blocks_of_4k(struct loop_device *device)
{
    MUST(strcmp(loop_back_read(device, "sector-size"), "512") == 0 &&
             strcmp(loop_back_read(device, "physical-sector-size"), "4096") ==
                 0,
         "sector-size or physical-sector-size");
    loop_connect(device);
    fill(device, 0, 11, 8);
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_WRITE, 72, 2, 0));
    parts_of_pages(device);
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_FLUSH, 0, 0, 0));
    loop_must_serve(device);
}

static void
flush(struct loop_device *device)
{
    fill(device, 0, 1, 77);
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_FLUSH, 0, 0, 0));
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_FLUSH, 640, 1, 0));
    must_be_on_disk(device, 640 * 512, device->data, 4096);
}

static void
discard(struct loop_device *device)
{
    static const uint8_t zeros[8192];

    fill(device, 0, 11, 3);
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_WRITE, 800, 11, 0));
    go_well(device, 0,
            blkif_discard(block_of(device)->options.abi, 9, 808, 16));
    must_be_on_disk(device, 808 * 512, zeros, 8192);
    must_be_on_disk(device, 824 * 512, device->data + 3 * 4096, 4096);
}

static void
read_only(struct loop_device *device)
{
    struct blkif_bytes entry;

    MUST(strcmp(loop_back_read(device, "info"), "4") == 0, "info is \"%s\"",
         loop_back_read(device, "info"));
    loop_connect(device);
    entry = loop_request(device, XK_BLKIF_OP_WRITE, 0, 1, 0);
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_ERROR, "a write passed");
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_READ, 0, 1, 0));
}

static void
cdrom(struct loop_device *device)
{
    MUST(strcmp(loop_back_read(device, "info"), "5") == 0, "info is \"%s\"",
         loop_back_read(device, "info"));
}

static void
resize(struct loop_device *device)
{
    struct blkif_bytes entry;

    loop_connect(device);
    entry = loop_request(device, XK_BLKIF_OP_READ, 32768, 1, 0);
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_ERROR, "read past the end");
    MUST(ftruncate(block_of(device)->image_fd, 2 * LOOP_IMAGE_BYTES) == 0,
         "truncate");
    loop_control(device, "{\"resize\":true}");
    MUST(strcmp(loop_back_read(device, "sectors"), "65536") == 0,
         "sectors are %s", loop_back_read(device, "sectors"));
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_OK, "no read after growth");
    MUST(ftruncate(block_of(device)->image_fd, LOOP_IMAGE_BYTES / 2) == 0,
         "truncate");
    loop_control(device, "{\"resize\":true}");
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_ERROR,
         "read past the end after it shrank");
}

static void
status(struct loop_device *device)
{
    const char *answer;

    loop_connect(device);
    loop_must_serve(device);
    answer = loop_control(device, "{\"query\":\"status\"}");
    MUST(strstr(answer, "\"state\":\"connected\"") != NULL &&
             strstr(answer, "\"write_requests\":1") != NULL &&
             strstr(answer, "\"write_bytes\":16384") != NULL &&
             strstr(answer, "\"inflight\":0") != NULL,
         "%s", answer);
    answer = loop_control(device, "nonsense");
    MUST(strstr(answer, "\"error\"") != NULL, "%s", answer);
}

/* Linux, and what is loaded into its place by kexec. */
static void
reconnect(struct loop_device *device, const int *states, size_t count)
{
    loop_connect(device);
    loop_must_serve(device);
    for (size_t i = 0; i < count; i++) {
        loop_set_state(device, states[i]);
        loop_await(device, states[i] == XK_XENBUS_INITIALISING
                               ? XK_XENBUS_INIT_WAIT
                               : states[i]);
    }
    loop_drop_rings(device);
    loop_connect(device);
    loop_must_serve(device);
}

static void
closes_and_returns(struct loop_device *device)
{
    static const int states[] = {5, 6, 1};

    reconnect(device, states, 3);
}

static void
ipxe(struct loop_device *device)
{
    static const int states[] = {6, 1};

    reconnect(device, states, 2);
}

static void
crashed_kernel(struct loop_device *device)
{
    static const int states[] = {1};

    reconnect(device, states, 1);
}

static void
resumed_in_place(struct loop_device *device)
{
    struct loop_ring old;

    loop_connect(device);
    loop_must_serve(device);
    old = device->rings[0];
    device->ring_count = 0;
    loop_make_rings(device);
    loop_write_rings(device);
    loop_set_state(device, XK_XENBUS_INITIALISED);
    /* The backend stays at Connected: that it serves is the sign. */
    loop_kick(device, 0);
    loop_must_serve(device);
    loop_set_state(device, XK_XENBUS_CONNECTED);
    loop_must_serve(device);
    xenevtchn_close(old.events);
    loop_give_back(device, old.pages, 1, old.index);
}

static void
closing_under_load(struct loop_device *device)
{
    struct loop_response response;
    unsigned answered = 0;

    loop_connect(device);
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_bytes entry =
            loop_request(device, XK_BLKIF_OP_WRITE, i * 88, 11, i);

        loop_put(device, 0, &entry);
    }
    loop_push(device, 0);
    loop_set_state(device, XK_XENBUS_CLOSING);
    loop_await(device, XK_XENBUS_CLOSING);
    loop_set_state(device, XK_XENBUS_CLOSED);
    loop_await(device, XK_XENBUS_CLOSED);
    while (loop_next(device, 0, &response, 0))
        answered++;
    MUST(answered <= 32, "%u answers to 32 requests", answered);
}

static void
toolstack_closes(struct loop_device *device)
{
    loop_connect(device);
    loop_must_serve(device);
    loop_back_write(device, "online", "0");
    loop_back_write(device, "state", "5");
    loop_must_serve(device); /* until the frontend lets go */
}

static void
never_connected(struct loop_device *device)
{
    (void)device; /* closed by whoever runs the case */
}

static void
single_requests(struct loop_device *device)
{
    for (unsigned i = 0; i < 2000; i++)
        go_well(device, 0,
                loop_request(device, XK_BLKIF_OP_READ, i % 1000 * 8, 1, 0));
}

static const struct loop_options q1p16 = {.order = 4};
static const struct loop_options q2p1 = {
    .queues = 2, .json = ",\"discard\":true,\"queues\":4"};
static const struct loop_options q4p1 = {
    .queues = 4, .json = ",\"discard\":true,\"queues\":4"};
static const struct loop_options q4p4 = {
    .queues = 4, .order = 2, .json = ",\"discard\":true,\"queues\":4"};
static const struct loop_options x86_32 = {.abi = XK_BLKIF_X86_32};
static const struct loop_options x86_64 = {.abi = XK_BLKIF_X86_64};
static const struct loop_options no_protocol = {.no_protocol = true};
static const struct loop_options ro = {.json = ",\"readonly\":true"};
static const struct loop_options cd = {.json = ",\"cdrom\":true"};
static const struct loop_options qcow2 = {
    .qcow2 = true, .queues = 2, .json = ",\"queues\":2"};
static const struct loop_options qcow2_dies = {.qcow2 = true};
static const struct loop_options blocks_4k = {.blocks_4k = true};
static const struct loop_options null_disk = {
    .json = ",\"engine\":\"null\",\"size\":16777216"};

static void
null_engine(struct loop_device *device)
{
    loop_connect(device);
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_WRITE, 0, 11, 0));
    go_well(device, 0, loop_request(device, XK_BLKIF_OP_READ, 0, 11, 0));
}

static void
qcow2_image(struct loop_device *device)
{
    unsigned queues =
        (unsigned)atoi(loop_back_read(device, "multi-queue-max-queues"));

    MUST(queues >= 2, "a server of many connections gets %u queues", queues);
    loop_connect(device);
    for (unsigned ring = 0; ring < device->ring_count; ring++) {
        for (unsigned i = 0; i < 200; i++) {
            struct blkif_bytes entry = loop_request(
                device, i % 2 ? XK_BLKIF_OP_READ : XK_BLKIF_OP_WRITE,
                i * 97 % 2900 * 8, 11, i);

            go_well(device, ring, entry);
        }
        go_well(device, ring, loop_request(device, XK_BLKIF_OP_FLUSH, 0, 0, 0));
    }
    loop_must_serve(device);
    go_well(device, 0,
            blkif_discard(block_of(device)->options.abi, 9, 0, 1024));
}

/* Each question is an answer of the backend's main loop later. */
static void
await_under_way(struct loop_device *device, const char *member)
{
    struct xk_deadline deadline = xk_deadline_in_ms(LOOP_WAIT_MS);

    while (strstr(loop_control(device, "{\"query\":\"status\"}"), member) ==
           NULL)
        MUST(xk_deadline_left_ms(deadline) > 0, "never %s", member);
}

/* Only its own disk stalls; the rest of the device goes on. */
static void
server_stalls(struct loop_device *device)
{
    struct blkif_bytes entry;
    int64_t begin;

    loop_connect(device);
    loop_must_serve(device);
    kill(block_of(device)->server, SIGSTOP);
    for (unsigned i = 0; i < 32; i++) {
        entry = loop_request(device, XK_BLKIF_OP_READ, i * 8, 1, i);
        loop_put(device, 0, &entry);
    }
    loop_push(device, 0);
    await_under_way(device, "\"inflight\":32");
    begin = xk_now_ns();
    loop_set_state(device, XK_XENBUS_CLOSING);
    loop_await(device, XK_XENBUS_CLOSING);
    MUST(strstr(loop_control(device, "{\"query\":\"status\"}"),
                "\"draining\"") != NULL,
         "the status does not say that it drains");
    MUST(xk_now_ns() - begin < 5000000000ll, "Closing took %lld ms",
         (long long)(xk_now_ns() - begin) / 1000000);
    loop_set_state(device, XK_XENBUS_CLOSED);
    kill(block_of(device)->server, SIGCONT);
    loop_await(device, XK_XENBUS_CLOSED);
}

static void
start_with(struct loop_device *device, const char *image)
{
    char said[2048];

    loop_stop(device);
    snprintf(block_of(device)->image, sizeof(block_of(device)->image), "%s",
             image);
    loop_write_json(device);
    MUST(loop_start(device, said, sizeof(said)) == -1, "%s", said);
    loop_await(device, XK_XENBUS_CONNECTED);
}

static void
must_have_sectors(struct loop_device *device, const char *sectors)
{
    const char *told = loop_back_read(device, "sectors");

    MUST(strcmp(told, sectors) == 0, "sectors are %s", told);
}

/* Its rings stay: the next process has another medium. */
static void
change_medium(struct loop_device *device)
{
    XK_CLEANUP_FREE char *image = xk_strdup(block_of(device)->image);
    struct blkif_bytes entry;

    loop_connect(device);
    entry = loop_request(device, XK_BLKIF_OP_READ, 0, 1, 0);
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_OK, "no read");
    start_with(device, "");
    must_have_sectors(device, "0");
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_ERROR, "read of nothing");
    fill(device, 0, 1, 99);
    MUST(pwrite(block_of(device)->image_fd, device->data, 4096, 0) == 4096,
         "pwrite");
    start_with(device, image);
    must_have_sectors(device, "32768");
    memset(device->data + 4096, 0, 4096);
    entry = loop_request(device, XK_BLKIF_OP_READ, 0, 1, 1);
    MUST(loop_ask(device, 0, &entry) == XK_BLKIF_OK, "no read of the new");
    MUST(memcmp(device->data, device->data + 4096, 4096) == 0,
         "the new medium reads otherwise");
}

/* What it kept is gone; nothing is answered, and who comes next decides. */
static void
server_dies(struct loop_device *device)
{
    struct blkif_bytes entry;
    struct loop_response response;
    int status = -1;

    loop_connect(device);
    loop_must_serve(device);
    kill(block_of(device)->server, SIGKILL);
    entry = loop_request(device, XK_BLKIF_OP_FLUSH, 0, 0, 0);
    loop_put(device, 0, &entry);
    loop_push(device, 0);
    waitpid(device->backend, &status, 0);
    device->backend = 0;
    MUST(WIFEXITED(status) && WEXITSTATUS(status) == 1,
         "it ended with status %x", status);
    MUST(!loop_next(device, 0, &response, 300), "the flush is answered %d",
         response.status);
    MUST(loop_back_state(device) == XK_XENBUS_CONNECTED, "state %d",
         loop_back_state(device));
    loop_free(device);
}

#define ALONE(name, run, options)                                              \
    {                                                                          \
        name, "served", run, options, false                                    \
    }
#define SHARED(name, run)                                                      \
    {                                                                          \
        name, "served", run, NULL, true                                        \
    }

const struct loop_case conformance_cases[] = {
    ALONE("one queue, one page", serves_all_rings, NULL),
    ALONE("one queue, sixteen pages", serves_all_rings, &q1p16),
    ALONE("two queues, one page", serves_all_rings, &q2p1),
    ALONE("four queues, one page", serves_all_rings, &q4p1),
    ALONE("four queues, four pages", serves_all_rings, &q4p4),
    ALONE("one queue said by number", one_queue_as_number, NULL),
    ALONE("32-bit layout", serves_all_rings, &x86_32),
    ALONE("64-bit layout", serves_all_rings, &x86_64),
    ALONE("no protocol node", serves_all_rings, &no_protocol),
    ALONE("what is offered", advertises, NULL),
    ALONE("frontend writes its rings first", frontend_first, NULL),
    ALONE("frontend skips Initialised", skips_initialised, NULL),
    SHARED("indirect requests of 12 to 256 segments", indirect),
    SHARED("parts of pages", parts_of_pages),
    SHARED("flush, empty and with data", flush),
    SHARED("discard", discard),
    SHARED("2000 single requests lose no wakeup", single_requests),
    ALONE("read-only disk", read_only, &ro),
    ALONE("cdrom bits", cdrom, &cd),
    ALONE("null disk", null_engine, &null_disk),
    ALONE("qcow2 by way of NBD, two queues", qcow2_image, &qcow2),
    {"NBD server dies: a flush is never answered", "ended, to begin again",
     server_dies, &qcow2_dies, false, NULL, true},
    ALONE("stalled image: Closing at once, status meanwhile", server_stalls,
          &qcow2_dies),
    ALONE("medium taken out and put in under its frontend", change_medium, &cd),
    ALONE("blocks of 4 KiB under sectors of 512 bytes", blocks_of_4k,
          &blocks_4k),
    ALONE("resize up and down", resize, NULL),
    ALONE("status", status, NULL),
    ALONE("4 5 6 1: module removed, kexec", closes_and_returns, NULL),
    ALONE("4 6 1: iPXE", ipxe, NULL),
    ALONE("4 1: kernel that crashed", crashed_kernel, NULL),
    ALONE("4 3: resumed in place with new rings", resumed_in_place, NULL),
    ALONE("closing with requests under way", closing_under_load, NULL),
    ALONE("toolstack closes a disk in use", toolstack_closes, NULL),
    ALONE("never connected", never_connected, NULL),
};
const size_t conformance_count = XK_ARRAY_SIZE(conformance_cases);
