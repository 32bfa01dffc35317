/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/netif_abi.h"

#include <assert.h>
#include <string.h>

/* ---- entries ---- */

static_assert(sizeof(struct xk_netif_tx) == XK_NETIF_TX_BYTES &&
                  sizeof(struct xk_netif_extra) == 8,
              "both are as in the ring");

struct xk_netif_tx
xk_netif_decode_tx(const uint32_t words[3])
{
    struct xk_netif_tx tx;

    memcpy(&tx, words, sizeof(tx));
    return tx;
}

struct xk_netif_extra
xk_netif_decode_extra(const uint32_t words[3])
{
    struct xk_netif_extra extra;

    memcpy(&extra, words, sizeof(extra));
    return extra;
}

void
xk_netif_encode_response(uint16_t id, int16_t status,
                         uint8_t entry[XK_NETIF_TX_RESPONSE_BYTES])
{
    memcpy(entry, &id, sizeof(id));
    memcpy(entry + sizeof(id), &status, sizeof(status));
}

struct xk_netif_rx
xk_netif_decode_rx(const uint32_t words[2])
{
    struct xk_netif_rx rx = {.gref = words[1]};

    memcpy(&rx.id, words, sizeof(rx.id));
    return rx;
}

void
xk_netif_encode_rx(const struct xk_netif_rx_response *response,
                   uint8_t entry[XK_NETIF_RX_RESPONSE_BYTES])
{
    const uint16_t offset = 0;

    memcpy(entry, &response->id, 2);
    memcpy(entry + 2, &offset, 2);
    memcpy(entry + 4, &response->flags, 2);
    memcpy(entry + 6, &response->status, 2);
}

void
xk_netif_encode_gso(uint8_t type, uint16_t size,
                    uint8_t entry[XK_NETIF_RX_RESPONSE_BYTES])
{
    memset(entry, 0, XK_NETIF_RX_RESPONSE_BYTES);
    entry[0] = XK_NETIF_EXTRA_GSO;
    memcpy(entry + 2, &size, 2);
    entry[4] = type;
}

/* ---- frames ---- */

struct parser {
    xk_netif_read *read;
    void *context;
    uint32_t available;
    unsigned gso;
    struct xk_netif_frame *frame;
};

/* False: the frontend has not made that entry. */
static bool
next_entry(struct parser *parser, uint32_t words[3])
{
    if (parser->frame->slots == parser->available)
        return false;
    parser->read(parser->context, parser->frame->slots, words);
    parser->frame->slots++;
    return true;
}

static void
refuse(struct xk_netif_frame *frame)
{
    frame->status = XK_NETIF_ERROR;
}

static const char *
take_gso(struct parser *parser, const struct xk_netif_extra *extra)
{
    struct xk_netif_frame *frame = parser->frame;

    if (extra->gso.type != XK_NETIF_GSO_TCP4 &&
        extra->gso.type != XK_NETIF_GSO_TCP6)
        return "a frame has segments of an unknown type";
    if (extra->gso.size == 0)
        return "a frame has segments of no size";
    if ((parser->gso & 1u << extra->gso.type) == 0)
        refuse(frame);
    frame->gso_type = extra->gso.type;
    frame->gso_size = extra->gso.size;
    return NULL;
}

/* One change is a message of its own. */
static void
take_list_change(struct parser *parser, const struct xk_netif_extra *extra)
{
    struct xk_netif_frame *frame = parser->frame;

    if (frame->list_change != 0)
        refuse(frame);
    frame->list_change = extra->type;
    memcpy(frame->address, extra->address, sizeof(frame->address));
}

/* A hash is a hint. */
static const char *
take_extra(struct parser *parser, const struct xk_netif_extra *extra)
{
    switch (extra->type) {
    case XK_NETIF_EXTRA_GSO:
        return take_gso(parser, extra);
    case XK_NETIF_EXTRA_MCAST_ADD:
    case XK_NETIF_EXTRA_MCAST_DEL:
        take_list_change(parser, extra);
        return NULL;
    case XK_NETIF_EXTRA_HASH:
        return NULL;
    default:
        return "a frame has extra information of an unknown type";
    }
}

