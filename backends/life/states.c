/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a block device does about the states of both ends. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "backends/life/device_internal.h"
#include "base/log.h"
#include "base/util.h"

enum {
    LOOK_EVERY_NS = 20000000, /* however often a guest writes */
    ABANDON_MS = 1000,
};

/* For what is under way when we are to end; whoever asked has more patience. */
#define IMAGE_PATIENCE_NS INT64_C(3000000000)

static const char lost_writes[] =
    "the image has lost what was written: a flush failed, or its server died";

static bool
any_queue(const struct xk_block *block, enum xk_blkif_queue_state state)
{
    for (unsigned i = 0; i < block->front.queues; i++) {
        if (xk_blkif_queue_state(block->queues[i]) == state)
            return true;
    }
    return false;
}

static bool
log_is_of(const struct xk_block *block, unsigned queue)
{
    return xk_inflight_is_of(xk_inflight_queue(block->device.log, queue),
                             &block->front.rings[queue]);
}

/* A ring that the log is of is taken over, any other begun. */
static void
connect_queues(struct xk_block *block, bool take_over)
{
    for (unsigned i = 0; i < block->front.queues; i++)
        xk_blkif_queue_connect(block->queues[i], &block->front.rings[i],
                               take_over && log_is_of(block, i));
    block->taking_over = take_over;
    block->phase = XK_BLOCK_CONNECTING;
}

static void
drain(struct xk_block *block)
{
    if (block->phase != XK_BLOCK_CONNECTING && block->phase != XK_BLOCK_SERVING)
        return;
    for (unsigned i = 0; i < block->front.queues; i++) {
        if (xk_blkif_queue_state(block->queues[i]) != XK_BLKIF_QUEUE_FAILED)
            xk_blkif_queue_stop(block->queues[i], block->stopping);
    }
    block->phase = XK_BLOCK_DRAINING;
}

/* The device stops for good, or until its frontend begins anew. */
static int
give_up(struct xk_block *block, const char *reason, struct xk_error *err)
{
    xk_block_complain(block, reason);
    drain(block);
    return xk_block_set_state(block, XK_XENBUS_CLOSING, err);
}

/* Reads what the frontend offers; a lie stops the device and is no error. 1:
 * read, 0: a lie. */
static int
read_front(struct xk_block *block, struct xk_blkif_front *front,
           struct xk_error *err)
{
    struct xk_error problem;

    if (xk_front_read(block->store, block->config.frontend, &block->offer,
                      front, xk_block_deadline(), &problem) == 0)
        return 1;
    if (problem.kind != XK_ERR_PROTOCOL) {
        *err = problem;
        return -1;
    }
    return give_up(block, problem.message, err);
}

static int
connect_front(struct xk_block *block, struct xk_error *err)
{
    int rc = read_front(block, &block->front, err);

    if (rc != 1)
        return rc;
    connect_queues(block, false);
    return 0;
}

/* The same rings: watches fire more often than states change. Others: a guest
 * that was resumed in place made new ones. */
static int
recheck_front(struct xk_block *block, struct xk_error *err)
{
    struct xk_blkif_front front;
    int rc = read_front(block, &front, err);

    if (rc != 1 || memcmp(&front, &block->front, sizeof(front)) == 0)
        return rc == -1 ? -1 : 0;
    drain(block);
    block->state = XK_XENBUS_INIT_WAIT; /* then it connects as from there */
    return 0;
}

/* Each reaction is carried out from STILL or SERVING. Those that need the
 * rings gone drain first and are decided again afterwards. */
static int
react(struct xk_block *block, enum xk_xenbus_action action,
      struct xk_error *err)
{
    bool has_rings = block->phase != XK_BLOCK_STILL;

    switch (action) {
    case XK_XENBUS_NOTHING:
    case XK_XENBUS_RECONFIGURE:
        return 0;
    case XK_XENBUS_REFUSE:
        xk_block_complain(block, "the frontend's state is none that a block "
                                 "device has");
        return 0;
    case XK_XENBUS_CONNECT:
        return has_rings ? 0 : connect_front(block, err);
    case XK_XENBUS_RECHECK:
        return has_rings ? recheck_front(block, err)
                         : connect_front(block, err);
    case XK_XENBUS_STOP:
        drain(block);
        return xk_block_set_state(block, XK_XENBUS_CLOSING, err);
    case XK_XENBUS_ADVERTISE:
        drain(block);
        return has_rings ? 0 : xk_block_advertise(block, err);
    case XK_XENBUS_CLOSE:
        drain(block);
        return has_rings ? 0 : xk_block_set_state(block, XK_XENBUS_CLOSED, err);
    case XK_XENBUS_REMOVE:
        drain(block);
        block->leaving = true;
        return 0;
    }
    return 0;
}

