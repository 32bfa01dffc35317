/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread of a queue: what it waits for and what it is told. */
#include "backends/block/blkif_queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/block/blkif_internal.h"
#include "base/deadline.h"
#include "base/mem.h"

enum {
    LOOP_ENTRIES = 256,
    PINNED_BYTES = 1024 * 1024, /* what is used first of the pool */
    STACK_BYTES = 128 * 1024,
    EMPTY_RINGS_FREE = 4, /* a late ring or two is nobody's fault */
    DELAY_SHIFT_MAX = 7,  /* 128 ms */
};

enum command {
    COMMAND_NONE,
    COMMAND_CONNECT,
    COMMAND_STOP,
    COMMAND_ABANDON,
    COMMAND_END,
};

void
xk_blkif_tell(struct xk_blkif_device *device)
{
    uint64_t one = 1;

    /* Fails only when 2^64 - 2 changes were not looked at. */
    (void)!write(device->changed_fd, &one, sizeof(one));
}

void
xk_blkif_set_state(struct xk_blkif_queue *queue,
                   enum xk_blkif_queue_state state)
{
    queue->state = state;
    xk_blkif_tell(queue->device);
}

enum xk_blkif_queue_state
xk_blkif_queue_state(const struct xk_blkif_queue *queue)
{
    return (enum xk_blkif_queue_state)queue->state;
}

const char *
xk_blkif_queue_reason(const struct xk_blkif_queue *queue)
{
    return queue->error.message;
}

void
xk_blkif_queue_stats(const struct xk_blkif_queue *queue,
                     struct xk_blkif_stats *stats)
{
    const uint64_t *from = (const uint64_t *)&queue->stats;
    uint64_t *to = (uint64_t *)stats;

