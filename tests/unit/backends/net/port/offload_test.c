/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames of guests, built byte by byte; what is computed is checked by adding
 * up the packet as its receiver does. */
#include "backends/net/port/offload.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

enum {
    ROOM = 2048
};

struct packet {
    uint8_t bytes[ROOM];
    size_t length;
    size_t network, transport;
};

static void
put(struct packet *packet, const void *bytes, size_t count)
{
    assert_true(packet->length + count <= ROOM);
    memcpy(packet->bytes + packet->length, bytes, count);
    packet->length += count;
}

static void
put_16(struct packet *packet, unsigned value)
{
    uint16_t big = htons((uint16_t)value);

    put(packet, &big, sizeof(big));
}

static void
put_zeros(struct packet *packet, size_t count)
{
    static const uint8_t zeros[ROOM];

    put(packet, zeros, count);
}

static void
set_16(struct packet *packet, size_t at, unsigned value)
{
    packet->bytes[at] = (uint8_t)(value >> 8);
    packet->bytes[at + 1] = (uint8_t)value;
}

static void
ethernet(struct packet *packet, unsigned type)
{
    static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

    *packet = (struct packet){0};
    put(packet, addresses, sizeof(addresses));
    put_16(packet, type);
}

static void
ipv4(struct packet *packet, unsigned protocol, size_t payload)
{
    static const uint8_t addresses[8] = {192, 0, 2, 1, 198, 51, 100, 7};
    uint8_t ttl_protocol[2] = {64, (uint8_t)protocol};

    packet->network = packet->length;
    put_16(packet, 0x4500);
    put_16(packet, (unsigned)(20 + payload));
    put_zeros(packet, 4);
    put(packet, ttl_protocol, 2);
    put_zeros(packet, 2);
    put(packet, addresses, sizeof(addresses));
    packet->transport = packet->length;
}

static void
ipv6(struct packet *packet, unsigned next, size_t payload)
{
    uint8_t addresses[32] = {0x20, 1, 0xd, 0xb8};
    uint8_t next_hops[2] = {(uint8_t)next, 64};

    addresses[15] = 1;
    addresses[16] = 0xfe;
    addresses[17] = 0x80;
    addresses[31] = 9;
    packet->network = packet->length;
    put_16(packet, 0x6000);
    put_16(packet, 0);
    put_16(packet, (unsigned)payload);
    put(packet, next_hops, 2);
    put(packet, addresses, sizeof(addresses));
    packet->transport = packet->length;
}

/* 20 bytes of header, checksum 0, and payload. */
static void
tcp(struct packet *packet, size_t payload)
{
    packet->transport = packet->length;
    put_16(packet, 40000);
    put_16(packet, 80);
    put_zeros(packet, 8);
    put_16(packet, 0x5018);
    put_16(packet, 512);
    put_zeros(packet, 4);
    for (size_t i = 0; i < payload; i++)
        put(packet, &(uint8_t){(uint8_t)(i * 7)}, 1);
}

static void
udp(struct packet *packet, size_t payload)
{
    packet->transport = packet->length;
    put_16(packet, 5000);
    put_16(packet, 53);
    put_16(packet, (unsigned)(8 + payload));
    put_16(packet, 0);
    for (size_t i = 0; i < payload; i++)
        put(packet, &(uint8_t){(uint8_t)(i * 13)}, 1);
}

static uint32_t
add(const struct packet *packet, size_t from, size_t to)
{
    uint32_t sum = 0;

    for (size_t i = from; i < to; i++)
        sum += (i - from) % 2 == 0 ? (uint32_t)packet->bytes[i] << 8
                                   : packet->bytes[i];
    return sum;
}

