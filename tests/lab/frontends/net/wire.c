/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network's end of a card on a bridge, and the frames that come from there.
 * A packet socket on the card's TAP is that end: what it sends, the backend
 * reads from the TAP. A header says what the sender has left to do
 * (linux/virtio_net.h), as it does for a packet of the host's own.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lab/frontends/net/net.h"

enum {
    TRIES = 3000,
    TRY_MS = 10,
    ETHERTYPE_TEST = 0x88b5, /* for experiments: no protocol takes it */
    TCP_BYTES = 20,
};

/* ---- frames ---- */

static void
put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)(value & 0xff);
}

static void
put_ethernet(struct loop_device *device, struct net_frame *frame,
             unsigned ethertype)
{
    const uint8_t guest[6] = {0, 0x16, 0x3e, 0, 0, (uint8_t)device->devid};
    const uint8_t peer[6] = {2, 0, 0, 0, 0, 1};

    memcpy(frame->bytes, guest, 6);
    memcpy(frame->bytes + 6, peer, 6);
    put_u16(frame->bytes + 12, ethertype);
}

void
net_make_frame(struct loop_device *device, struct net_frame *frame,
               uint32_t length, uint8_t seed)
{
    memset(frame, 0, offsetof(struct net_frame, bytes));
    frame->length = length;
    for (uint32_t i = 0; i < length; i++)
        frame->bytes[i] = (uint8_t)(seed + i * 7 + (i >> 8));
    put_ethernet(device, frame, ETHERTYPE_TEST);
}