    for (size_t i = 0; i < sizeof(*stats) / sizeof(*to); i++)
        to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static void
fail(struct xk_blkif_queue *queue)
{
    xk_wrap(&queue->error, "queue %u", queue->number);
    xk_blkif_set_state(queue, XK_BLKIF_QUEUE_FAILED);
}

static void
connect_ring(struct xk_blkif_queue *queue)
{
    queue->stats.inflight = 0;
    queue->held = 0;
    queue->empty_rings = 0;
    queue->bell_rung = false;
    queue->log = xk_inflight_queue(queue->device->log, queue->number);
    if (xk_blkif_ring_attach(queue, &queue->error) == -1) {
        fail(queue);
        return;
    }
    if (queue->engine->engine->pins)
        xk_loop_pin(&queue->loop, queue->pool.memory, PINNED_BYTES);
    xk_blkif_set_state(queue, XK_BLKIF_QUEUE_RUNNING);
    /* What a predecessor answered it may not have rung for. */
    if (queue->take_over)
        xk_guest_notify(queue->guest);
}

static void
disconnect_ring(struct xk_blkif_queue *queue)
{
    if (queue->ring != NULL) {
        xk_blkif_ring_detach(queue);
        if (!queue->keep_log)
            xk_inflight_end(queue->log);
        xk_loop_unpin(&queue->loop);
        xk_pool_trim(&queue->pool);
    }
    xk_blkif_set_state(queue, XK_BLKIF_QUEUE_IDLE);
}

/* All but flushes: Linux takes an error of those for success. */
static void
fail_left(struct xk_blkif_queue *queue)
{
    for (uint32_t i = 0; i < queue->entries; i++) {
        struct xk_blkif_work *work = &queue->works[i];

        if (!work->in_use || work->request.operation == XK_BLKIF_OP_FLUSH)
            continue;
        work->status = XK_BLKIF_ERROR;
        xk_blkif_ring_write(queue, work);
        queue->rsp_prod++;
        queue->stats.errors++;
    }
    (void)xk_blkif_ring_show(queue);
    xk_guest_notify(queue->guest);
}

/* What the image still has reads and writes memory of our own, and is in the
 * log: nothing of it needs the guest. */
static void
abandon_ring(struct xk_blkif_queue *queue)
{
    if (queue->fails_left)
        fail_left(queue);
    xk_blkif_ring_let_go(queue);
    queue->command = COMMAND_NONE;
    xk_blkif_set_state(queue, XK_BLKIF_QUEUE_IDLE);
}

static void
read_command(struct xk_blkif_queue *queue)
{
    struct io_uring_sqe *sqe = xk_loop_sqe(&queue->loop);

    io_uring_prep_read(sqe, queue->command_fd, &queue->command_value,
                       sizeof(queue->command_value), 0);
    xk_loop_start(&queue->loop, sqe, &queue->command_op);
}

static void
command_came(struct xk_loop_op *op, int result)
{
    struct xk_blkif_queue *queue =
        (struct xk_blkif_queue *)((char *)op -
                                  offsetof(struct xk_blkif_queue, command_op));

    (void)result;
    read_command(queue);
}

/* Nothing was taken since the last ring: a guest that only makes noise. */
static void
judge_ring(struct xk_blkif_queue *queue)
{
    if (queue->took_since_ring)
        queue->empty_rings = 0;
    else {
        queue->stats.empty_events++;
        queue->empty_rings++;
    }
    queue->took_since_ring = false;
}

static void
bell_came(struct xk_loop_op *op, int result)
{
    struct xk_blkif_queue *queue =
        (struct xk_blkif_queue *)((char *)op -
                                  offsetof(struct xk_blkif_queue, bell_op));

    queue->bell_armed = false;
    if (result > 0) {
        queue->bell_rung = true;
        queue->stats.events++;
    } else if (result != -EAGAIN && result != -EINTR && result != -ECANCELED)
        xk_blkif_break(queue, "the event channel broke");
}

static void
delay_over(struct xk_loop_op *op, int result)
{
    struct xk_blkif_queue *queue =
        (struct xk_blkif_queue *)((char *)op -
                                  offsetof(struct xk_blkif_queue, delay_op));

    (void)result;
    queue->delaying = false;
    queue->delayed = true;
}

static void
start_delay(struct xk_blkif_queue *queue)
{
    unsigned shift = queue->empty_rings - EMPTY_RINGS_FREE;
    struct io_uring_sqe *sqe = xk_loop_sqe(&queue->loop);

    if (shift > DELAY_SHIFT_MAX)
        shift = DELAY_SHIFT_MAX;
    queue->delay_time =
        (struct __kernel_timespec){.tv_nsec = 1000000ll << shift};
    io_uring_prep_timeout(sqe, &queue->delay_time, 0, 0);
    xk_loop_start(&queue->loop, sqe, &queue->delay_op);
    queue->delaying = true;
}

/* The kernel does not slow down a guest that rings a user's doorbell in a loop
 * (XSA-332), so each ring is acknowledged late, and later the more come for
 * nothing. */
static void
arm_bell(struct xk_blkif_queue *queue)
{
    struct xk_guest *guest = queue->guest;
    struct io_uring_sqe *sqe;

    if (queue->delaying || queue->bell_armed)
        return;
    if (queue->bell_rung && !queue->delayed)
        judge_ring(queue);
    if (queue->bell_rung && !queue->delayed &&
        queue->empty_rings > EMPTY_RINGS_FREE) {
        start_delay(queue);
        return;
    }
    if (queue->bell_rung && guest->ack_bytes > 0) {
        sqe = xk_loop_sqe(&queue->loop);
        io_uring_prep_write(sqe, guest->event_fd, &guest->ack, guest->ack_bytes,
                            0);
        xk_loop_start(&queue->loop, sqe, NULL);
    }
    queue->bell_rung = queue->delayed = false;
    sqe = xk_loop_sqe(&queue->loop);
    io_uring_prep_read(sqe, guest->event_fd, &queue->bell_value,
                       guest->event_bytes, 0);
    xk_loop_start(&queue->loop, sqe, &queue->bell_op);
    queue->bell_armed = true;
}

/* False: the thread is to end. */
static bool
obey_idle(struct xk_blkif_queue *queue)
{
    switch ((enum command)atomic_exchange(&queue->command, COMMAND_NONE)) {
    case COMMAND_CONNECT:
        connect_ring(queue);
        break;
    case COMMAND_STOP:
    case COMMAND_ABANDON:
        xk_blkif_set_state(queue, XK_BLKIF_QUEUE_IDLE);
        break;
    case COMMAND_END:
        return false;
    case COMMAND_NONE:
        break;
    }
    return true;
}

static bool
is_stopped(const struct xk_blkif_queue *queue)
{
    return queue->command == COMMAND_STOP || queue->command == COMMAND_END;
}

/* True: there may be more to do at once. */
static bool
serve(struct xk_blkif_queue *queue)
{
    bool more;

    xk_blkif_round(queue);
    more = queue->finished.first != NULL ||
           (queue->waiting.first != NULL && queue->in_engine == 0);
    if (queue->command == COMMAND_ABANDON) {
        abandon_ring(queue);
        return true;
    }
    if (is_stopped(queue)) {
        if (queue->state != XK_BLKIF_QUEUE_STOPPING)
            xk_blkif_set_state(queue, XK_BLKIF_QUEUE_STOPPING);
        if (xk_blkif_is_drained(queue)) {
            if (queue->command == COMMAND_STOP)
                queue->command = COMMAND_NONE;
            disconnect_ring(queue);
            return true;
        }
        return more;
    }
    if (more || queue->state != XK_BLKIF_QUEUE_RUNNING)
        return more;
    return queue->unused.first != NULL && xk_blkif_ring_ask(queue);
}

/* Look at the ring for a while before sleeping. */
static bool
look_on(struct xk_blkif_queue *queue)
{
    int64_t end = xk_now_ns() + (int64_t)queue->device->poll_us * 1000;

    if (queue->device->poll_us == 0 || !queue->took_since_ring)
        return false;
    do {
        if (xk_blkif_ring_produced(queue) != queue->req_cons)
            return true;
        if (io_uring_cq_ready(&queue->loop.ring) > 0)
            return true;
    } while (xk_now_ns() < end);
    return false;
}

static bool
run_once(struct xk_blkif_queue *queue)
{
    struct xk_error err;
    bool more = false;

    if (queue->ring == NULL && !obey_idle(queue))
        return false;
    if (queue->ring != NULL)
        more = serve(queue);
    if (queue->ring != NULL && !more)
        more = look_on(queue);
    if (queue->ring != NULL && !more)
        arm_bell(queue);
    if (xk_loop_run(&queue->loop, !more, &err) == -1)
        xk_blkif_break(queue, err.message);
    return true;
}

static void *
run_thread(void *context)
{
    struct xk_blkif_queue *queue = (struct xk_blkif_queue *)context;
    char name[16];

    snprintf(name, sizeof(name), "queue %u", queue->number);
    pthread_setname_np(pthread_self(), name);
    if (xk_loop_open(&queue->loop, LOOP_ENTRIES, &queue->error) == -1) {
        fail(queue);
        return NULL;
    }
    queue->engine = xk_engine_open_queue(queue->device->engine, &queue->loop,
                                         &queue->error);
    if (queue->engine == NULL) {
        fail(queue);
    } else {
        read_command(queue);
        xk_blkif_set_state(queue, XK_BLKIF_QUEUE_IDLE);
        while (run_once(queue))
            continue;
    }
    xk_engine_close_queue(queue->engine);
    xk_loop_close(&queue->loop);
    return NULL;
}

static int
start_thread(struct xk_blkif_queue *queue, struct xk_error *err)
{
    pthread_attr_t attributes;
    int rc;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    rc = pthread_create(&queue->thread, &attributes, run_thread, queue);
    pthread_attr_destroy(&attributes);
    if (rc != 0)
        return xk_fail(err, XK_ERR_SYSTEM, "start a thread: %s", strerror(rc));
    queue->has_thread = true;
    return 0;
}

struct xk_blkif_queue *
xk_blkif_queue_new(struct xk_blkif_device *device, struct xk_guest *guest,
                   unsigned number, struct xk_error *err)
{
    struct xk_blkif_queue *queue = XK_NEW(struct xk_blkif_queue);

    queue->device = device;
    queue->guest = guest;
    queue->number = number;
    queue->command_op.done = command_came;
    queue->bell_op.done = bell_came;
    queue->delay_op.done = delay_over;
    xk_pool_init(&queue->pool);
    queue->command_fd = eventfd(0, EFD_CLOEXEC);
    if (queue->command_fd == -1)
        xk_fail_errno(err, "make an eventfd");
    else if (start_thread(queue, err) == 0)
        return queue;
    xk_blkif_queue_free(queue);
    return NULL;
}

static void
command(struct xk_blkif_queue *queue, enum command what)
{
    uint64_t one = 1;

    queue->command = what;
    (void)!write(queue->command_fd, &one, sizeof(one));
}

void
xk_blkif_queue_free(struct xk_blkif_queue *queue)
{
    if (queue == NULL)
        return;
    if (queue->has_thread) {
        command(queue, COMMAND_END);
        pthread_join(queue->thread, NULL);
    }
    free(queue->works); /* of a ring that was abandoned */
    xk_guest_close(queue->guest);
    xk_pool_destroy(&queue->pool);
    if (queue->command_fd != -1)
        close(queue->command_fd);
    free(queue);
}

void
xk_blkif_queue_connect(struct xk_blkif_queue *queue,
                       const struct xk_blkif_ring_id *id, bool take_over)
{
    queue->id = *id;
    queue->take_over = take_over;
    queue->state = XK_BLKIF_QUEUE_CONNECTING;
    command(queue, COMMAND_CONNECT);
}

void
xk_blkif_queue_abandon(struct xk_blkif_queue *queue, bool fail)
{
    queue->fails_left = fail;
    command(queue, COMMAND_ABANDON);
}

void
xk_blkif_queue_stop(struct xk_blkif_queue *queue, bool keep_log)
{
    queue->keep_log = keep_log;
    command(queue, COMMAND_STOP);
}