/* Nothing is mapped; is that the end? */
static void
end_if_due(struct xk_block *block, bool online)
{
    if (block->phase != XK_BLOCK_STILL)
        return;
    if (block->leaving) {
        xk_block_remove_nodes(block);
        block->done = true;
    } else if (block->stopping || (block->state == XK_XENBUS_CLOSED && !online))
        block->done = true;
}

/* The toolstack asks a device to close by writing our own state and online, at
 * once or one after the other. A frontend that has it in use is waited for. */
static int
adopt_wishes(struct xk_block *block, int own, bool online, struct xk_error *err)
{
    if (own == XK_XENBUS_UNKNOWN) {
        block->leaving = true; /* the nodes are gone: so is the domain */
        drain(block);
        return 0;
    }
    if (own == XK_XENBUS_CLOSING && block->state < XK_XENBUS_CLOSING)
        block->state = own;
    if (block->stopping && !block->going)
        return 0; /* the next process asks its guest again */
    if (!online && block->state < XK_XENBUS_CLOSED &&
        block->phase == XK_BLOCK_STILL &&
        block->front_state != XK_XENBUS_CLOSING)
        return xk_block_set_state(block, XK_XENBUS_CLOSED, err);
    return 0;
}

static enum xk_xenbus_action
reaction(const struct xk_block *block)
{
    if (block->front_state >= XK_XENBUS_COUNT)
        return XK_XENBUS_REFUSE;
    return xk_xenbus_backend_reaction(block->front_state, block->state);
}

/* Ours last: it fails where the store itself is broken, and then what was found
 * at the frontend's means nothing. */
static int
read_both(struct xk_block *block, int *own, bool *online, struct xk_error *err)
{
    if (xk_front_state(block->store, block->config.frontend,
                       &block->front_state, xk_block_deadline(), err) == -1)
        return -1;
    return xk_block_read_own(block, own, online, err);
}

int
xk_block_look(struct xk_block *block, struct xk_error *err)
{
    bool online;
    int own;

    block->look = false;
    block->look_after_ns = xk_now_ns() + LOOK_EVERY_NS;
    if (read_both(block, &own, &online, err) == -1)
        return -1;
    if (adopt_wishes(block, own, online, err) == -1)
        return -1;
    if (!block->leaving && !block->stopping &&
        block->phase != XK_BLOCK_DRAINING &&
        (online || block->state != XK_XENBUS_CLOSED) &&
        react(block, reaction(block), err) == -1)
        return -1;
    end_if_due(block, online);
    return 0;
}

static int
finish_connecting(struct xk_block *block, struct xk_error *err)
{
    block->phase = XK_BLOCK_SERVING;
    if (!block->device.poisoned)
        xk_block_forget_complaint(block);
    if (xk_block_may_log(block))
        xk_info("%s: %u queues, %u pages each, %s%s", block->config.vdev,
                block->front.queues, block->front.rings[0].pages,
                xk_blkif_abi_name((enum xk_blkif_abi)block->front.rings[0].abi),
                block->taking_over ? ", taken over" : "");
    if (block->taking_over) /* perhaps with another medium */
        return xk_block_correct_size(block, err);
    if (block->state >= XK_XENBUS_CONNECTED)
        return 0;
    block->look = true;
    return xk_block_set_state(block, XK_XENBUS_CONNECTED, err);
}

static const char *
failed_reason(const struct xk_block *block)
{
    for (unsigned i = 0; i < block->front.queues; i++) {
        enum xk_blkif_queue_state state =
            xk_blkif_queue_state(block->queues[i]);

        if (state == XK_BLKIF_QUEUE_FAILED || state == XK_BLKIF_QUEUE_BROKEN)
            return xk_blkif_queue_reason(block->queues[i]);
    }
    return NULL;
}

static int
check_drained(struct xk_block *block)
{
    if (any_queue(block, XK_BLKIF_QUEUE_STOPPING) ||
        any_queue(block, XK_BLKIF_QUEUE_CONNECTING) ||
        any_queue(block, XK_BLKIF_QUEUE_RUNNING) ||
        any_queue(block, XK_BLKIF_QUEUE_BROKEN))
        return 0;
    block->phase = XK_BLOCK_STILL;
    memset(&block->front, 0, sizeof(block->front));
    block->look = true;
    block->look_after_ns = 0;
    return 0;
}

/* As if killed: the next process finds all in the log. */
static void
end_if_lost(const struct xk_block *block)
{
    if (!block->device.lost)
        return;
    xk_log(XK_LOG_ERROR,
           "%s: what serves the image is gone; so are we, until "
           "we are started again",
           block->config.vdev);
    _exit(xk_error_exit_status(XK_ERR_FAILED));
}

