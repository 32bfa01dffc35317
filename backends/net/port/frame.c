/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/net/port/frame.h"

#include <netinet/in.h>

enum {
    ETHERTYPE_AT = 12,
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_VLAN = 0x8100,
    ETHERTYPE_SERVICE_VLAN = 0x88a8,
    TAG_BYTES = 4,

    IPV4_BYTES = 20,
    IPV4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
    IPV6_BYTES = 40,
    EXTENSION_UNIT = 8,
    EXTENSIONS_MAX = 8, /* Linux sends one or two */

    TCP_BYTES = 20,
    TCP_CHECKSUM_AT = 16,
    UDP_BYTES = 8,
    UDP_CHECKSUM_AT = 6,
};

static uint16_t
read_16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void
write_16(uint8_t *bytes, uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* Whether `bytes` from `at` on are within the first `end`. */
static bool
has(size_t end, size_t at, size_t bytes)
{
    return at <= end && bytes <= end - at;
}

/* ---- headers ---- */

/* The type of what follows, and where that is. */
static const char *
skip_ethernet(const uint8_t *frame, size_t length, uint16_t *type, size_t *at)
{
    if (length < XK_FRAME_ETHERNET_BYTES)
        return "the frame is shorter than an Ethernet header";
    *type = read_16(frame + ETHERTYPE_AT);
    *at = XK_FRAME_ETHERNET_BYTES;
    for (unsigned tags = 0; tags < XK_FRAME_TAGS_MAX; tags++) {
        if (*type != ETHERTYPE_VLAN && *type != ETHERTYPE_SERVICE_VLAN)
            break;
        if (!has(length, *at, TAG_BYTES))
            return "the frame ends within a VLAN tag";
        *type = read_16(frame + *at + 2);
        *at += TAG_BYTES;
    }
    return NULL;
}

static const char *
read_ipv4(const uint8_t *frame, size_t length, size_t at,
          struct xk_frame_headers *headers)
{
    const uint8_t *ip = frame + at;
    size_t header, total;

    if (!has(length, at, IPV4_BYTES))
        return "the frame ends within the IPv4 header";
    header = (ip[0] & 0xfu) * 4u;
    total = read_16(ip + 2);
    if (ip[0] >> 4 != 4 || header < IPV4_BYTES || total < header ||
        !has(length, at, total))
        return "the lengths of the IPv4 header are wrong";
    if ((read_16(ip + 6) & IPV4_FRAGMENT) != 0)
        return "the packet is a fragment";
    headers->protocol = ip[9];
    headers->transport = (uint16_t)(at + header);
    headers->end = (uint32_t)(at + total);
    return NULL;
}

static bool
is_extension(uint8_t next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
           next == IPPROTO_DSTOPTS;
}

/* Skip extension headers; a fragment header is not one that can be skipped. */
static const char *
skip_extensions(const uint8_t *frame, struct xk_frame_headers *headers)
{
    for (unsigned i = 0; is_extension(headers->protocol); i++) {
        const uint8_t *extension = frame + headers->transport;
        size_t bytes;

        if (i == EXTENSIONS_MAX)
            return "the IPv6 packet has too many extension headers";
        if (!has(headers->end, headers->transport, EXTENSION_UNIT))
            return "the packet ends within an IPv6 extension header";
        bytes = (extension[1] + 1u) * EXTENSION_UNIT;
        if (!has(headers->end, headers->transport, bytes))
            return "the packet ends within an IPv6 extension header";
        headers->protocol = extension[0];
        headers->transport = (uint16_t)(headers->transport + bytes);
    }
    return headers->protocol == IPPROTO_FRAGMENT ? "the packet is a fragment"
                                                 : NULL;
}

static const char *
read_ipv6(const uint8_t *frame, size_t length, size_t at,
          struct xk_frame_headers *headers)
{
    const uint8_t *ip = frame + at;
    size_t payload;

    if (!has(length, at, IPV6_BYTES))
        return "the frame ends within the IPv6 header";
    payload = read_16(ip + 4);
    if (ip[0] >> 4 != 6 || !has(length, at + IPV6_BYTES, payload))
        return "the lengths of the IPv6 header are wrong";
    headers->is_v6 = true;
    headers->protocol = ip[6];
    headers->transport = (uint16_t)(at + IPV6_BYTES);
    headers->end = (uint32_t)(at + IPV6_BYTES + payload);
    return skip_extensions(frame, headers);
}

static const char *
read_tcp(const uint8_t *frame, struct xk_frame_headers *headers)
{
    size_t header;

    if (!has(headers->end, headers->transport, TCP_BYTES))
        return "the packet ends within the TCP header";
    header = (frame[headers->transport + 12] >> 4) * 4u;
    if (header < TCP_BYTES || !has(headers->end, headers->transport, header))
        return "the length of the TCP header is wrong";
    headers->checksum = (uint16_t)(headers->transport + TCP_CHECKSUM_AT);
    headers->payload = (uint16_t)(headers->transport + header);
    return NULL;
}

static const char *
read_udp(struct xk_frame_headers *headers)
{
    if (!has(headers->end, headers->transport, UDP_BYTES))
        return "the packet ends within the UDP header";
    headers->checksum = (uint16_t)(headers->transport + UDP_CHECKSUM_AT);
    headers->payload = (uint16_t)(headers->transport + UDP_BYTES);
    return NULL;
}

const char *
xk_frame_find_headers(const uint8_t *frame, size_t length,
                      struct xk_frame_headers *headers)
{
    const char *reason;
    uint16_t type;
    size_t at;

    *headers = (struct xk_frame_headers){0};
    if (length > XK_FRAME_BYTES_MAX)
        return "the frame is too long";
    reason = skip_ethernet(frame, length, &type, &at);
    if (reason != NULL)
        return reason;
    headers->network = (uint16_t)at;
    if (type == ETHERTYPE_IPV4)
        reason = read_ipv4(frame, length, at, headers);
    else if (type == ETHERTYPE_IPV6)
        reason = read_ipv6(frame, length, at, headers);
    else
        reason = "the frame is not an IP packet";
    if (reason != NULL)
        return reason;
    if (headers->protocol == IPPROTO_TCP)
        return read_tcp(frame, headers);
    if (headers->protocol == IPPROTO_UDP)
        return read_udp(headers);
    return "the packet is neither TCP nor UDP";
}

/* ---- checksums ---- */

static uint64_t
add_bytes(uint64_t sum, const uint8_t *bytes, size_t length)
{
    size_t i = 0;

    for (; i + 1 < length; i += 2)
        sum += read_16(bytes + i);
    if (i < length)
        sum += (uint64_t)bytes[i] << 8;
    return sum;
}

static uint16_t
fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint64_t
add_pseudo_header(const uint8_t *frame, const struct xk_frame_headers *headers,
                  uint32_t length)
{
    const uint8_t *ip = frame + headers->network;
    uint64_t sum =
        headers->is_v6 ? add_bytes(0, ip + 8, 32) : add_bytes(0, ip + 12, 8);

    return sum + headers->protocol + (length >> 16) + (length & 0xffff);
}

void
xk_frame_seed_checksum(uint8_t *frame, const struct xk_frame_headers *headers)
{
    uint32_t length = headers->end - headers->transport;

    write_16(frame + headers->checksum,
             fold(add_pseudo_header(frame, headers, length)));
}

void
xk_frame_write_checksum(uint8_t *frame, const struct xk_frame_headers *headers)
{
    uint32_t length = headers->end - headers->transport;
    uint64_t sum = add_pseudo_header(frame, headers, length);
    uint16_t checksum;

    write_16(frame + headers->checksum, 0);
    checksum =
        (uint16_t)~fold(add_bytes(sum, frame + headers->transport, length));
    /* To UDP, 0 means that there is no checksum. */
    if (checksum == 0 && headers->protocol == IPPROTO_UDP)
        checksum = 0xffff;
    write_16(frame + headers->checksum, checksum);
}
