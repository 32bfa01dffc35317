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

/* The values that all rings of a frontend share. */
struct front {
    struct xk_blkif_front *front;
    uint32_t abi, order;
    bool numbered;
};

static int
read_ring(const struct xk_front_reader *reader, unsigned number, void *context,
          struct xk_error *err)
{
    const struct front *of = (const struct front *)context;
    struct xk_blkif_ring_id *ring = &of->front->rings[number];

    ring->abi = of->abi;
    ring->pages = 1u << of->order;
    if (read_grefs(reader, of->numbered, ring, err) == -1)
        return -1;
    return xk_front_need_port(reader, "event-channel", &ring->port, err);
}

int
xk_front_read(struct xk_store *store, const char *path,
              const struct xk_inflight_offer *offer,
              struct xk_blkif_front *front, struct xk_deadline deadline,
              struct xk_error *err)
{
    struct xk_front_reader reader = {store, path, deadline};
    struct front of = {.front = front};
    int numbered;

    memset(front, 0, sizeof(*front));
    if (read_abi(&reader, &of.abi, err) == -1)
        return -1;
    numbered = xk_front_number(&reader, "ring-page-order", 0, offer->ring_order,
                               &of.order, err);
    if (numbered == -1)
        return -1;
    of.numbered = numbered == 1;
    return xk_front_read_queues(&reader, offer->queues, &front->queues,
                                read_ring, &of, err);
}
