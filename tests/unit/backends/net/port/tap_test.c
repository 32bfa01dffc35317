/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port "tap" in a network of the test's own: the test is the guest, the
 * kernel's own stack is the network behind the bridge. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/net/announce.h"
#include "backends/net/port/port.h"
#include "base/cleanup.h"
#include "base/deadline.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "net-helpers/tap.h"
#include "tests/fakes/call_count.h"
#include "tests/fakes/own_network.h"
#include "tests/fakes/scratch.h"
#include "tests/unit/test.h"

#define HOST "10.9.0.1"
#define GUEST "10.9.0.2"

enum {
    PATIENCE_MS = 10000,
    ARP_BYTES = 42,
    UDP_AT = 34,
    PORT = 5000,
};

static const uint8_t guest_mac[6] = {0, 0x16, 0x3e, 1, 2, 3};
static uint8_t host_mac[6];
static struct xk_port *port;
static struct xk_error err;
static uint8_t room[XK_PORT_FRAME_ROOM];

static struct xk_deadline
soon(void)
{
    return xk_deadline_in_ms(PATIENCE_MS);
}

static void
open_tap(unsigned queues)
{
    const struct xk_port_options options = {.plug = {.bridge = "br0"},
                                            .card = {.device = "vif7.0"},
                                            .queues = queues,
                                            .deadline = soon()};

    port = xk_port_open_tap(&options, &err);
    if (port == NULL)
        fail_msg("%s", err.message);
}

static int
tear_down(void **state)
{
    (void)state;
    xk_port_close(port);
    port = NULL;
    return 0;
}

static bool
send_bytes(uint8_t *bytes, uint32_t length, bool checksum_missing)
{
    const struct xk_frame frame = {
        .bytes = bytes, .length = length, .checksum_missing = checksum_missing};

    return xk_port_send(port, 0, &frame);
}

/* The next frame for the guest that is_it() takes, from any of the queues. */
static struct xk_frame
await(unsigned queues, bool (*is_it)(const uint8_t *bytes, uint32_t length))
{
    struct xk_deadline deadline = soon();
    struct pollfd fds[XK_PORT_QUEUES_MAX];
    struct xk_frame frame = {.bytes = room};

    for (;;) {
        for (unsigned i = 0; i < queues; i++) {
            fds[i] =
                (struct pollfd){.fd = port->ops->fd(port, i), .events = POLLIN};
            while (port->ops->receive(port, i, &frame)) {
                if (is_it(frame.bytes, frame.length))
                    return frame;
            }
        }
        if (poll(fds, queues, xk_deadline_left_ms(deadline)) == 0)
            fail_msg("the frame does not come");
    }
}

/* ---- the guest ---- */

static bool
is_arp_answer(const uint8_t *bytes, uint32_t length)
{
    return length >= ARP_BYTES && bytes[12] == 8 && bytes[13] == 6 &&
           bytes[21] == 2;
}

static bool
is_udp_of_ours(const uint8_t *bytes, uint32_t length)
{
    return length >= UDP_AT + 8 && bytes[12] == 8 && bytes[13] == 0 &&
           bytes[23] == IPPROTO_UDP && bytes[36] == PORT >> 8 &&
           bytes[37] == (PORT & 0xff);
}

static void
make_arp(uint8_t frame[ARP_BYTES])
{
    static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1};

    memset(frame, 0xff, 6);
    memcpy(frame + 6, guest_mac, 6);
    frame[12] = 8;
    frame[13] = 6;
    memcpy(frame + 14, head, sizeof(head));
    memcpy(frame + 22, guest_mac, 6);
    inet_pton(AF_INET, GUEST, frame + 28);
    memset(frame + 32, 0, 6);
    inet_pton(AF_INET, HOST, frame + 38);
}

/* The host learns our address by it, and we learn the host's. */
static void
exchange_addresses(unsigned queues)
{
    uint8_t arp[ARP_BYTES];
    struct xk_frame answer;

    make_arp(arp);
    assert_true(send_bytes(arp, sizeof(arp), false));
    answer = await(queues, is_arp_answer);
    memcpy(host_mac, answer.bytes + 6, 6);
}

