/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A queue from inside; for blkif_*.c only. */
#ifndef XK_BACKENDS_BLOCK_BLKIF_INTERNAL_H
#define XK_BACKENDS_BLOCK_BLKIF_INTERNAL_H

#include <linux/time_types.h>
#include <pthread.h>

#include "backends/block/blkif_queue.h"
#include "backends/block/pool.h"

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
    struct xk_blkif_device *device;
    struct xk_guest *guest;
    unsigned number;
    pthread_t thread;
    bool has_thread;
    int command_fd;

    _Atomic int state; /* enum xk_blkif_queue_state */
    /* What the thread is to do; the last one counts. */
    _Atomic int command;
    struct xk_blkif_ring_id id;
    bool take_over;
    _Atomic bool keep_log;
    _Atomic bool fails_left; /* of what is abandoned */
    struct xk_error error;

    /* From here on the thread's own. */
    struct xk_loop loop;
    struct xk_engine_queue *engine;
    struct xk_loop_op command_op, bell_op, delay_op;
    uint64_t command_value, bell_value;
    struct __kernel_timespec delay_time;
    bool bell_armed, bell_rung, delaying, delayed;
    unsigned empty_rings; /* in a row */
    bool took_since_ring;

    /* While connected. */
    enum xk_blkif_abi abi;
    const struct xk_blkif_layout *layout;
    volatile struct xk_blkif_ring_header *ring; /* NULL: not connected */
    uint32_t entries;
    uint32_t req_cons, rsp_prod;
    uint32_t rsp_shown; /* rsp_prod in the ring: what we last wrote there */
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

/* blkif_ring.c: the ring itself. */
int xk_blkif_ring_attach(struct xk_blkif_queue *queue, struct xk_error *err);
void xk_blkif_ring_detach(struct xk_blkif_queue *queue);
/* The same, but what is under way goes on and keeps its memory. */
void xk_blkif_ring_let_go(struct xk_blkif_queue *queue);
void xk_blkif_ring_read(struct xk_blkif_queue *queue, uint32_t index,
                        uint8_t entry[XK_BLKIF_ENTRY_BYTES_MAX]);
void xk_blkif_ring_write(struct xk_blkif_queue *queue,
                         const struct xk_blkif_work *work);
/* True if the guest wants to be told. */
bool xk_blkif_ring_show(struct xk_blkif_queue *queue);
uint32_t xk_blkif_ring_produced(const struct xk_blkif_queue *queue);
/* Ask for a ring of the doorbell at the next request; true if it is there. */
bool xk_blkif_ring_ask(struct xk_blkif_queue *queue);

/* blkif_data.c: between guest and engine. */
void xk_blkif_fetch_descriptors(struct xk_blkif_queue *queue,
                                struct xk_blkif_list *indirect);
void xk_blkif_start_waiting(struct xk_blkif_queue *queue);
void xk_blkif_copy_out(struct xk_blkif_queue *queue);
void xk_blkif_finish(struct xk_blkif_work *work, int16_t status);
void xk_blkif_judge(struct xk_blkif_work *work);
void xk_blkif_let_go(struct xk_blkif_work *work);

/* blkif_round.c: one round. */
void xk_blkif_round(struct xk_blkif_queue *queue);
/* True if nothing that was taken is still to be done. */
bool xk_blkif_is_drained(const struct xk_blkif_queue *queue);
void xk_blkif_break(struct xk_blkif_queue *queue, const char *reason);

/* blkif_queue.c */
void xk_blkif_set_state(struct xk_blkif_queue *queue,
                        enum xk_blkif_queue_state state);
void xk_blkif_tell(struct xk_blkif_device *device);

#endif
