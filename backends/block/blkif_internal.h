/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue from inside. Each file uses those above it only:
 *
 *   blkif_ring.c    entries of the ring
 *   blkif_work.c    a request that was taken: refused, finished, let go of
 *   blkif_data.c    its data between the guest and the engine
 *   blkif_attach.c  a ring begun, or taken over from a process that was killed
 *   blkif_round.c   one round: take, start, copy, answer, show
 *   blkif_queue.c   the worker's calls
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_INTERNAL_H
#define XK_BACKENDS_BLOCK_BLKIF_INTERNAL_H

#include "backends/block/blkif_queue.h"
#include "backends/block/pool.h"
#include "backends/ring/shared_ring.h"

enum {
    XK_BLKIF_BATCH = 64,    /* requests taken in one round */
    XK_BLKIF_COPIES = 1024, /* in one call */
    XK_BLKIF_DESCRIPTOR_BYTES = XK_BLKIF_MAX_SEGMENTS * XK_BLKIF_SEGMENT_BYTES,
};

/* A request from the moment it was taken until its answer is shown. */
struct xk_blkif_work {
    struct xk_blkif_work *next; /* in one list at a time */
    struct xk_blkif_queue *queue;
    unsigned slot; /* of the log; never changes */
    int16_t status;
    bool in_use;         /* else in the list of the unused */
    bool copy_out;       /* its data goes to the guest before it is answered */
    bool no_window;      /* reaching the image as memory failed */
    uint32_t written;    /* of FLUSH: what was when it began */
    void *buffer;        /* of its data: in the pool, or the image itself */
    unsigned pool_pages; /* 0: not in the pool */
    unsigned first_copy, copy_count; /* in the batch that is being made */
    struct iovec iov;
    struct xk_io io;
    struct xk_blkif_request request;
};

struct xk_blkif_list {
    struct xk_blkif_work *first, *last;
};

struct xk_blkif_queue {
    struct xk_worker worker; /* first */
    struct xk_blkif_device *device;
    /* What to connect to; the thread reads it when it does. */
    struct xk_blkif_ring_id id;

    /* From here on the thread's own. */
    struct xk_engine_queue *engine;

    /* While connected. */
    enum xk_blkif_abi abi;
    const struct xk_blkif_layout *layout;
    struct xk_shared_ring ring;
    struct xk_inflight_queue *log;
    struct xk_blkif_work *works; /* entries of them */
    struct xk_blkif_list unused;
    struct xk_blkif_list waiting;  /* good, but without memory yet */
    struct xk_blkif_list finished; /* to be answered */
    struct xk_blkif_list answered; /* to be shown */
    unsigned in_engine;            /* handed to the engine, not done yet */
    unsigned held;                 /* failed flushes: never answered */
    struct xk_pool pool;
    struct xk_guest_copy copies[XK_BLKIF_COPIES];
    unsigned copy_count;
    uint8_t descriptors[XK_BLKIF_BATCH][XK_BLKIF_DESCRIPTOR_BYTES];

    struct xk_blkif_stats stats;
};

static inline void
xk_blkif_append(struct xk_blkif_list *list, struct xk_blkif_work *work)
{
    work->next = NULL;
    if (list->first == NULL)
        list->first = work;
    else
        list->last->next = work;
    list->last = work;
}

static inline struct xk_blkif_work *
xk_blkif_pop(struct xk_blkif_list *list)
{
    struct xk_blkif_work *work = list->first;

    if (work != NULL)
        list->first = work->next;
    return work;
}

static inline struct xk_blkif_queue *
xk_blkif_queue_of(const struct xk_worker *worker)
{
    return (struct xk_blkif_queue *)(uintptr_t)worker;
}

/* ---- blkif_ring.c ---- */

void xk_blkif_ring_read(struct xk_blkif_queue *queue, uint32_t index,
                        uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);
void xk_blkif_ring_answer(struct xk_blkif_queue *queue,
                          const struct xk_blkif_work *work);

/* ---- blkif_work.c ---- */

/* To be answered with this status. */
void xk_blkif_finish(struct xk_blkif_work *work, int16_t status);
/* Whether a request is let in: it waits for memory then, or is finished. */
void xk_blkif_judge(struct xk_blkif_work *work);
/* Give its memory back. */
void xk_blkif_let_go(struct xk_blkif_work *work);

/* ---- blkif_data.c ---- */

void xk_blkif_fetch_descriptors(struct xk_blkif_queue *queue,
                                struct xk_blkif_list *indirect);
void xk_blkif_start_waiting(struct xk_blkif_queue *queue);
void xk_blkif_copy_out(struct xk_blkif_queue *queue);

/* ---- blkif_attach.c ---- */

int xk_blkif_attach(struct xk_blkif_queue *queue, struct xk_error *err);
void xk_blkif_detach(struct xk_blkif_queue *queue);
/* The same, but what is under way goes on and keeps its memory. */
void xk_blkif_detach_early(struct xk_blkif_queue *queue);

/* ---- blkif_round.c ---- */

void xk_blkif_round(struct xk_blkif_queue *queue);
/* True if nothing that was taken is still to be done. */
bool xk_blkif_is_drained(const struct xk_blkif_queue *queue);

#endif