static int
bind_host(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(PORT)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, HOST, &address.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* UDP from the guest to the host, whose checksum has only its seed. */
static uint32_t
make_udp(uint8_t *frame, const char *text)
{
    struct xk_frame_headers headers;
    size_t bytes = strlen(text);
    uint32_t sum = 0;

    memset(frame, 0, 42);
    memcpy(frame, host_mac, 6);
    memcpy(frame + 6, guest_mac, 6);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[17] = (uint8_t)(28 + bytes);
    frame[22] = 64;
    frame[23] = IPPROTO_UDP;
    inet_pton(AF_INET, GUEST, frame + 26);
    inet_pton(AF_INET, HOST, frame + 30);
    for (unsigned i = 14; i < 34; i += 2)
        sum += (uint32_t)(frame[i] << 8 | frame[i + 1]);
    sum = ~((sum & 0xffff) + (sum >> 16));
    frame[24] = (uint8_t)(sum >> 8);
    frame[25] = (uint8_t)sum;
    frame[34] = frame[36] = PORT >> 8;
    frame[35] = frame[37] = PORT & 0xff;
    frame[39] = (uint8_t)(8 + bytes);
    memcpy(frame + 42, text, bytes);
    assert_null(xk_frame_find_headers(frame, (uint32_t)(42 + bytes), &headers));
    xk_frame_seed_checksum(frame, &headers);
    return (uint32_t)(42 + bytes);
}

/* ---- tests ---- */

static void
the_network_behind_the_bridge_answers_the_guest(void **state)
{
    (void)state;
    open_tap(1);
    exchange_addresses(1);
    assert_memory_not_equal(host_mac, guest_mac, 6);
}

static void
a_missing_checksum_is_computed_on_the_way_out(void **state)
{
    uint8_t frame[128];
    char text[64] = "";
    uint32_t length;
    int fd = bind_host();
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    (void)state;
    open_tap(1);
    exchange_addresses(1);
    length = make_udp(frame, "from the guest");
    /* Without a word that it is missing it is wrong, and the frame lost. */
    assert_true(send_bytes(frame, length, false));
    length = make_udp(frame, "once more");
    assert_true(send_bytes(frame, length, true));
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    assert_int_equal(recv(fd, text, sizeof(text), 0), 9);
    assert_string_equal(text, "once more");
    close(fd);
}

/* The one whose headers lie is left out. */
static void
frames_of_a_batch_are_sent_in_their_order(void **state)
{
    enum {
        FRAMES = 40, /* more than one batch */
        LIAR = 7
    };
    static uint8_t bytes[FRAMES][128];
    struct xk_frame frames[FRAMES];
    bool taken[FRAMES];
    struct xk_loop loop;
    char text[16] = "";
    int fd = bind_host();

    (void)state;
    assert_int_equal(xk_loop_open(&loop, 64, &err), 0);
    open_tap(1);
    exchange_addresses(1);
    for (unsigned i = 0; i < FRAMES; i++) {
        snprintf(text, sizeof(text), "%02u", i);
        frames[i] = (struct xk_frame){.bytes = bytes[i],
                                      .length = make_udp(bytes[i], text),
                                      .checksum_missing = true};
    }
    bytes[LIAR][14] = 0x4f;
    xk_port_send_batch(port, 0, &loop, frames, taken, FRAMES);
    for (unsigned i = 0; i < FRAMES; i++) {
        assert_int_equal(taken[i], i != LIAR);
        snprintf(text, sizeof(text), "%02u", i);
        if (i != LIAR) {
            char got[16] = "";

            assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), 2);
            assert_string_equal(got, text);
        }
    }
    assert_int_equal(loop.pending, 0);
    xk_loop_close(&loop);
    close(fd);
}

/* In a process of its own: as many frames as are wanted. */
static void
send_some(unsigned count)
{
    static uint8_t bytes[XK_PORT_BATCH_MAX][128];
    struct xk_frame frames[XK_PORT_BATCH_MAX];
    bool taken[XK_PORT_BATCH_MAX];
    struct xk_loop loop;

    if (xk_loop_open(&loop, 64, NULL) == -1)
        _exit(1);
    for (unsigned i = 0; i < count; i++)
        frames[i] = (struct xk_frame){.bytes = bytes[i],
                                      .length = make_udp(bytes[i], "counted"),
                                      .checksum_missing = true};
    call_count_mark();
    xk_port_send_batch(port, 0, &loop, frames, taken, count);
    call_count_mark();
    for (unsigned i = 0; i < count; i++) {
        if (!taken[i])
            _exit(1);
    }
}