static const char *
take_extras(struct parser *parser)
{
    struct xk_netif_extra extra = {.flags = XK_NETIF_EXTRA_MORE};
    uint32_t words[3];

    while ((extra.flags & XK_NETIF_EXTRA_MORE) != 0) {
        const char *lie;

        if (parser->frame->extras == XK_NETIF_EXTRAS_MAX)
            return "a frame has extra information without end";
        if (!next_entry(parser, words))
            return "the extra information of a frame is missing";
        parser->frame->extras++;
        extra = xk_netif_decode_extra(words);
        lie = take_extra(parser, &extra);
        if (lie != NULL)
            return lie;
    }
    return NULL;
}

/* A slot with data; a slot too many makes no part. */
static const char *
take_part(struct xk_netif_frame *frame, unsigned slot,
          const struct xk_netif_tx *tx)
{
    if (tx->offset + tx->size > XK_NETIF_PAGE_BYTES)
        return "a slot goes beyond its page";
    if (slot < XK_NETIF_SLOTS_MAX)
        frame->parts[slot] =
            (struct xk_netif_part){tx->gref, tx->offset, tx->size};
    else
        refuse(frame);
    return NULL;
}

/* The slots after the first, whose own share of the size is what they leave.
 * Frontends exist that make the slots larger than the frame: it is dropped. */
static const char *
take_rest(struct parser *parser, struct xk_netif_tx *first)
{
    struct xk_netif_frame *frame = parser->frame;
    uint16_t flags = first->flags;
    unsigned slot = 1;
    uint32_t words[3];

    for (; (flags & XK_NETIF_TX_MORE_DATA) != 0; slot++) {
        struct xk_netif_tx tx;
        const char *lie;

        if (slot == XK_NETIF_SLOTS_READ)
            return "a frame has slots without end";
        if (!next_entry(parser, words))
            return "a frame ends before its last slot";
        tx = xk_netif_decode_tx(words);
        frame->ids[slot] = tx.id;
        lie = take_part(frame, slot, &tx);
        if (lie != NULL)
            return lie;
        if (tx.size > first->size)
            refuse(frame);
        first->size = (uint16_t)(first->size - tx.size);
        flags = tx.flags;
    }
    if (frame->status == XK_NETIF_OKAY)
        frame->part_count = slot;
    return NULL;
}

static const char *
take_data(struct parser *parser, struct xk_netif_tx *first)
{
    struct xk_netif_frame *frame = parser->frame;
    const char *lie;

    frame->length = first->size;
    if (frame->length < XK_NETIF_FRAME_MIN)
        refuse(frame);
    lie = take_rest(parser, first);
    if (lie != NULL)
        return lie;
    if (frame->status == XK_NETIF_OKAY)
        lie = take_part(frame, 0, first);
    return lie;
}

/* A message has one slot, which stands for nothing, and its extra information.
 * With further slots it is refused like a frame. */
static bool
is_message(struct xk_netif_frame *frame)
{
    if (frame->list_change == 0)
        return false;
    if ((frame->flags & XK_NETIF_TX_MORE_DATA) == 0)
        return true;
    refuse(frame);
    return false;
}

const char *
xk_netif_parse(xk_netif_read *read, void *context, uint32_t available,
               unsigned gso, struct xk_netif_frame *frame)
{
    struct parser parser = {read, context, available, gso, frame};
    struct xk_netif_tx first;
    const char *lie = NULL;
    uint32_t words[3];

    memset(frame, 0, sizeof(*frame));
    next_entry(&parser, words);
    first = xk_netif_decode_tx(words);
    frame->flags = first.flags;
    frame->ids[0] = first.id;
    if ((first.flags & XK_NETIF_TX_EXTRA) != 0)
        lie = take_extras(&parser);
    if (lie != NULL || is_message(frame))
        return lie;
    return take_data(&parser, &first);
}
