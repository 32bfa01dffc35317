/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/frontend.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    VALUE_MAX = 32
};

static int
read_abi(const struct xk_front_reader *reader, uint32_t *abi,
         struct xk_error *err)
{
    static const char *const names[] = {
        [XK_BLKIF_X86_32] = "x86_32-abi",
        [XK_BLKIF_X86_64] = "x86_64-abi",
    };
    XK_CLEANUP_FREE char *node = xk_asprintf("%s/protocol", reader->path);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_error problem;

    *abi = XK_BLKIF_NATIVE;
    if (xk_store_read(reader->store, XK_STORE_NO_TX, node, VALUE_MAX, &text,
                      reader->deadline, &problem) == -1) {
        if (problem.kind == XK_ERR_NOT_FOUND)
            return 0;
        if (problem.kind == XK_ERR_TIMEOUT) {
            *err = problem;
            return -1;
        }
    } else {
        for (uint32_t i = XK_BLKIF_X86_32; i < XK_ARRAY_SIZE(names); i++) {
            if (text.data != NULL && strcmp(text.data, names[i]) == 0) {
                *abi = i;
                return 0;
            }
        }
    }
    return xk_fail(err, XK_ERR_PROTOCOL,
                   "the frontend's \"protocol\" is neither x86_32-abi nor "
                   "x86_64-abi");
}

/* The node of a ring of one page is "ring-ref"; some frontends write
 * "ring-ref0". */
static int
read_grefs(const struct xk_front_reader *reader, bool numbered,
           struct xk_blkif_ring_id *ring, struct xk_error *err)
{
    for (uint32_t i = 0; i < ring->pages; i++) {
        char name[24];
        int rc = 0;

        snprintf(name, sizeof(name), "ring-ref%u", i);
        if (numbered)
            rc = xk_front_number(reader, name, 0, UINT32_MAX, &ring->grefs[i],
                                 err);
        if (rc == 0 && ring->pages == 1)
            rc = xk_front_number(reader, "ring-ref", 0, UINT32_MAX,
                                 &ring->grefs[i], err);
        if (rc == 0)
            return xk_fail(err, XK_ERR_PROTOCOL, "the frontend wrote no \"%s\"",
                           ring->pages == 1 ? "ring-ref" : name);
        if (rc == -1)
            return -1;
    }
    return 0;
}

static int
read_ring(const struct xk_front_reader *reader, bool numbered,
          struct xk_blkif_ring_id *ring, struct xk_error *err)
{
    if (read_grefs(reader, numbered, ring, err) == -1)
        return -1;
    return xk_front_need_number(reader, "event-channel", 1, UINT32_MAX >> 1,
                                &ring->port, err);
}

static int
read_queue(const struct xk_front_reader *device, unsigned number, bool numbered,
           struct xk_blkif_front *front, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path =
        front->queues == 1 ? xk_strdup(device->path)
                           : xk_asprintf("%s/queue-%u", device->path, number);
    struct xk_front_reader reader = {device->store, path, device->deadline};

    if (read_ring(&reader, numbered, &front->rings[number], err) == -1)
        return front->queues == 1 ? -1 : xk_wrap(err, "queue %u", number);
    return 0;
}

int
xk_front_read(struct xk_store *store, const char *path,
              const struct xk_inflight_offer *offer,
              struct xk_blkif_front *front, struct xk_deadline deadline,
              struct xk_error *err)
{
    struct xk_front_reader reader = {store, path, deadline};
    uint32_t order = 0, abi, queues = 1;
    int numbered;

    memset(front, 0, sizeof(*front));
    if (read_abi(&reader, &abi, err) == -1)
        return -1;
    numbered = xk_front_number(&reader, "ring-page-order", 0, offer->ring_order,
                               &order, err);
    if (numbered == -1 || xk_front_number(&reader, "multi-queue-num-queues", 1,
                                          offer->queues, &queues, err) == -1)
        return -1;
    front->queues = queues;
    for (unsigned i = 0; i < queues; i++) {
        front->rings[i].abi = abi;
        front->rings[i].pages = 1u << order;
        if (read_queue(&reader, i, numbered == 1, front, err) == -1)
            return -1;
    }
    return 0;
}
