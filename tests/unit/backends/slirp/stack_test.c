/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that speaks in bytes to the real libslirp, and servers and clients on
 * loopback that it reaches and that reach it. */
#include "backends/slirp/stack.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/net/port/frame.h"
#include "base/deadline.h"
#include "tests/unit/test.h"

enum {
    FRAME_MAX = 2048,
    FRAMES_MAX = 64,
    PATIENCE_MS = 10000,
    DHCP_BYTES = 300,
    DHCP_OPTIONS_AT = 240,
};

static const uint8_t guest_mac[6] = {2, 0, 0, 0, 0, 1};

struct frame {
    uint8_t bytes[FRAME_MAX];
    size_t length;
};

static struct xk_stack *stack;
static struct frame frames[FRAMES_MAX];
static size_t received;
static struct xk_error err;

static void
receive(void *context, const void *bytes, size_t length)
{
    (void)context;
    if (received == FRAMES_MAX || length > FRAME_MAX)
        return;
    memcpy(frames[received].bytes, bytes, length);
    frames[received++].length = length;
}

static void
start(const struct xk_stack_options *options)
{
    received = 0;
    stack = xk_stack_new(options, receive, NULL, &err);
    if (stack == NULL)
        fail_msg("%s", err.message);
}

static int
tear_down(void **state)
{
    (void)state;
    xk_stack_free(stack);
    stack = NULL;
    return 0;
}

/* The next frame that is_it() takes, or NULL after the time. */
static const struct frame *
await(bool (*is_it)(const struct frame *), int ms)
{
    struct xk_deadline deadline = xk_deadline_in_ms(ms);
    size_t seen = 0;

    for (;;) {
        for (; seen < received; seen++) {
            if (is_it(&frames[seen]))
                return &frames[seen];
        }
        if (xk_deadline_left_ms(deadline) == 0)
            return NULL;
        /* A timer of our own, so that poll(2) ends. */
        xk_stack_run(stack, &(struct pollfd){.fd = -1}, 1);
    }
}

/* ---- frames ---- */

static uint16_t
header_sum(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < length; i += 2)
        sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

static void
send_udp(const char *from, uint16_t from_port, const char *to, uint16_t to_port,
         const void *payload, size_t bytes)
{
    static const uint8_t gateway_mac[6] = {0x52, 0x55, 10, 0, 2, 2};
    struct frame frame = {.length = 14 + 20 + 8 + bytes};
    struct ether_header *ethernet = (struct ether_header *)frame.bytes;
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .ttl = 64,
                       .protocol = IPPROTO_UDP,
                       .tot_len = htons((uint16_t)(28 + bytes))};
    struct udphdr udp = {.source = htons(from_port),
                         .dest = htons(to_port),
                         .len = htons((uint16_t)(8 + bytes))};
    struct xk_frame_headers headers;

    memcpy(ethernet->ether_shost, guest_mac, 6);
    memcpy(ethernet->ether_dhost, gateway_mac, 6);
    ethernet->ether_type = htons(ETHERTYPE_IP);
    inet_pton(AF_INET, from, &ip.saddr);
    inet_pton(AF_INET, to, &ip.daddr);
    ip.check = htons(header_sum((const uint8_t *)&ip, sizeof(ip)));
    memcpy(frame.bytes + 14, &ip, sizeof(ip));
    memcpy(frame.bytes + 34, &udp, sizeof(udp));
    memcpy(frame.bytes + 42, payload, bytes);
    assert_null(xk_frame_find_headers(frame.bytes, frame.length, &headers));
    xk_frame_write_checksum(frame.bytes, &headers);
    xk_stack_input(stack, frame.bytes, frame.length);
}

static void
ask_dhcp(uint8_t type)
{
    uint8_t message[DHCP_BYTES] = {1, 1, 6, 0, 1, 2, 3, 4};
    static const uint8_t cookie[4] = {99, 130, 83, 99};
    const uint8_t options[] = {53, 1, type, 50, 4, 10, 0, 2, 15, 255};

    memcpy(message + 28, guest_mac, 6);
    memcpy(message + 236, cookie, 4);
    memcpy(message + DHCP_OPTIONS_AT, options, sizeof(options));
    send_udp("0.0.0.0", 68, "255.255.255.255", 67, message, sizeof(message));
}

/* Have the stack know our address, by DHCP. */
static void
become_known(void)
{
    ask_dhcp(1);
    ask_dhcp(3);
}

static bool
is_udp(const struct frame *frame, uint16_t to_port)
{
    return frame->length >= 42 && frame->bytes[12] == 8 &&
           frame->bytes[13] == 0 && frame->bytes[23] == IPPROTO_UDP &&
           (frame->bytes[36] << 8 | frame->bytes[37]) == to_port;
}

static bool
is_dhcp_answer(const struct frame *frame)
{
    return is_udp(frame, 68);
}

static bool
is_for_port_7000(const struct frame *frame)
{
    return is_udp(frame, 7000);
}