/* As its receiver does: all of it is 0xffff. */
static bool
is_valid(const struct packet *packet, bool is_v6, unsigned protocol, size_t end)
{
    size_t first = packet->network + (is_v6 ? 8 : 12);
    uint32_t sum = add(packet, first, first + (is_v6 ? 32 : 8)) + protocol +
                   (uint32_t)(end - packet->transport) +
                   add(packet, packet->transport, end);

    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

static void
tcp4(struct packet *packet, size_t payload)
{
    ethernet(packet, 0x0800);
    ipv4(packet, IPPROTO_TCP, 20 + payload);
    tcp(packet, payload);
}

static void
tcp6(struct packet *packet, size_t payload)
{
    ethernet(packet, 0x86dd);
    ipv6(packet, IPPROTO_TCP, 20 + payload);
    tcp(packet, payload);
}

static void
udp4(struct packet *packet, size_t payload)
{
    ethernet(packet, 0x0800);
    ipv4(packet, IPPROTO_UDP, 8 + payload);
    udp(packet, payload);
}

/* The packet as a frame of that kind. */
static struct xk_frame
frame_of(struct packet *packet, bool checksum_missing,
         enum xk_frame_segments segments, uint16_t size)
{
    return (struct xk_frame){
        .bytes = packet->bytes,
        .length = (uint32_t)packet->length,
        .checksum_missing = checksum_missing,
        .segment_type = (uint8_t)segments,
        .segment_bytes = size,
    };
}

static const char *
finish(struct packet *packet)
{
    struct xk_frame frame = frame_of(packet, true, XK_FRAME_WHOLE, 0);

    return xk_offload_finish(&frame);
}

static const char *
to_tap(struct packet *packet, struct virtio_net_hdr *header)
{
    struct xk_frame frame = frame_of(packet, true, XK_FRAME_WHOLE, 0);

    return xk_offload_to_tap(&frame, header);
}

static void
expect_finished(struct packet *packet, bool is_v6, unsigned protocol)
{
    assert_null(finish(packet));
    assert_true(is_valid(packet, is_v6, protocol, packet->length));
}

static void
expect_refused(struct packet *packet, const char *reason)
{
    struct virtio_net_hdr header;
    uint8_t before[ROOM];
    const char *why;

    memcpy(before, packet->bytes, ROOM);
    why = to_tap(packet, &header);
    assert_non_null(why);
    assert_non_null(strstr(why, reason));
    assert_non_null(finish(packet));
    assert_memory_equal(before, packet->bytes, ROOM);
}

/* ---- checksums that are computed ---- */

static void
a_tcp_checksum_is_computed_over_ipv4(void **state)
{
    struct packet packet;

    (void)state;
    for (size_t payload = 0; payload < 70; payload++) {
        tcp4(&packet, payload);
        expect_finished(&packet, false, IPPROTO_TCP);
    }
}

static void
a_tcp_checksum_is_computed_over_ipv6(void **state)
{
    struct packet packet;

    (void)state;
    for (size_t payload = 0; payload < 70; payload++) {
        tcp6(&packet, payload);
        expect_finished(&packet, true, IPPROTO_TCP);
    }
}

/* Computed by hand from RFC 768: 192.0.2.1 -> 198.51.100.7, 5000 -> 53, "". */
static void
a_udp_checksum_is_the_one_of_the_standard(void **state)
{
    struct packet packet;

    (void)state;
    udp4(&packet, 0);
    expect_finished(&packet, false, IPPROTO_UDP);
    assert_int_equal(packet.bytes[packet.transport + 6], 0xff);
    assert_int_equal(packet.bytes[packet.transport + 7], 0xe4);
}

/* 0 would say that there is none. */
static void
a_udp_checksum_of_0_is_written_as_ffff(void **state)
{
    struct packet packet;

    (void)state;
    udp4(&packet, 2);
    set_16(&packet, packet.length - 2, 0);
    assert_null(finish(&packet));
    /* With this payload the sum is all ones, and its complement 0. */
    set_16(&packet, packet.length - 2,
           (unsigned)(packet.bytes[packet.transport + 6] << 8 |
                      packet.bytes[packet.transport + 7]));
    assert_null(finish(&packet));
    assert_int_equal(packet.bytes[packet.transport + 6], 0xff);
    assert_int_equal(packet.bytes[packet.transport + 7], 0xff);
    assert_true(is_valid(&packet, false, IPPROTO_UDP, packet.length));
}

static void
padding_behind_the_packet_is_not_summed(void **state)
{
    struct packet packet;
    size_t end;

    (void)state;
    udp4(&packet, 1);
    end = packet.length;
    put(&packet, "rubbish", 7);
    assert_null(finish(&packet));
    assert_true(is_valid(&packet, false, IPPROTO_UDP, end));
}

static void
headers_are_found_behind_vlan_tags(void **state)
{
    struct packet packet;

    (void)state;
    ethernet(&packet, 0x88a8);
    put_16(&packet, 5);
    put_16(&packet, 0x8100);
    put_16(&packet, 9);
    put_16(&packet, 0x0800);
    ipv4(&packet, IPPROTO_TCP, 30);
    tcp(&packet, 10);
    expect_finished(&packet, false, IPPROTO_TCP);
}

static void
headers_are_found_behind_ipv6_extensions(void **state)
{
    struct packet packet;

    (void)state;
    ethernet(&packet, 0x86dd);
    ipv6(&packet, IPPROTO_HOPOPTS, 16 + 8 + 25);
    put_16(&packet, IPPROTO_DSTOPTS << 8 | 1); /* 16 bytes */
    put_zeros(&packet, 14);
    put_16(&packet, IPPROTO_TCP << 8 | 0); /* 8 bytes */
    put_zeros(&packet, 6);
    tcp(&packet, 5);
    expect_finished(&packet, true, IPPROTO_TCP);
}

static void
a_frame_without_an_open_checksum_is_left_alone(void **state)
{
    struct packet packet;
    struct xk_frame frame;
    uint8_t before[ROOM];

    (void)state;
    tcp4(&packet, 3);
    memcpy(before, packet.bytes, ROOM);
    frame = frame_of(&packet, false, XK_FRAME_WHOLE, 0);
    assert_null(xk_offload_finish(&frame));
    assert_memory_equal(before, packet.bytes, ROOM);
}

static void
a_port_that_takes_whole_frames_divides_none(void **state)
{
    struct packet packet;
    struct xk_frame frame;

    (void)state;
    tcp4(&packet, 1500);
    frame = frame_of(&packet, true, XK_FRAME_TCP4, 1000);
    assert_non_null(xk_offload_finish(&frame));
}

/* ---- to a TAP ---- */

static void
an_open_checksum_is_told_to_the_kernel_by_its_place(void **state)
{
    struct virtio_net_hdr header;
    struct packet packet;

    (void)state;
    udp4(&packet, 4);
    assert_null(to_tap(&packet, &header));
    assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_int_equal(header.csum_start, 34);
    assert_int_equal(header.csum_offset, 6);
    assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
}

static void
a_checksum_that_was_validated_is_told_to_the_kernel(void **state)
{
    struct virtio_net_hdr header;
    uint8_t arp[60] = {[12] = 8, [13] = 6};
    const struct xk_frame frame = {
        .bytes = arp, .length = sizeof(arp), .checksum_good = true};

    (void)state;
    assert_null(xk_offload_to_tap(&frame, &header));
    assert_int_equal(header.flags, VIRTIO_NET_HDR_F_DATA_VALID);
}

static void
a_segmented_packet_has_the_length_of_all_its_headers(void **state)
{
    struct virtio_net_hdr header;
    struct packet packet;
    struct xk_frame frame;

    (void)state;
    tcp4(&packet, 1900);
    frame = frame_of(&packet, true, XK_FRAME_TCP4, 536);
    assert_null(xk_offload_to_tap(&frame, &header));
    assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    assert_int_equal(header.gso_size, 536);
    assert_int_equal(header.hdr_len, 54);
    tcp6(&packet, 1900);
    frame = frame_of(&packet, true, XK_FRAME_TCP6, 536);
    assert_null(xk_offload_to_tap(&frame, &header));
    assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
    assert_int_equal(header.hdr_len, 74);
    assert_int_equal(header.csum_start, 54);
    assert_int_equal(header.csum_offset, 16);
}

/* The kernel takes a segmented packet only with its checksum left open. */
static void
a_segmented_packet_whose_checksum_is_not_open_gets_its_seed(void **state)
{
    struct virtio_net_hdr header;
    struct xk_frame frame;
    struct xk_frame_headers headers;
    struct packet packet, seeded;

    (void)state;
    tcp4(&packet, 1000);
    seeded = packet;
    set_16(&packet, packet.transport + 16, 0x1234);
    frame = frame_of(&packet, false, XK_FRAME_TCP4, 700);
    assert_null(xk_offload_to_tap(&frame, &header));
    assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    assert_null(xk_frame_find_headers(seeded.bytes, seeded.length, &headers));
    xk_frame_seed_checksum(seeded.bytes, &headers);
    assert_memory_equal(packet.bytes, seeded.bytes, ROOM);
    /* 192.0.2.1 -> 198.51.100.7, TCP, 1020 bytes, folded. */
    assert_int_equal(packet.bytes[packet.transport + 16], 0xf0);
    assert_int_equal(packet.bytes[packet.transport + 17], 0x3e);
}

static void
expect_segments_refused(struct packet *packet, enum xk_frame_segments segments,
                        uint16_t size)
{
    struct xk_frame frame = frame_of(packet, true, segments, size);
    struct virtio_net_hdr header;

    assert_non_null(xk_offload_to_tap(&frame, &header));
}

static void
a_segmented_packet_that_is_none_is_refused(void **state)
{
    struct packet packet;

    (void)state;
    udp4(&packet, 1000);
    expect_segments_refused(&packet, XK_FRAME_TCP4, 500);
    tcp6(&packet, 1000);
    expect_segments_refused(&packet, XK_FRAME_TCP4, 500);
    tcp4(&packet, 1000);
    expect_segments_refused(&packet, XK_FRAME_TCP6, 500);
    expect_segments_refused(&packet, (enum xk_frame_segments)3, 500);
    expect_segments_refused(&packet, XK_FRAME_TCP4, 0);
    tcp4(&packet, 0);
    expect_segments_refused(&packet, XK_FRAME_TCP4, 500);
}

/* ---- frames that lie ---- */

static void
every_frame_that_is_cut_is_refused_and_not_read_past(void **state)
{
    struct packet packets[3];

    (void)state;
    tcp4(&packets[0], 0);
    tcp6(&packets[1], 0);
    udp4(&packets[2], 0);
    for (size_t i = 0; i < 3; i++) {
        for (size_t length = 0; length < packets[i].length; length++) {
            uint8_t *exact = malloc(length + 1);
            const struct xk_frame frame = {.bytes = exact,
                                           .length = (uint32_t)length,
                                           .checksum_missing = true};
            struct virtio_net_hdr header;

            memcpy(exact, packets[i].bytes, length);
            assert_non_null(xk_offload_to_tap(&frame, &header));
            free(exact);
        }
    }
}

static void
an_ipv4_header_with_wrong_lengths_is_refused(void **state)
{
    struct packet packet;

    (void)state;
    tcp4(&packet, 8);
    packet.bytes[14] = 0x44; /* 16 bytes of header */
    expect_refused(&packet, "IPv4");
    packet.bytes[14] = 0x4f; /* 60, more than there are */
    expect_refused(&packet, "IPv4");
    packet.bytes[14] = 0x65;
    expect_refused(&packet, "IPv4");
    packet.bytes[14] = 0x45;
    set_16(&packet, 16, 19);
    expect_refused(&packet, "IPv4");
    set_16(&packet, 16, 0xffff);
    expect_refused(&packet, "IPv4");
}

static void
a_tcp_header_with_a_wrong_length_is_refused(void **state)
{
    struct packet packet;

    (void)state;
    tcp4(&packet, 0);
    packet.bytes[packet.transport + 12] = 0x40;
    expect_refused(&packet, "TCP");
    packet.bytes[packet.transport + 12] = 0xf0;
    expect_refused(&packet, "TCP");
}

static void
a_fragment_is_refused(void **state)
{
    struct packet packet;

    (void)state;
    udp4(&packet, 8);
    set_16(&packet, 20, 0x2000);
    expect_refused(&packet, "fragment");
    set_16(&packet, 20, 0x0001);
    expect_refused(&packet, "fragment");
    ethernet(&packet, 0x86dd);
    ipv6(&packet, IPPROTO_FRAGMENT, 16);
    put_zeros(&packet, 16);
    expect_refused(&packet, "fragment");
}

static void
ipv6_extensions_that_do_not_end_are_refused(void **state)
{
    struct packet packet;

    (void)state;
    ethernet(&packet, 0x86dd);
    ipv6(&packet, IPPROTO_HOPOPTS, 8);
    put_16(&packet, IPPROTO_TCP << 8 | 255);
    put_zeros(&packet, 6);
    expect_refused(&packet, "extension");

    ethernet(&packet, 0x86dd);
    ipv6(&packet, IPPROTO_DSTOPTS, 20 * 8);
    for (unsigned i = 0; i < 20; i++) {
        put_16(&packet, IPPROTO_DSTOPTS << 8);
        put_zeros(&packet, 6);
    }
    expect_refused(&packet, "too many");
}

static void
what_is_not_tcp_or_udp_has_no_checksum_of_ours(void **state)
{
    struct packet packet;

    (void)state;
    ethernet(&packet, 0x0806);
    put_zeros(&packet, 46);
    expect_refused(&packet, "not an IP");
    ethernet(&packet, 0x0800);
    ipv4(&packet, IPPROTO_ICMP, 8);
    put_zeros(&packet, 8);
    expect_refused(&packet, "neither");
    ethernet(&packet, 0x8100);
    expect_refused(&packet, "VLAN");
}

/* ---- from a TAP ---- */

static void
what_a_tap_leaves_open_is_told_to_the_guest(void **state)
{
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM};
    struct xk_frame frame;

    (void)state;
    assert_null(xk_offload_from_tap(&header, &frame));
    assert_true(frame.checksum_missing);
    assert_true(frame.checksum_good);
    header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    assert_null(xk_offload_from_tap(&header, &frame));
    assert_false(frame.checksum_missing);
    assert_true(frame.checksum_good);
    header.flags = 0;
    assert_null(xk_offload_from_tap(&header, &frame));
    assert_false(frame.checksum_good);
    assert_int_equal(frame.segment_type, XK_FRAME_WHOLE);
}

