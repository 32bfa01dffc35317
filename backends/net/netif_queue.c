/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/netif_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/netif_abi.h"
#include "backends/net/netif_receive.h"
#include "backends/ring/shared_ring.h"
#include "base/deadline.h"
#include "base/mem.h"
#include "base/util.h"

/* Each slot is an entry of the ring and holds a page at most, and less than a
 * page is left out before a frame, so there is room for all frames of a round.
 */
enum {
    BATCH_BYTES = 2 * XK_NETIF_ENTRIES * XK_NETIF_PAGE_BYTES,
};

/* A frame that waits for its rate is looked at again that often: the rings may
 * be another connection's by then. */
#define LOOK_AGAIN_NS INT64_C(1000000000)

/* Numbers of the guest's ports (guest.h). */
enum {
    TX_PORT,
    RX_PORT, /* if the frontend has split them */
};

static_assert((int)XK_FRAME_TCP4 == (int)XK_NETIF_GSO_TCP4 &&
                  (int)XK_FRAME_TCP6 == (int)XK_NETIF_GSO_TCP6,
              "ports call segments as the ring does");

/* A frame of a round, and what it is copied by. */
struct taken {
    struct xk_netif_frame frame;
    unsigned first_copy, copy_count;
    uint8_t *bytes;
    bool is_sent;     /* it goes to the port */
    unsigned sending; /* its place among those that do */
};

struct queue {
    struct xk_worker worker; /* first */
    struct xk_netif_device *device;
    /* What to connect to; the thread reads it when it does. */
    struct xk_netif_ring_id id;

    /* From here on the thread's own. */
    struct xk_shared_ring tx;
    struct xk_netif_receiver receiver;
    uint32_t rx_produced; /* in this round */
    struct taken taken[XK_NETIF_ENTRIES];
    unsigned taken_count;
    struct xk_guest_copy copies[XK_NETIF_ENTRIES];
    unsigned copy_count;
    uint8_t *batch; /* BATCH_BYTES; touched only as far as frames need it */
    uint32_t batch_used;
    struct xk_frame sending[XK_NETIF_ENTRIES];
    bool sent[XK_NETIF_ENTRIES];
    unsigned sending_count;

    int64_t now_ns;            /* of this round, if there is a rate */
    struct xk_loop_op rate_op; /* the next frame may have credit by then */
    struct __kernel_timespec rate_delay;
    bool is_delayed; /* until that is done */

    struct xk_netif_stats stats;
};

static struct queue *
queue_of(const struct xk_worker *worker)
{
    return (struct queue *)(uintptr_t)worker;
}

/* ---- connected ---- */

static void
unmap_ring(struct queue *queue, struct xk_shared_ring *ring)
{
    if (ring->header != NULL)
        xk_guest_unmap(queue->worker.guest, (void *)(uintptr_t)ring->header, 1);
    ring->header = NULL;
}

static void
unmap_rings(struct xk_worker *worker)
{
    struct queue *queue = queue_of(worker);

    xk_guest_unbind(worker->guest);
    unmap_ring(queue, &queue->tx);
    unmap_ring(queue, &queue->receiver.ring);
    xk_netif_receiver_reset(&queue->receiver);
}

static int
map_ring(struct queue *queue, struct xk_shared_ring *ring, uint32_t gref,
         size_t entry_bytes, struct xk_error *err)
{
    void *page = xk_guest_map(queue->worker.guest, &gref, 1, err);

    if (page == NULL)
        return -1;
    xk_ring_begin(ring, page, XK_NETIF_PAGE_BYTES, entry_bytes);
    if (!xk_ring_is_overrun(ring, xk_ring_produced(ring)))
        return 0;
    return xk_fail(err, XK_ERR_PROTOCOL,
                   "a ring claims more requests than it has room for");
}

static int
bind_ports(struct queue *queue, struct xk_error *err)
{
    const struct xk_netif_ring_id *id = &queue->id;

    if (xk_worker_bind(&queue->worker, TX_PORT, id->tx_port, err) == -1)
        return -1;
    return id->rx_port == 0
               ? 0
               : xk_worker_bind(&queue->worker, RX_PORT, id->rx_port, err);
}

static int
connect_rings(struct xk_worker *worker, struct xk_error *err)
{
    struct queue *queue = queue_of(worker);
    const struct xk_netif_ring_id *id = &queue->id;

    queue->receiver.patience_ms = queue->device->patience_ms;
    if (map_ring(queue, &queue->tx, id->tx_gref, XK_NETIF_TX_BYTES, err) ==
            -1 ||
        map_ring(queue, &queue->receiver.ring, id->rx_gref, XK_NETIF_RX_BYTES,
                 err) == -1 ||
        bind_ports(queue, err) == -1) {
        unmap_rings(worker);
        return -1;
    }
    return 0;
}