static void
a_batch_of_any_size_costs_one_system_call(void **state)
{
    (void)state;
    open_tap(1);
    exchange_addresses(1);
    assert_int_equal(call_count_of(send_some, 2), 1);
    assert_int_equal(call_count_of(send_some, XK_PORT_BATCH_MAX), 1);
}

static struct xk_frame
receive_from_host(int fd)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};

    inet_pton(AF_INET, GUEST, &to.sin_addr);
    assert_int_equal(
        sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    return await(1, is_udp_of_ours);
}

static bool
has_whole_checksum(const struct xk_frame *frame)
{
    uint8_t before[2] = {frame->bytes[40], frame->bytes[41]};
    struct xk_frame_headers headers;

    assert_null(xk_frame_find_headers(frame->bytes, frame->length, &headers));
    xk_frame_write_checksum(frame->bytes, &headers);
    return memcmp(before, frame->bytes + 40, 2) == 0;
}

static void
only_a_guest_that_takes_them_gets_frames_without_checksum(void **state)
{
    const struct xk_port_features none = {0}, all = {true, true, true, true};
    struct xk_frame frame;
    int fd = bind_host();

    (void)state;
    open_tap(1);
    port->ops->limit(port, &none, 1);
    exchange_addresses(1);
    frame = receive_from_host(fd);
    assert_false(frame.checksum_missing);
    assert_true(has_whole_checksum(&frame));
    assert_memory_equal(frame.bytes + 42, "hello", 5);
    port->ops->limit(port, &all, 1);
    frame = receive_from_host(fd);
    assert_true(frame.checksum_missing);
    assert_false(has_whole_checksum(&frame));
    close(fd);
}

static void
frames_of_several_queues_reach_the_guest(void **state)
{
    (void)state;
    open_tap(4);
    exchange_addresses(4);
}

/* The kernel spreads flows over the queues; the guest uses fewer of them. */
static void
frames_come_by_the_queues_that_the_guest_uses_only(void **state)
{
    const struct xk_port_features all = {true, true, true, true};

    (void)state;
    open_tap(4);
    exchange_addresses(4);
    port->ops->limit(port, &all, 1);
    for (unsigned i = 0; i < 32; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void)receive_from_host(fd); /* from a port of its own */
        close(fd);
    }
    port->ops->limit(port, &all, 4);
    exchange_addresses(4);
}

static void
what_came_before_the_guest_was_there_is_dropped(void **state)
{
    const struct xk_port_features all = {true, true, true, true};
    struct xk_frame frame = {.bytes = room};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    struct pollfd readable = {.events = POLLIN};
    int fd = bind_host();

    (void)state;
    open_tap(1);
    exchange_addresses(1);
    while (port->ops->receive(port, 0, &frame))
        continue;
    inet_pton(AF_INET, GUEST, &to.sin_addr);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(
            sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)), 5);
    readable.fd = port->ops->fd(port, 0);
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    port->ops->limit(port, &all, 1);
    assert_false(port->ops->receive(port, 0, &frame));
    frame = receive_from_host(fd);
    assert_memory_equal(frame.bytes + 42, "hello", 5);
    close(fd);
}

/* What comes to the bridge of the host: any program sees it there. */
static int
watch_bridge(void)
{
    struct sockaddr_ll bridge = {.sll_family = AF_PACKET,
                                 .sll_protocol = htons(ETH_P_RARP),
                                 .sll_ifindex = (int)if_nametoindex("br0")};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&bridge, sizeof(bridge)), 0);
    return fd;
}