static void
the_segments_of_a_tap_keep_their_kind_and_size(void **state)
{
    struct virtio_net_hdr header = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN,
        .gso_size = 1440,
    };
    struct xk_frame frame;

    (void)state;
    assert_null(xk_offload_from_tap(&header, &frame));
    assert_int_equal(frame.segment_type, XK_FRAME_TCP6);
    assert_int_equal(frame.segment_bytes, 1440);
    header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    assert_null(xk_offload_from_tap(&header, &frame));
    assert_int_equal(frame.segment_type, XK_FRAME_TCP4);
    header.gso_type = VIRTIO_NET_HDR_GSO_UDP;
    assert_non_null(xk_offload_from_tap(&header, &frame));
    header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    header.gso_size = 0;
    assert_non_null(xk_offload_from_tap(&header, &frame));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tcp_checksum_is_computed_over_ipv4),
        cmocka_unit_test(a_tcp_checksum_is_computed_over_ipv6),
        cmocka_unit_test(a_udp_checksum_is_the_one_of_the_standard),
        cmocka_unit_test(a_udp_checksum_of_0_is_written_as_ffff),
        cmocka_unit_test(padding_behind_the_packet_is_not_summed),
        cmocka_unit_test(headers_are_found_behind_vlan_tags),
        cmocka_unit_test(headers_are_found_behind_ipv6_extensions),
        cmocka_unit_test(a_frame_without_an_open_checksum_is_left_alone),
        cmocka_unit_test(a_port_that_takes_whole_frames_divides_none),
        cmocka_unit_test(an_open_checksum_is_told_to_the_kernel_by_its_place),
        cmocka_unit_test(a_checksum_that_was_validated_is_told_to_the_kernel),
        cmocka_unit_test(a_segmented_packet_has_the_length_of_all_its_headers),
        cmocka_unit_test(
            a_segmented_packet_whose_checksum_is_not_open_gets_its_seed),
        cmocka_unit_test(a_segmented_packet_that_is_none_is_refused),
        cmocka_unit_test(every_frame_that_is_cut_is_refused_and_not_read_past),
        cmocka_unit_test(an_ipv4_header_with_wrong_lengths_is_refused),
        cmocka_unit_test(a_tcp_header_with_a_wrong_length_is_refused),
        cmocka_unit_test(a_fragment_is_refused),
        cmocka_unit_test(ipv6_extensions_that_do_not_end_are_refused),
        cmocka_unit_test(what_is_not_tcp_or_udp_has_no_checksum_of_ours),
        cmocka_unit_test(what_a_tap_leaves_open_is_told_to_the_guest),
        cmocka_unit_test(the_segments_of_a_tap_keep_their_kind_and_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
