/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of a queue. Each file uses only the files above it:
 *
 *   blkif_ring.c    entries of the ring
 *   blkif_work.c    one request: check it, finish it, release its buffer
 *   blkif_data.c    its data between the guest and the engine
 *   blkif_attach.c  map a ring and begin it, or take it over from a killed
 *                   process
 *   blkif_round.c   one round: take, start, copy, answer, publish
 *   blkif_queue.c   the worker's calls
 *
 * A request's struct xk_blkif_work is always in one place: the list "unused";
 * "waiting" for a buffer; in the engine; "finished", to be copied to the guest
 * and answered; or "answered", its response written but not yet published. A
 * failed flush is "held": it is in no list and never answered.
 */
#ifndef XK_BACKENDS_BLOCK_BLKIF_INTERNAL_H
#define XK_BACKENDS_BLOCK_BLKIF_INTERNAL_H

#include "backends/block/blkif_queue.h"
#include "backends/block/pool.h"
#include "backends/ring/shared_ring.h"

enum {
    XK_BLKIF_BATCH = 64,    /* requests taken in one round */
    XK_BLKIF_COPIES = 1024, /* segments copied with one call */
    XK_BLKIF_DESCRIPTOR_BYTES = XK_BLKIF_MAX_SEGMENTS * XK_BLKIF_SEGMENT_BYTES,
};

/* A request, from the moment it is taken until its response is published. */
struct xk_blkif_work {
    struct xk_blkif_work *next; /* in one list at a time */
    struct xk_blkif_queue *queue;
    unsigned slot; /* in the log; never changes */
    int16_t status;
    bool in_use;         /* false: in the list "unused" */
    bool copy_out;       /* copy its data to the guest before answering */
    bool no_window;      /* access through the mapped image failed */
    uint32_t written;    /* FLUSH: xk_inflight_written() when it began */
    void *buffer;        /* its data: in the pool, or in the mapped image */
    unsigned pool_pages; /* 0: not in the pool */
    unsigned first_copy, copy_count; /* in the current batch of copies */
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
    /* The ring to connect to; the owner writes it before it sends the
     * command. */
    struct xk_blkif_ring_id id;

    /* Only the worker's thread uses what follows. */
    struct xk_engine_queue *engine;

    /* While connected. */
    enum xk_blkif_abi abi;
    const struct xk_blkif_layout *layout;
    struct xk_shared_ring ring;
    struct xk_inflight_queue *log;
    struct xk_blkif_work *works; /* as many as the ring has entries */
    struct xk_blkif_list unused;
    struct xk_blkif_list waiting;  /* valid, but without a buffer yet */
    struct xk_blkif_list finished; /* to be answered */
    struct xk_blkif_list answered; /* response written, not published */
    unsigned in_engine;            /* submitted to the engine, not done */
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

/* Copy a request from the ring into private memory. */
void xk_blkif_ring_read(struct xk_blkif_queue *queue, uint32_t index,
                        uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);
/* Write the work's response at index rsp_prod. */
void xk_blkif_ring_answer(struct xk_blkif_queue *queue,
                          const struct xk_blkif_work *work);

/* ---- blkif_work.c ---- */

/* Queue the work to be answered with this status. */
void xk_blkif_finish(struct xk_blkif_work *work, int16_t status);
/* Check a decoded request: a valid one waits for a buffer, any other is
 * finished with an error. */
void xk_blkif_admit(struct xk_blkif_work *work);
/* Release the work's buffer. */
void xk_blkif_release_buffer(struct xk_blkif_work *work);

/* ---- blkif_data.c ---- */

/* Copy the descriptor pages of indirect requests into private memory, decode
 * them and check the requests. Empties the list. */
void xk_blkif_fetch_descriptors(struct xk_blkif_queue *queue,
                                struct xk_blkif_list *indirect);
/* Start the waiting requests, as far as there are buffers. */
void xk_blkif_start_waiting(struct xk_blkif_queue *queue);
/* Copy the data of finished reads to the guest. */
void xk_blkif_copy_out(struct xk_blkif_queue *queue);

/* ---- blkif_attach.c ---- */

int xk_blkif_attach(struct xk_blkif_queue *queue, struct xk_error *err);
void xk_blkif_detach(struct xk_blkif_queue *queue);
/* Unmap and unbind, but let requests in flight finish with their buffers. */
void xk_blkif_detach_early(struct xk_blkif_queue *queue);

/* ---- blkif_round.c ---- */

void xk_blkif_round(struct xk_blkif_queue *queue);
/* Returns true if every request that was taken has been answered or is held. */
bool xk_blkif_is_drained(const struct xk_blkif_queue *queue);

#endif
