/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backends in processes of their own are killed again and again while a
 * frontend keeps its ring full. Each request must be answered once and without
 * an error, and all data written must be in the image.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "tests/fakes/blkif_guest.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

enum {
    BLOCKS = 1024, /* of 16 KiB */
    BLOCK_PAGES = 4,
    BLOCK_SECTORS = 32,
    KILLS = 100,
};

struct slot {
    bool busy;
    bool is_write;
    unsigned block;
    uint64_t stamp;
};

static char *folder, *log_path, *image_path;
static struct blkif_guest *guest;
static uint64_t stamps[BLOCKS]; /* content of each block; 0: nothing */
static bool block_busy[BLOCKS];
static struct slot slots[32];
static uint64_t next_stamp;
static unsigned answered;
static uint64_t randomness = 88172645463325252ull;

static uint64_t
random_number(void)
{
    randomness ^= randomness << 13;
    randomness ^= randomness >> 7;
    randomness ^= randomness << 17;
    return randomness;
}

/* Serve the ring, in the child. Never returns. */
static void
serve_until_killed(bool take_over)
{
    struct xk_inflight_offer offer = {1, XK_BLKIF_RING_ORDER_MAX,
                                      XK_BLKIF_MAX_SEGMENTS};
    struct xk_engine_options options = {.path = image_path,
                                        .direct = true,
                                        .lock_deadline =
                                            xk_deadline_in_ms(10000)};
    struct xk_blkif_device device = {.limits = {.logical_sectors = 1}};
    struct xk_worker *queue;
    struct xk_error err = {0};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    device.log = xk_inflight_open(log_path, &offer, &err);
    device.engine = xk_file_engine_open(&options, &err);
    if (device.log == NULL || device.engine == NULL) {
        fprintf(stderr, "%s\n", err.message);
        _exit(1);
    }
    device.limits.sectors = device.engine->bytes / 512;
    device.changed_fd = eventfd(0, EFD_CLOEXEC);
    queue = xk_blkif_queue_new(
        &device,
        xk_memory_guest_new(guest->memory, guest->to_backend, guest->to_guest),
        0, &err);
    while (xk_worker_state(queue) == XK_WORKER_STARTING)
        poll(NULL, 0, 1);
    if (take_over &&
        !xk_inflight_is_of(xk_inflight_queue(device.log, 0), &guest->id))
        _exit(3);
    xk_blkif_queue_connect(queue, &guest->id, take_over);
    for (;;) {
        enum xk_worker_state state = xk_worker_state(queue);

        if (state == XK_WORKER_FAILED || state == XK_WORKER_BROKEN) {
            fprintf(stderr, "%s\n", xk_worker_reason(queue));
            _exit(2);
        }
        poll(NULL, 0, 10);
    }
}

static pid_t
start_backend(bool take_over)
{
    pid_t pid = fork();

    if (pid == 0)
        serve_until_killed(take_over);
    assert_true(pid > 0);
    return pid;
}

