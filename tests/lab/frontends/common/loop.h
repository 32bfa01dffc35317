/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A block frontend of domain 0 for a backend of domain 0: pages from gntalloc,
 * ports from evtchn, nodes in the real store. Each device has an xk-backend of
 * its own, which the frontend starts as a toolstack would.
 *
 * A case that finds what it must not find ends with fail_case().
 */
#ifndef XK_TESTS_LAB_FRONTENDS_COMMON_LOOP_H
#define XK_TESTS_LAB_FRONTENDS_COMMON_LOOP_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <xenevtchn.h>

#include "backends/block/blkif_abi.h"
#include "tests/fakes/front_ring.h"
#include "tests/unit/backends/block/blkif_bytes.h"
#include "xenstore-helpers/store.h"

enum {
    LOOP_RINGS_MAX = 8,
    LOOP_DATA_PAGES = 300,
    LOOP_IMAGE_BYTES = 16 * 1024 * 1024,
    LOOP_WAIT_MS = 30000,
};

struct loop_response {
    uint64_t id;
    uint8_t operation;
    int16_t status;
};

struct loop_ring {
    xenevtchn_handle *events;
    uint32_t port;
    uint8_t *pages;
    uint32_t grefs[XK_BLKIF_RING_PAGES_MAX];
    uint64_t index; /* gntalloc's */
    struct front_ring front;
};

struct loop_options {
    const char *image; /* NULL: one of LOOP_IMAGE_BYTES in the folder */
    const char *json;  /* more members of device.json: ",\"readonly\":true" */
    unsigned queues;   /* of the frontend; 0: 1 */
    unsigned order;    /* of its rings */
    enum xk_blkif_abi abi;
    bool no_protocol; /* node left out */
    bool qcow2;       /* served by qemu-nbd */
    bool on_disk;     /* where a flush takes a while; else it is in memory */
    bool blocks_4k;   /* a block device that knows no smaller ones */
};

struct loop_device {
    struct loop_options options;
    struct xk_store *store;
    unsigned devid;
    char front[64], back[64], folder[64], image[128];
    int gntalloc, image_fd;
    pid_t backend, server; /* server: qemu-nbd, or 0 */
    unsigned ring_count;
    struct loop_ring rings[LOOP_RINGS_MAX];
    uint8_t *data; /* LOOP_DATA_PAGES, granted for writing */
    uint32_t *data_grefs;
    uint64_t data_index;
    uint32_t read_only_gref; /* one more page, granted for reading */
    uint8_t *read_only_page;
    uint64_t read_only_index;
};

extern sigjmp_buf loop_failed;
void fail_case(const char *fmt, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
#define MUST(condition, ...)                                                   \
    do {                                                                       \
        if (!(condition))                                                      \
            fail_case(__VA_ARGS__);                                            \
    } while (0)

/* Both ends in the store at state 1, nobody started. */
struct loop_device *loop_new(const struct loop_options *options);

/* The same, and a backend at InitWait. */
struct loop_device *loop_open(const struct loop_options *options);

/* Pages granted to domain 0. */
uint8_t *loop_allocate(struct loop_device *device, unsigned pages,
                       bool writable, uint32_t *grefs, uint64_t *index);
void loop_give_back(struct loop_device *device, void *memory, unsigned pages,
                    uint64_t index);

/* Starts a backend: -1 once it is ready, else its exit status. said: its line
 * on the ready descriptor. */
int loop_start(struct loop_device *device, char *said, size_t size);

/* Rings made and written to the store, state 3, then 4 with the backend. */
void loop_connect(struct loop_device *device);
void loop_make_rings(struct loop_device *device);
void loop_write_rings(struct loop_device *device);

/* Closes in order, with checks that nothing stays. */
void loop_close(struct loop_device *device);
/* By force; the second prints the backend's log, after a failed case. */
void loop_free(struct loop_device *device);
void loop_abandon(struct loop_device *device);
void loop_drop_rings(struct loop_device *device);

void loop_write(struct loop_device *device, const char *name, const char *fmt,
                ...) __attribute__((format(printf, 3, 4)));
void loop_remove(struct loop_device *device, const char *name);
void loop_back_write(struct loop_device *device, const char *name,
                     const char *value);
/* "" where there is no such node; the text lasts until the next call. */
const char *loop_back_read(struct loop_device *device, const char *name);
void loop_set_state(struct loop_device *device, int state);
int loop_back_state(struct loop_device *device);
void loop_await(struct loop_device *device, int state);

void loop_put(struct loop_device *device, unsigned ring,
              const struct blkif_bytes *entry);
void loop_push(struct loop_device *device, unsigned ring);
void loop_kick(struct loop_device *device, unsigned ring);
bool loop_next(struct loop_device *device, unsigned ring,
               struct loop_response *response, int ms);
int loop_ask(struct loop_device *device, unsigned ring,
             const struct blkif_bytes *entry);
/* Requests over the device's own data pages: from page `first` on. */
struct blkif_bytes loop_request(struct loop_device *device, uint8_t operation,
                                uint64_t sector, uint8_t segments,
                                unsigned first);
/* Descriptors of `count` segments in data page `descriptors`. */
struct blkif_bytes loop_indirect(struct loop_device *device, uint8_t operation,
                                 uint64_t sector, uint16_t count,
                                 unsigned descriptors, unsigned first);

/* A read and a write go well. */
void loop_must_serve(struct loop_device *device);
/* Ended as a toolstack does it; what is connected stays. */
void loop_stop(struct loop_device *device);
/* What the next backend is told, from options and image. */
void loop_write_json(struct loop_device *device);
bool loop_is_alive(const struct loop_device *device);
void loop_kill(struct loop_device *device);
/* One line asked over the control socket; the answer lasts until the next. */
const char *loop_control(struct loop_device *device, const char *question);

#endif