static void
put_ipv4(uint8_t *ip, uint32_t length)
{
    const uint8_t head[] = {0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, IPPROTO_TCP};
    uint32_t sum = 0;

    memset(ip, 0, 20);
    memcpy(ip, head, sizeof(head));
    put_u16(ip + 2, length);
    put_u16(ip + 12, 0x0a00);
    put_u16(ip + 16, 0x0a00);
    for (unsigned i = 0; i < 20; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    put_u16(ip + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

static void
put_ipv6(uint8_t *ip, uint32_t length)
{
    memset(ip, 0, 40);
    ip[0] = 0x60;
    put_u16(ip + 4, length - 40);
    ip[6] = IPPROTO_TCP;
    ip[7] = 64;
    ip[8] = ip[24] = 0xfd;
}

void
net_make_tcp(struct loop_device *device, struct net_frame *frame,
             uint32_t length, uint8_t segment_type, uint16_t segment_bytes)
{
    bool is_v6 = segment_type == XK_NETIF_GSO_TCP6;
    uint8_t *ip = frame->bytes + sizeof(struct ether_header);
    uint8_t *tcp = ip + (is_v6 ? 40 : 20);

    net_make_frame(device, frame, length, 1);
    put_ethernet(device, frame, is_v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
    (is_v6 ? put_ipv6
           : put_ipv4)(ip, length - (uint32_t)sizeof(struct ether_header));
    memset(tcp, 0, TCP_BYTES);
    put_u16(tcp, 1000);
    put_u16(tcp + 2, 2000);
    tcp[12] = TCP_BYTES / 4 << 4;
    tcp[13] = 0x10;
    frame->header_bytes = (uint16_t)(tcp + TCP_BYTES - frame->bytes);
    frame->transport = (uint16_t)(tcp - frame->bytes);
    frame->checksum_missing = true;
    frame->segment_type = segment_type;
    frame->segment_bytes = segment_bytes;
}

/* ---- the wire ---- */

/* Of no protocol: it receives nothing, and the kernel looks into each frame for
 * the protocol by which to divide it. */
static int
open_wire(const char *name)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    const int one = 1;
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_ifindex = (int)if_nametoindex(name),
    };

    MUST(fd != -1, "a packet socket: %s", strerror(errno));
    MUST(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0,
         "headers on a packet socket: %s", strerror(errno));
    MUST(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
         "bind to \"%s\": %s", name, strerror(errno));
    return fd;
}

void
net_cut_wire(struct loop_device *device)
{
    struct net_card *card = net_card_of(device);

    if (card->wire != -1)
        close(card->wire);
    card->wire = -1;
}

static struct virtio_net_hdr
header_of(const struct net_frame *frame)
{
    static const uint8_t types[] = {
        [XK_NETIF_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
        [XK_NETIF_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
        [XK_NETIF_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
    };
    struct virtio_net_hdr header = {.gso_type = types[frame->segment_type]};

    if (frame->checksum_missing) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = frame->transport;
        header.csum_offset = 16;
    }
    if (frame->segment_bytes != 0) {
        header.gso_size = frame->segment_bytes;
        header.hdr_len = frame->header_bytes;
    }
    return header;
}

bool
net_try_deliver(struct loop_device *device, const struct net_frame *frame)
{
    struct net_card *card = net_card_of(device);
    struct virtio_net_hdr header = header_of(frame);
    struct iovec parts[] = {{&header, sizeof(header)},
                            {(void *)(uintptr_t)frame->bytes, frame->length}};
    char name[IF_NAMESIZE];

    if (card->wire == -1) {
        net_wire_name(device, name, sizeof(name));
        card->wire = open_wire(name);
    }
    if (writev(card->wire, parts, 2) != -1)
        return true;
    MUST(errno == ENOBUFS || errno == EAGAIN, "deliver %u bytes: %s",
         frame->length, strerror(errno));
    return false;
}

void
net_deliver(struct loop_device *device, const struct net_frame *frame)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (net_try_deliver(device, frame))
            return;
        poll(NULL, 0, TRY_MS);
    }
    fail_case("the wire is full for ever");
}

/* ---- pages ---- */

void
net_offer_gref(struct loop_device *device, unsigned queue, uint16_t id,
               uint32_t gref)
{
    const uint32_t entry[2] = {id, gref};

    front_ring_put(&device->rings[net_rx(queue)].front, entry);
}

void
net_offer(struct loop_device *device, unsigned queue, uint16_t first,
          unsigned count)
{
    for (unsigned id = first; id < first + count; id++) {
        memset(device->data + (size_t)id * XK_NETIF_PAGE_BYTES, 0xa5,
               XK_NETIF_PAGE_BYTES);
        net_offer_gref(device, queue, (uint16_t)id, device->data_grefs[id]);
    }
    net_push_offers(device, queue);
}

void
net_push_offers(struct loop_device *device, unsigned queue)
{
    loop_push(device, net_rx(queue));
}

struct net_received
net_receive(struct loop_device *device, unsigned queue)
{
    const uint8_t *entry =
        loop_await_response(device, net_rx(queue), LOOP_WAIT_MS);
    struct net_received received;

    MUST(entry != NULL, "nothing is received");
    memcpy(received.bytes, entry, sizeof(received.bytes));
    memcpy(&received, received.bytes, sizeof(received.bytes));
    return received;
}

void
net_must_be_quiet(struct loop_device *device, unsigned queue)
{
    MUST(loop_await_response(device, net_rx(queue), NET_QUIET_MS) == NULL,
         "something is received");
}

void
net_must_receive(struct loop_device *device, unsigned queue, uint16_t id,
                 uint16_t flags, const struct net_frame *frame, uint32_t at)
{
    struct net_received received = net_receive(device, queue);
    const uint8_t *page = device->data + (size_t)id * XK_NETIF_PAGE_BYTES;
    uint32_t left = frame->length - at;
    uint32_t bytes = left < XK_NETIF_PAGE_BYTES ? left : XK_NETIF_PAGE_BYTES;

    MUST(received.id == id, "page %u is answered as %u", id, received.id);
    MUST(received.status == (int16_t)bytes, "page %u has %d bytes, not %u", id,
         received.status, bytes);
    MUST(received.offset == 0, "page %u begins at %u", id, received.offset);
    MUST(received.flags == flags, "page %u has flags %x, not %x", id,
         received.flags, flags);
    MUST(memcmp(page, frame->bytes + at, bytes) == 0, "page %u has other bytes",
         id);
    MUST(bytes == XK_NETIF_PAGE_BYTES || page[bytes] == 0xa5,
         "page %u is written past its bytes", id);
}

void
net_must_receive_whole(struct loop_device *device, unsigned queue, uint16_t id,
                       const struct net_frame *frame)
{
    for (uint32_t at = 0; at < frame->length; at += XK_NETIF_PAGE_BYTES)
        net_must_receive(device, queue, id++,
                         at + XK_NETIF_PAGE_BYTES < frame->length
                             ? XK_NETIF_RX_MORE_DATA
                             : 0,
                         frame, at);
}