/* A queue reached another state, or a flush failed. */
int
xk_block_queues_changed(struct xk_block *block, struct xk_error *err)
{
    const char *reason = failed_reason(block);

    end_if_lost(block);
    if (block->phase == XK_BLOCK_DRAINING)
        return check_drained(block);
    if (block->phase == XK_BLOCK_STILL)
        return 0;
    if (reason != NULL) {
        if (give_up(block, reason, err) == -1)
            return -1;
        return check_drained(block);
    }
    if (block->device.poisoned && block->state < XK_XENBUS_CLOSING) {
        xk_block_complain(block, lost_writes);
        return xk_block_set_state(block, XK_XENBUS_CLOSING, err);
    }
    if (block->phase == XK_BLOCK_CONNECTING &&
        !any_queue(block, XK_BLKIF_QUEUE_CONNECTING))
        return finish_connecting(block, err);
    return 0;
}

void
xk_block_stop(struct xk_block *block)
{
    if (!block->stopping)
        block->abandon_ns = xk_now_ns() + IMAGE_PATIENCE_NS;
    block->stopping = true;
    drain(block);
    block->look = true;
    block->look_after_ns = 0;
}

void
xk_block_leave(struct xk_block *block)
{
    block->going = true;
    xk_block_stop(block);
}

static bool
all_idle(const struct xk_block *block)
{
    for (unsigned i = 0; i < block->front.queues; i++) {
        enum xk_blkif_queue_state state =
            xk_blkif_queue_state(block->queues[i]);

        if (state != XK_BLKIF_QUEUE_IDLE && state != XK_BLKIF_QUEUE_FAILED)
            return false;
    }
    return true;
}

/* The image does not answer, and the kernel does not let a process go that
 * waits for it. So the guest's memory is let go of first, and the lock by which
 * others know that we have it; the image stays locked until the kernel is done.
 * What was under way is done again by whoever comes next, or has failed where
 * nobody comes. */
void
xk_block_abandon(struct xk_block *block)
{
    struct xk_deadline deadline = xk_deadline_in_ms(ABANDON_MS);
    uint64_t value;

    xk_log(XK_LOG_ERROR, "%s: the image does not answer; going without",
           block->config.vdev);
    for (unsigned i = 0; i < block->front.queues; i++)
        xk_blkif_queue_abandon(block->queues[i], block->going);
    while (!all_idle(block)) {
        if (xk_deadline_poll(deadline, block->device.changed_fd, POLLIN,
                             "a queue's thread", NULL) == -1)
            return;
        (void)!read(block->device.changed_fd, &value, sizeof(value));
    }
    close(block->lock_fd);
    _exit(xk_error_exit_status(XK_ERR_TIMEOUT));
}

/* Whether what the log says is all there is to know of these rings. */
static bool
log_will_do(const struct xk_block *block)
{
    for (unsigned i = 0; i < block->front.queues; i++) {
        if (xk_inflight_is_open(xk_inflight_queue(block->device.log, i)) &&
            !log_is_of(block, i))
            return false;
    }
    return !xk_inflight_is_new(block->device.log);
}

/* Both ends are connected, so somebody served these rings and was killed. With
 * his log nothing is lost; without it what he had taken is unknown. */
static int
take_over(struct xk_block *block, struct xk_error *err)
{
    int rc = read_front(block, &block->front, err);

    if (rc != 1)
        return rc;
    if (!log_will_do(block)) {
        memset(&block->front, 0, sizeof(block->front));
        return give_up(block,
                       "the frontend is connected, but the in-flight log is "
                       "not of its rings",
                       err);
    }
    connect_queues(block, true);
    return 0;
}

/* Whether somebody served the frontend before us. Linux is Closing, and goes
 * on, where it is asked to leave and somebody has the disk open. */
static bool
is_served_on(const struct xk_block *block, int own, bool online)
{
    int front = block->front_state;
    bool has_rings =
        front == XK_XENBUS_INITIALISED || front == XK_XENBUS_CONNECTED;

    if (own == XK_XENBUS_CONNECTED)
        return has_rings;
    return own == XK_XENBUS_CLOSING && !online &&
           (has_rings || front == XK_XENBUS_CLOSING);
}

int
xk_block_begin(struct xk_block *block, struct xk_error *err)
{
    bool online;
    int own;

    if (read_both(block, &own, &online, err) == -1)
        return -1;
    if (own == XK_XENBUS_UNKNOWN)
        return xk_fail(err, XK_ERR_NOT_FOUND,
                       "there is no device at \"%s\" in the store",
                       block->config.backend);
    block->state = own;
    block->look = true;
    if (block->device.poisoned)
        xk_block_complain(block, lost_writes);
    if (own <= XK_XENBUS_INIT_WAIT)
        return xk_block_advertise(block, err);
    return is_served_on(block, own, online) ? take_over(block, err) : 0;
}