static int
bind_udp(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* ---- tests ---- */

static void
dhcp_gives_the_addresses_that_qemu_gives(void **state)
{
    static const uint8_t router[] = {3, 4, 10, 0, 2, 2};
    static const uint8_t servers[] = {6, 4, 10, 0, 2, 3};
    static const uint8_t mask[] = {1, 4, 255, 255, 255, 0};
    const struct xk_stack_options options = {0};
    const struct frame *offer;
    const uint8_t *message;

    (void)state;
    start(&options);
    ask_dhcp(1);
    offer = await(is_dhcp_answer, PATIENCE_MS);
    assert_non_null(offer);
    message = offer->bytes + 42;
    assert_memory_equal(message + 16, "\012\000\002\017", 4);
    assert_non_null(memmem(message + DHCP_OPTIONS_AT,
                           offer->length - 42 - DHCP_OPTIONS_AT, router, 6));
    assert_non_null(memmem(message + DHCP_OPTIONS_AT,
                           offer->length - 42 - DHCP_OPTIONS_AT, servers, 6));
    assert_non_null(memmem(message + DHCP_OPTIONS_AT,
                           offer->length - 42 - DHCP_OPTIONS_AT, mask, 6));
}

static void
the_guest_reaches_loopback_of_the_host_as_10_0_2_2(void **state)
{
    const struct xk_stack_options options = {.host_loopback = true};
    struct sockaddr_in from;
    socklen_t length = sizeof(from);
    const struct frame *answer;
    char text[16];
    uint16_t port;
    int fd = bind_udp(&port);
    struct pollfd mine = {.fd = fd, .events = POLLIN};

    (void)state;
    start(&options);
    become_known();
    send_udp("10.0.2.15", 7000, "10.0.2.2", port, "ping", 4);
    while (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from,
                    &length) == -1)
        xk_stack_run(stack, &mine, 1);
    assert_memory_equal(text, "ping", 4);
    assert_int_equal(sendto(fd, "pong", 4, 0, (struct sockaddr *)&from, length),
                     4);
    answer = await(is_for_port_7000, PATIENCE_MS);
    assert_non_null(answer);
    assert_memory_equal(answer->bytes + 42, "pong", 4);
    assert_memory_equal(answer->bytes + 26, "\012\000\002\002", 4);
    close(fd);
}

static void
the_guest_does_not_reach_loopback_where_that_is_not_wanted(void **state)
{
    const struct xk_stack_options options = {0};
    uint16_t port, open_port;
    int fd = bind_udp(&port), sentinel = bind_udp(&open_port);
    char text[16];

    (void)state;
    start(&options);
    become_known();
    send_udp("10.0.2.15", 7000, "10.0.2.2", port, "ping", 4);
    /* What the stack does with a frame, it does at once: DHCP that was asked
     * for afterwards is answered. */
    received = 0;
    ask_dhcp(1);
    assert_non_null(await(is_dhcp_answer, PATIENCE_MS));
    assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
    close(fd);
    close(sentinel);
}

static void
a_forwarded_port_leads_to_the_guest(void **state)
{
    uint16_t port;
    int probe = bind_udp(&port), fd;
    struct xk_stack_forward forward = {.is_udp = true,
                                       .host_address = (char *)"127.0.0.1",
                                       .guest_port = 7000};
    const struct xk_stack_options options = {.forwards = &forward,
                                             .forward_count = 1};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct frame *frame;

    (void)state;
    close(probe); /* a port that is free */
    forward.host_port = port;
    start(&options);
    become_known();
    fd = bind_udp(&port);
    to.sin_port = htons((uint16_t)forward.host_port);
    assert_int_equal(
        sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    frame = await(is_for_port_7000, PATIENCE_MS);
    assert_non_null(frame);
    assert_memory_equal(frame->bytes + 42, "hello", 5);
    assert_memory_equal(frame->bytes + 30, "\012\000\002\017", 4);
    close(fd);
}

static void
a_port_that_is_taken_is_told_by_its_number(void **state)
{
    uint16_t port;
    int fd = bind_udp(&port);
    const struct xk_stack_forward forward = {
        .is_udp = true,
        .host_address = (char *)"127.0.0.1",
        .host_port = port,
        .guest_port = 80,
    };
    const struct xk_stack_options options = {.forwards = &forward,
                                             .forward_count = 1};
    char number[16];

    (void)state;
    snprintf(number, sizeof(number), "udp port %u", port);
    assert_null(xk_stack_new(&options, receive, NULL, &err));
    assert_int_equal(err.kind, XK_ERR_IN_USE);
    assert_non_null(strstr(err.message, number));
    close(fd);
}

static void
an_address_that_is_none_is_told(void **state)
{
    const struct xk_stack_forward forward = {
        .host_address = (char *)"300.1.1.1", .host_port = 1, .guest_port = 80};
    const struct xk_stack_options options = {.forwards = &forward,
                                             .forward_count = 1};

    (void)state;
    assert_null(xk_stack_new(&options, receive, NULL, &err));
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_non_null(strstr(err.message, "300.1.1.1"));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(dhcp_gives_the_addresses_that_qemu_gives,
                                  tear_down),
        cmocka_unit_test_teardown(
            the_guest_reaches_loopback_of_the_host_as_10_0_2_2, tear_down),
        cmocka_unit_test_teardown(
            the_guest_does_not_reach_loopback_where_that_is_not_wanted,
            tear_down),
        cmocka_unit_test_teardown(a_forwarded_port_leads_to_the_guest,
                                  tear_down),
        cmocka_unit_test_teardown(a_port_that_is_taken_is_told_by_its_number,
                                  tear_down),
        cmocka_unit_test_teardown(an_address_that_is_none_is_told, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
