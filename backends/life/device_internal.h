/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A block device from inside; for block*.c only. */
#ifndef XK_BACKENDS_LIFE_DEVICE_INTERNAL_H
#define XK_BACKENDS_LIFE_DEVICE_INTERNAL_H

#include "backends/block/blkif_queue.h"
#include "backends/block/config.h"
#include "backends/block/frontend.h"
#include "backends/life/control.h"
#include "backends/life/device.h"

enum xk_block_phase {
    XK_BLOCK_STILL,      /* no rings */
    XK_BLOCK_CONNECTING, /* queues map their rings */
    XK_BLOCK_SERVING,
    XK_BLOCK_DRAINING, /* queues finish and let go */
};

struct xk_block {
    struct xk_backend_config config;
    int lock_fd, signal_fd;
    struct xk_store *store; /* NULL once xenstored is gone */
    struct xk_control *control;
    char *flusher;  /* where it listens; NULL: none */
    int flusher_fd; /* to tell it to end */
    bool has_new_flusher;
    struct xk_blkif_device device;
    struct xk_inflight_offer offer;
    unsigned queue_count; /* threads that stand by */
    struct xk_blkif_queue *queues[XK_INFLIGHT_QUEUES_MAX];

    enum xk_block_phase phase;
    int state; /* ours, in the store */
    int front_state;
    struct xk_blkif_front front; /* whose rings are connected */
    bool look;                   /* the store may have changed */
    int64_t look_after_ns;       /* not before */
    bool taking_over;            /* state 4 is not written again */
    bool stopping;               /* was asked to end */
    int64_t abandon_ns;          /* until then it waits for the image */
    bool going;                  /* no process will serve it after us */
    bool stuck;                  /* in the kernel: it could not be abandoned */
    bool leaving;                /* to end once drained, nodes removed */
    bool done;
    char reason[256]; /* why it does not serve; "" */
    bool has_error_node;
    int64_t next_line_ns; /* when the next line about the guest is due */
};

/* block_store.c: our nodes. */
int xk_block_advertise(struct xk_block *block, struct xk_error *err);
int xk_block_set_state(struct xk_block *block, int state, struct xk_error *err);
int xk_block_write_size(struct xk_block *block, struct xk_error *err);
/* The same where the frontend was told another size before. */
int xk_block_correct_size(struct xk_block *block, struct xk_error *err);
/* False: the guest makes us say too much; a log has an end. */
bool xk_block_may_log(struct xk_block *block);
/* Keeps the reason, logs it and writes it to the error node. */
void xk_block_complain(struct xk_block *block, const char *reason);
/* It is served again. */
void xk_block_forget_complaint(struct xk_block *block);
/* What others want of us. *state: XK_XENBUS_UNKNOWN where our nodes are gone.
 */
int xk_block_read_own(struct xk_block *block, int *state, bool *online,
                      struct xk_error *err);
void xk_block_remove_nodes(struct xk_block *block);

/* block_states.c */
int xk_block_begin(struct xk_block *block, struct xk_error *err);
int xk_block_look(struct xk_block *block, struct xk_error *err);
int xk_block_queues_changed(struct xk_block *block, struct xk_error *err);
void xk_block_stop(struct xk_block *block);
/* The same, for good: nothing is left to another process. */
void xk_block_leave(struct xk_block *block);
/* End, whatever the image does. Returns only where a queue does not obey. */
void xk_block_abandon(struct xk_block *block);

/* block_control.c */
void xk_block_answer(void *context, const struct xk_json *asked,
                     struct xk_buf *answer);

struct xk_deadline xk_block_deadline(void);

#endif
