/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block frontend of domain 0: its disk, its rings and its requests. */
#ifndef XK_TESTS_LAB_FRONTENDS_BLOCK_BLOCK_H
#define XK_TESTS_LAB_FRONTENDS_BLOCK_BLOCK_H

#include "backends/block/blkif_abi.h"
#include "tests/lab/frontends/common/cases.h"
#include "tests/unit/backends/block/blkif_bytes.h"

enum {
    LOOP_IMAGE_BYTES = 16 * 1024 * 1024,
};

struct loop_response {
    uint64_t id;
    uint8_t operation;
    int16_t status;
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

struct block {
    struct loop_options options;
    char image[128];
    int image_fd;
    pid_t server; /* qemu-nbd, or 0 */
};

static inline struct block *
block_of(const struct loop_device *device)
{
    return (struct block *)device->own;
}

void loop_make_rings(struct loop_device *device);
void loop_write_rings(struct loop_device *device);

/* Of the kind. */
void block_connect(struct loop_device *device);
void block_must_serve(struct loop_device *device);

void loop_put(struct loop_device *device, unsigned ring,
              const struct blkif_bytes *entry);
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

extern const struct loop_case conformance_cases[];
extern const size_t conformance_count;
extern const struct loop_case hostile_request_cases[];
extern const size_t hostile_request_count;
extern const struct loop_case hostile_device_cases[];
extern const size_t hostile_device_count;
extern const struct loop_case kill_cases[];
extern const size_t kill_count;

#endif