static void
the_network_is_told_where_the_guest_is(void **state)
{
    static const uint8_t head[] = {0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
    static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
    uint8_t frame[128];
    struct pollfd readable = {.fd = watch_bridge(), .events = POLLIN};

    (void)state;
    open_tap(2);
    xk_announce(port, guest_mac);
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
    assert_int_equal(recv(readable.fd, frame, sizeof(frame), 0), 60);
    assert_memory_equal(frame, everybody, 6);
    assert_memory_equal(frame + 6, guest_mac, 6);
    assert_memory_equal(frame + 12, head, sizeof(head));
    assert_memory_equal(frame + 22, guest_mac, 6);
    assert_memory_equal(frame + 32, guest_mac, 6);
    close(readable.fd);
}

static void
a_tap_is_gone_with_its_port(void **state)
{
    (void)state;
    open_tap(2);
    assert_int_not_equal(if_nametoindex("vif7.0"), 0);
    xk_port_close(port);
    port = NULL;
    assert_int_equal(if_nametoindex("vif7.0"), 0);
    open_tap(1);
}

static void
a_frame_whose_headers_lie_is_not_sent(void **state)
{
    uint8_t frame[60] = {[12] = 8, [14] = 0x4f};
    const struct xk_frame wrong = {
        .bytes = frame, .length = sizeof(frame), .checksum_missing = true};

    (void)state;
    open_tap(1);
    assert_false(xk_port_send(port, 0, &wrong));
}

static void
without_its_bridge_no_tap_is_made(void **state)
{
    const struct xk_port_options options = {.plug = {.bridge = "nosuch"},
                                            .card = {.device = "vif7.1"},
                                            .queues = 1,
                                            .deadline = soon()};
    const struct xk_port_options nameless = {
        .plug = {.bridge = "br0"}, .queues = 1, .deadline = soon()};

    (void)state;
    assert_null(xk_port_open_tap(&options, &err));
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_non_null(strstr(err.message, "nosuch"));
    assert_int_equal(if_nametoindex("vif7.1"), 0);
    assert_null(xk_port_open_tap(&nameless, &err));
    assert_int_equal(err.kind, XK_ERR_CONFIG);
}

enum {
    CLOSING_MS = 300, /* how long a predecessor takes to end */
};

static pid_t
end_slowly(const char *device)
{
    pid_t pid;
    int fd;

    if (xk_tap_create(device, NULL, 0, &fd, 1, soon(), &err) == -1)
        fail_msg("%s", err.message);
    pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        poll(NULL, 0, CLOSING_MS);
        _exit(0);
    }
    close(fd);
    return pid;
}

static void
the_tap_of_a_predecessor_is_waited_for_without_asking_its_switch(void **state)
{
    static const char program[] = "#!/bin/sh\necho $2 >>${0%/*}/notes\n";
    char *dir = scratch_new();
    XK_CLEANUP_FREE char *ovs = xk_asprintf("%s/ovs-vsctl", dir);
    XK_CLEANUP_FREE char *notes = xk_asprintf("%s/notes", dir);
    XK_CLEANUP_BUF struct xk_buf asked = {0};
    const struct xk_port_options options = {
        .plug = {.script = "vif-openvswitch", .bridge = "ovsbr0"},
        .card = {.device = "vif7.2", .mac = "00:16:3e:00:00:01"},
        .queues = 1,
        .deadline = soon()};
    pid_t pid = end_slowly("vif7.2");

    (void)state;
    assert_int_equal(
        xk_write_file(AT_FDCWD, ovs, program, strlen(program), false, &err), 0);
    assert_int_equal(chmod(ovs, 0755), 0);
    assert_int_equal(setenv("PATH", dir, 1), 0);
    port = xk_port_open_tap(&options, &err);
    if (port == NULL)
        fail_msg("%s", err.message);
    xk_process_reap(pid, NULL);
    assert_int_equal(xk_read_file(AT_FDCWD, notes, 4096, &asked, &err), 0);
    assert_string_equal(asked.data, "br-exists\n--bare\n--\n");
    scratch_free(dir);
}

int
main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        T(the_network_behind_the_bridge_answers_the_guest),
        T(a_missing_checksum_is_computed_on_the_way_out),
        T(frames_of_a_batch_are_sent_in_their_order),
        T(a_batch_of_any_size_costs_one_system_call),
        T(only_a_guest_that_takes_them_gets_frames_without_checksum),
        T(frames_of_several_queues_reach_the_guest),
        T(frames_come_by_the_queues_that_the_guest_uses_only),
        T(what_came_before_the_guest_was_there_is_dropped),
        T(the_network_is_told_where_the_guest_is),
        T(a_tap_is_gone_with_its_port),
        T(a_frame_whose_headers_lie_is_not_sent),
        T(without_its_bridge_no_tap_is_made),
        T(the_tap_of_a_predecessor_is_waited_for_without_asking_its_switch),
    };

    if (!own_network_enter()) {
        fputs("no network namespace or /dev/net/tun for a test\n", stderr);
        return 77;
    }
    if (own_network_add_bridge("br0") == -1)
        return 1;
    own_network_set_address("br0", HOST);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