/* ---- a round ---- */

static void
read_entry(void *context, uint32_t index, uint32_t words[3])
{
    const struct xk_shared_ring *ring = (const struct xk_shared_ring *)context;

    xk_ring_read(ring, ring->req_cons + index, words);
}

static unsigned
offered_segments(const struct xk_port_features *features)
{
    return (features->segments_v4 ? 1u << XK_NETIF_GSO_TCP4 : 0u) |
           (features->segments_v6 ? 1u << XK_NETIF_GSO_TCP6 : 0u);
}

/* What to leave out before a frame, so that its whole pages are pages of the
 * batch too: a copy that crosses a page boundary is two. */
static uint32_t
room_before(const struct queue *queue, const struct xk_netif_frame *frame)
{
    uint32_t at = queue->batch_used;

    for (uint32_t i = 0; i < frame->part_count; i++) {
        if (frame->parts[i].size == XK_NETIF_PAGE_BYTES)
            return -at % XK_NETIF_PAGE_BYTES;
        at += frame->parts[i].size;
    }
    return 0;
}

/* The parts of a frame lie one after the other in the batch. */
static void
plan_copies(struct queue *queue, struct taken *taken)
{
    const struct xk_netif_frame *frame = &taken->frame;

    taken->first_copy = queue->copy_count;
    queue->batch_used += room_before(queue, frame);
    taken->bytes = queue->batch + queue->batch_used;
    for (uint32_t i = 0; i < frame->part_count; i++) {
        const struct xk_netif_part *part = &frame->parts[i];

        if (part->size == 0)
            continue;
        queue->copies[queue->copy_count++] = (struct xk_guest_copy){
            .local = queue->batch + queue->batch_used,
            .gref = part->gref,
            .offset = part->offset,
            .length = part->size,
        };
        queue->batch_used += part->size;
    }
    taken->copy_count = queue->copy_count - taken->first_copy;
}

static void
delay_over(struct xk_loop_op *op, int result)
{
    (void)result;
    XK_CONTAINER_OF(op, struct queue, rate_op)->is_delayed = false;
}

static void
delay_until(struct queue *queue, int64_t again_ns)
{
    int64_t delay = again_ns - queue->now_ns;

    xk_loop_start_timer(&queue->worker.loop,
                        delay < LOOK_AGAIN_NS ? delay : LOOK_AGAIN_NS,
                        &queue->rate_delay, &queue->rate_op);
    queue->is_delayed = true;
    queue->stats.tx_delays++;
}

/* False: the frame stays in the ring for now. One that will fail costs nothing.
 */
static bool
may_pass(struct queue *queue, const struct xk_netif_frame *frame)
{
    struct xk_netif_rate *rate = queue->device->rate;
    int64_t again_ns;

    if (rate == NULL || frame->status != XK_NETIF_OKAY ||
        xk_netif_rate_take(rate, frame->length, queue->now_ns, &again_ns))
        return true;
    delay_until(queue, again_ns);
    return false;
}

/* False: the ring lies, or the rate is used up. What was taken before is
 * answered all the same. */
static bool
take_one(struct queue *queue, uint32_t produced)
{
    struct taken *taken = &queue->taken[queue->taken_count];
    const char *lie = xk_netif_parse(
        read_entry, &queue->tx, produced - queue->tx.req_cons,
        offered_segments(&queue->device->port->features), &taken->frame);

    if (lie != NULL) {
        xk_worker_break(&queue->worker, lie);
        return false;
    }
    if (!may_pass(queue, &taken->frame))
        return false;
    queue->tx.req_cons += taken->frame.slots;
    queue->taken_count++;
    plan_copies(queue, taken);
    return true;
}

/* False: nothing more is to be taken from this queue. */
static bool
check_indices(struct queue *queue, uint32_t tx_produced)
{
    const struct xk_shared_ring *rx = &queue->receiver.ring;

    queue->rx_produced = xk_ring_produced(rx);
    if (xk_ring_is_overrun(&queue->tx, tx_produced) ||
        xk_ring_is_overrun(rx, queue->rx_produced)) {
        xk_worker_break(&queue->worker,
                        "the frontend claims more requests than the ring has "
                        "room for");
        return false;
    }
    queue->stats.rx_requests = queue->rx_produced - rx->req_cons;
    return true;
}

