/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frontend in plain memory and a queue of the backend that serves it. It is
 * honest by default, but a test can write anything to its ring.
 */
#ifndef XK_TESTS_FAKES_BLKIF_GUEST_H
#define XK_TESTS_FAKES_BLKIF_GUEST_H

#include <stdbool.h>

#include "backends/block/blkif_queue.h"
#include "backends/ring/memory_guest.h"
#include "tests/fakes/front_ring.h"
#include "tests/fakes/worker_await.h"
#include "tests/unit/backends/block/blkif_bytes.h"

enum {
    BLKIF_GUEST_PAGES = 2048,
    BLKIF_GUEST_DATA = 100, /* first page for data, above the rings */
    BLKIF_GUEST_WAIT_MS = 20000,
};

struct blkif_response {
    uint64_t id;
    uint8_t operation;
    int16_t status;
};

struct blkif_guest {
    struct xk_memory *memory;
    struct xk_blkif_ring_id id;
    enum xk_blkif_abi abi;
    uint8_t *pages; /* the ring's, contiguous */
    struct front_ring ring;
    int to_backend, to_guest;
};

struct blkif_guest *blkif_guest_new(enum xk_blkif_abi abi, unsigned pages);
void blkif_guest_free(struct blkif_guest *guest);

/* Initialise the ring as a frontend does; indexes begin at `first`. */
void blkif_guest_reset_ring(struct blkif_guest *guest, uint32_t first);

/* Put a request into the ring; blkif_guest_push() then publishes it, and
 * blkif_guest_ring_bell() sends an event. */
void blkif_guest_put(struct blkif_guest *guest,
                     const struct blkif_bytes *entry);
void blkif_guest_push(struct blkif_guest *guest);
void blkif_guest_ring_bell(struct blkif_guest *guest);

/* Wait for the next response. False if none comes in time. */
bool blkif_guest_next(struct blkif_guest *guest,
                      struct blkif_response *response, int ms);

/* Put, push and wait; returns the status. The test fails if no response comes,
 * or if it is to another request. */
int blkif_guest_ask(struct blkif_guest *guest, const struct blkif_bytes *entry);

uint8_t *blkif_guest_page(struct blkif_guest *guest, uint32_t gref);

/* A backend's device with one queue, which serves the guest. */
struct blkif_backend {
    char *folder;
    char *log_path;
    struct xk_blkif_device device;
    struct xk_worker *queue;
    struct blkif_guest *guest;
};

struct blkif_backend *blkif_backend_new(struct blkif_guest *guest,
                                        struct xk_engine *engine);
/* IDLE -> RUNNING; returns the state that the queue reaches. */
enum xk_worker_state blkif_backend_connect(struct blkif_backend *backend,
                                           bool take_over);
enum xk_worker_state blkif_backend_wait(struct blkif_backend *backend,
                                        enum xk_worker_state wanted);
/* Stop the queue, and check that it is IDLE with nothing mapped. */
void blkif_backend_stop(struct blkif_backend *backend);
void blkif_backend_free(struct blkif_backend *backend);

/* Make a file of that many bytes in folder; returns its path. */
char *blkif_image_new(const char *folder, const char *name, uint64_t bytes);

#endif