/* Kill the backend, and check that it had not ended by itself. */
static void
kill_backend(pid_t pid)
{
    int status;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
stamp_pages(unsigned slot, uint64_t stamp)
{
    uint64_t *words = (uint64_t *)blkif_guest_page(
        guest, BLKIF_GUEST_DATA + slot * BLOCK_PAGES);

    for (unsigned i = 0; i < BLOCK_PAGES * 512; i++)
        words[i] = stamp * 0x9e3779b97f4a7c15ull + i;
}

static bool
pages_are_stamped(unsigned slot, uint64_t stamp)
{
    const uint64_t *words = (const uint64_t *)blkif_guest_page(
        guest, BLKIF_GUEST_DATA + slot * BLOCK_PAGES);

    for (unsigned i = 0; i < BLOCK_PAGES * 512; i++) {
        if (words[i] != (stamp == 0 ? 0 : stamp * 0x9e3779b97f4a7c15ull + i))
            return false;
    }
    return true;
}

static unsigned
free_block(void)
{
    unsigned block;

    do
        block = (unsigned)(random_number() % BLOCKS);
    while (block_busy[block]);
    return block;
}

static void
ask(unsigned number)
{
    struct slot *slot = &slots[number];
    struct blkif_bytes entry;

    *slot = (struct slot){.busy = true,
                          .is_write = random_number() % 2 == 0,
                          .block = free_block(),
                          .stamp = ++next_stamp};
    block_busy[slot->block] = true;
    stamp_pages(number, slot->is_write ? slot->stamp : UINT64_MAX);
    entry = blkif_direct(guest->abi,
                         slot->is_write ? XK_BLKIF_OP_WRITE : XK_BLKIF_OP_READ,
                         number, slot->block * BLOCK_SECTORS, BLOCK_PAGES);
    for (unsigned i = 0; i < BLOCK_PAGES; i++)
        blkif_set_segment(guest->abi, &entry, i,
                          BLKIF_GUEST_DATA + number * BLOCK_PAGES + i, 0, 7);
    blkif_guest_put(guest, &entry);
}

static void
check(const struct blkif_response *response)
{
    struct slot *slot = &slots[response->id];

    assert_true(response->id < 32);
    assert_true(slot->busy); /* if not, it was answered twice */
    assert_int_equal(response->status, XK_BLKIF_OK);
    assert_int_equal(response->operation,
                     slot->is_write ? XK_BLKIF_OP_WRITE : XK_BLKIF_OP_READ);
    if (slot->is_write)
        stamps[slot->block] = slot->stamp;
    else
        assert_true(
            pages_are_stamped((unsigned)response->id, stamps[slot->block]));
    slot->busy = false;
    block_busy[slot->block] = false;
    answered++;
}

static bool
answer_one(int ms)
{
    struct blkif_response response;

    if (!blkif_guest_next(guest, &response, ms))
        return false;
    check(&response);
    return true;
}

static void
keep_busy(int64_t until_ns)
{
    do {
        for (unsigned i = 0; i < 32; i++) {
            if (!slots[i].busy)
                ask(i);
        }
        blkif_guest_push(guest);
        answer_one(0);
    } while (xk_now_ns() < until_ns);
}

static void
drain(void)
{
    for (unsigned i = 0; i < 32; i++) {
        while (slots[i].busy)
            assert_true(answer_one(BLKIF_GUEST_WAIT_MS));
    }
}

/* first: the first index of the ring. */
static void
survive(const char *image, uint32_t first)
{
    pid_t pid;

    image_path = xk_strdup(image);
    log_path = xk_asprintf("%s/inflight", folder);
    guest = blkif_guest_new(XK_BLKIF_X86_64, 1);
    blkif_guest_reset_ring(guest, first);
    memset(stamps, 0, sizeof(stamps));
    answered = 0;
    pid = start_backend(false);
    ask(0); /* its answer shows that the backend is connected */
    blkif_guest_push(guest);
    assert_true(answer_one(BLKIF_GUEST_WAIT_MS));
    for (unsigned i = 0; i < KILLS; i++) {
        keep_busy(xk_now_ns() +
                  (int64_t)(random_number() % 12000000)); /* 12 ms */
        kill_backend(pid);
        pid = start_backend(true);
    }
    drain();
    kill_backend(pid);
    print_message("%u requests, %u kills\n", answered, (unsigned)KILLS);
    assert_true(answered > KILLS);
    blkif_guest_free(guest);
    free(log_path);
    free(image_path);
}

static void
no_request_is_lost_or_answered_twice_with_an_image_on_disk(void **state)
{
    XK_CLEANUP_FREE char *image = NULL;

    (void)state;
    folder = scratch_new();
    image =
        blkif_image_new(folder, "image", (uint64_t)BLOCKS * BLOCK_PAGES * 4096);
    survive(image, 0);
    scratch_free(folder);
}

static void
no_request_is_lost_or_answered_twice_with_an_image_in_memory(void **state)
{
    XK_CLEANUP_CLOSE int fd = memfd_create("image", MFD_CLOEXEC);
    char path[64];

    (void)state;
    folder = scratch_new();
    assert_int_equal(ftruncate(fd, (off_t)BLOCKS * BLOCK_PAGES * 4096), 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    survive(path, 0xfffff000u);
    scratch_free(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            no_request_is_lost_or_answered_twice_with_an_image_on_disk),
        cmocka_unit_test(
            no_request_is_lost_or_answered_twice_with_an_image_in_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