static void
take(struct queue *queue)
{
    uint32_t produced = xk_ring_produced(&queue->tx);

    if (!check_indices(queue, produced) || queue->is_delayed)
        return;
    if (queue->device->rate != NULL)
        queue->now_ns = xk_now_ns();
    while (queue->tx.req_cons != produced && take_one(queue, produced))
        continue;
    if (queue->taken_count > 0)
        queue->worker.bell.was_useful = true;
}

static void
copy_taken(struct queue *queue)
{
    if (queue->copy_count == 0)
        return;
    queue->stats.copy_calls++;
    (void)xk_guest_copy(queue->worker.guest, queue->copies, queue->copy_count);
}

static bool
is_copied(const struct queue *queue, const struct taken *taken)
{
    for (unsigned i = 0; i < taken->copy_count; i++) {
        if (queue->copies[taken->first_copy + i].status != XK_GUEST_COPY_OK)
            return false;
    }
    return true;
}

/* Returns the status that the message is answered with. */
static int16_t
change_list(struct queue *queue, const struct xk_netif_frame *frame)
{
    struct xk_netif_multicast *list = queue->device->multicast;

    if (frame->list_change == XK_NETIF_EXTRA_MCAST_DEL)
        xk_netif_multicast_remove(list, frame->address);
    else if (!xk_netif_multicast_add(list, frame->address))
        return XK_NETIF_ERROR;
    return XK_NETIF_OKAY;
}

/* The source address is behind that of the destination. */
static bool
is_spoofed(const struct queue *queue, const uint8_t *bytes)
{
    const uint8_t *mac = queue->device->only_mac;

    return mac != NULL && memcmp(bytes + 6, mac, 6) != 0;
}

/* Whether the frame goes to the port; if not, its status is set. */
static bool
is_to_send(struct queue *queue, struct taken *taken)
{
    struct xk_netif_frame *frame = &taken->frame;

    if (frame->status == XK_NETIF_OKAY && !is_copied(queue, taken))
        frame->status = XK_NETIF_ERROR;
    if (frame->status != XK_NETIF_OKAY)
        return false;
    if (frame->list_change != 0) {
        frame->status = change_list(queue, frame);
        return false;
    }
    if (!is_spoofed(queue, taken->bytes))
        return true;
    frame->status = XK_NETIF_DROPPED;
    queue->stats.tx_spoofed++;
    return false;
}

static void
plan_send(struct queue *queue, struct taken *taken)
{
    const struct xk_netif_frame *frame = &taken->frame;

    taken->is_sent = is_to_send(queue, taken);
    if (!taken->is_sent)
        return;
    taken->sending = queue->sending_count++;
    queue->sending[taken->sending] = (struct xk_frame){
        .bytes = taken->bytes,
        .length = frame->length,
        .checksum_missing = (frame->flags & XK_NETIF_TX_CHECKSUM_MISSING) != 0,
        .checksum_good = (frame->flags & XK_NETIF_TX_CHECKSUM_GOOD) != 0,
        .segment_type = frame->gso_type,
        .segment_bytes = frame->gso_size,
    };
}

static void
count_sent(struct queue *queue, struct taken *taken)
{
    struct xk_netif_frame *frame = &taken->frame;

    if (frame->status == XK_NETIF_ERROR)
        queue->stats.errors++;
    if (!taken->is_sent)
        return;
    if (queue->sent[taken->sending]) {
        queue->stats.tx_packets++;
        queue->stats.tx_bytes += frame->length;
    } else {
        frame->status = XK_NETIF_DROPPED;
        queue->stats.tx_dropped++;
    }
}

static void
answer_slot(struct queue *queue, uint16_t id, int16_t status)
{
    uint8_t entry[XK_NETIF_TX_RESPONSE_BYTES];

    xk_netif_encode_response(id, status, entry);
    xk_ring_answer(&queue->tx, entry, sizeof(entry));
}

/* A response for each slot, in its place; those with extra information have no
 * id. */
static void
answer_one(struct queue *queue, const struct xk_netif_frame *frame)
{
    answer_slot(queue, frame->ids[0], frame->status);
    for (uint32_t i = 0; i < frame->extras; i++)
        answer_slot(queue, 0, XK_NETIF_NULL);
    for (uint32_t i = 1; i < frame->slots - frame->extras; i++)
        answer_slot(queue, frame->ids[i], frame->status);
}

/* True: the guest asked for an event. */
static bool
send_taken(struct queue *queue)
{
    if (queue->taken_count == 0)
        return false;
    copy_taken(queue);
    for (unsigned i = 0; i < queue->taken_count; i++)
        plan_send(queue, &queue->taken[i]);
    xk_port_send_batch(queue->device->port, queue->worker.number,
                       &queue->worker.loop, queue->sending, queue->sent,
                       queue->sending_count);
    for (unsigned i = 0; i < queue->taken_count; i++)
        count_sent(queue, &queue->taken[i]);
    for (unsigned i = 0; i < queue->taken_count; i++)
        answer_one(queue, &queue->taken[i].frame);
    return xk_ring_publish(&queue->tx);
}

static void
notify(struct queue *queue, unsigned port)
{
    queue->stats.notifies++;
    xk_guest_notify(queue->worker.guest, port);
}

/* The events of a round are sent at its end, so that a guest on the same
 * processor is woken once and finds all that there is for it. */
static void
send_events(struct queue *queue, bool for_tx, bool for_rx)
{
    bool split = queue->id.rx_port != 0;

    if (for_rx && split)
        notify(queue, RX_PORT);
    if (for_tx || (for_rx && !split))
        notify(queue, TX_PORT);
}

/* What was taken before a lie is sent and answered; nothing is delivered after
 * one. */
static bool
serve_round(struct xk_worker *worker)
{
    struct queue *queue = queue_of(worker);
    bool for_tx, for_rx = false;

    queue->stats.rounds++;
    queue->taken_count = queue->copy_count = queue->batch_used = 0;
    queue->sending_count = 0;
    if (xk_worker_state(worker) == XK_WORKER_RUNNING)
        take(queue);
    for_tx = send_taken(queue);
    if (xk_worker_state(worker) == XK_WORKER_RUNNING &&
        xk_netif_receiver_run(&queue->receiver, queue->rx_produced, &for_rx) >
            0)
        worker->bell.was_useful = true;
    send_events(queue, for_tx, for_rx);
    return false;
}

/* ---- the worker's calls ---- */

/* A round answers all that it takes. */
static bool
is_drained(const struct xk_worker *worker)
{
    (void)worker;
    return true;
}

static bool
has_requests(const struct xk_worker *worker)
{
    const struct queue *queue = queue_of(worker);

    return !queue->is_delayed &&
           xk_ring_produced(&queue->tx) != queue->tx.req_cons;
}

static bool
ask_event(struct xk_worker *worker)
{
    struct queue *queue = queue_of(worker);
    bool has_frames = xk_netif_receiver_arm(&queue->receiver);

    if (xk_port_loss(queue->device->port) != NULL)
        xk_worker_tell(worker);
    if (queue->is_delayed)
        return has_frames;
    return xk_ring_ask(&queue->tx) || has_frames;
}

static void
free_queue(struct xk_worker *worker)
{
    struct queue *queue = queue_of(worker);

    xk_netif_receiver_free(&queue->receiver);
    xk_unmap_pages(queue->batch, BATCH_BYTES);
}

static const struct xk_worker_ops ops = {
    .connect = connect_rings,
    .disconnect = unmap_rings,
    .abandon = unmap_rings,
    .serve = serve_round,
    .is_drained = is_drained,
    .has_requests = has_requests,
    .ask_event = ask_event,
    .free = free_queue,
};

struct xk_worker *
xk_netif_queue_new(struct xk_netif_device *device, struct xk_guest *guest,
                   unsigned number, struct xk_error *err)
{
    struct queue *queue = XK_NEW(struct queue);

    queue->worker.ops = &ops;
    queue->worker.number = number;
    queue->device = device;
    queue->rate_op.done = delay_over;
    queue->batch = (uint8_t *)xk_map_pages(BATCH_BYTES);
    queue->receiver.guest = guest;
    queue->receiver.loop = &queue->worker.loop;
    queue->receiver.port = device->port;
    queue->receiver.multicast = device->multicast;
    queue->receiver.queue = number;
    xk_netif_receiver_init(&queue->receiver);
    return xk_worker_start(&queue->worker, guest, device->changed_fd,
                           device->poll_us, err);
}

void
xk_netif_queue_connect(struct xk_worker *worker,
                       const struct xk_netif_ring_id *id, bool take_over)
{
    struct queue *queue = queue_of(worker);

    queue->id = *id;
    xk_worker_connect(worker, take_over);
}

void
xk_netif_queue_stats(const struct xk_worker *worker,
                     struct xk_netif_stats *stats)
{
    const struct queue *queue = queue_of(worker);

    struct xk_netif_receive_stats received;

    xk_worker_read_counts(stats, &queue->stats, sizeof(*stats));
    xk_worker_read_counts(&received, &queue->receiver.stats, sizeof(received));
    stats->rx_packets = received.packets;
    stats->rx_bytes = received.bytes;
    stats->rx_dropped = received.dropped;
    stats->rx_stalls = received.stalls;
    stats->rx_filtered = received.filtered;
    stats->copy_calls += received.copy_calls;
    xk_worker_read_events(worker, &stats->events, &stats->empty_events);
}
