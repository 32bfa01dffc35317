/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network devices as the kernel counts them, in a namespace of the test's own.
 */
#include "net-helpers/link.h"

#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "net-helpers/tap.h"
#include "tests/fakes/own_network.h"
#include "tests/unit/test.h"

enum {
    FRAME_BYTES = 60,
    VNET_HEADER_BYTES = 10,
    WAIT_MS = 5000,
};

static struct xk_net_link
read_link(const char *name)
{
    struct xk_net_link link;
    struct xk_error err = {0};

    if (xk_net_link_read(name, &link, xk_deadline_in_ms(WAIT_MS), &err) == -1)
        fail_msg("%s", err.message);
    return link;
}

/* On the bridge. */
static int
make_tap(const char *name, unsigned mtu)
{
    struct xk_error err = {0};
    int fd;

    if (xk_tap_create(name, "br0", mtu, &fd, 1, xk_deadline_in_ms(WAIT_MS),
                      &err) == -1)
        fail_msg("%s", err.message);
    return fd;
}

static void
a_device_tells_its_bridge_and_its_mtu(void **context)
{
    XK_CLEANUP_CLOSE int fd = make_tap("t0", 1400);
    struct xk_net_link link;

    (void)context;
    (void)fd;
    link = read_link("t0");
    assert_string_equal(link.bridge, "br0");
    assert_int_equal(link.mtu, 1400);
    assert_string_equal(read_link("br0").bridge, "");
}

static void
what_is_written_to_a_tap_is_received_by_the_host(void **context)
{
    XK_CLEANUP_CLOSE int fd = make_tap("t1", 0);
    unsigned char frame[VNET_HEADER_BYTES + FRAME_BYTES] = {0};
    struct xk_net_link link;

    (void)context;
    memset(frame + VNET_HEADER_BYTES, 0xff, 6);
    frame[VNET_HEADER_BYTES + 6] = 0x02;
    for (int i = 0; i < 3; i++)
        assert_int_equal(write(fd, frame, sizeof(frame)), sizeof(frame));
    link = read_link("t1");
    assert_int_equal(link.rx_packets, 3);
    assert_true(link.rx_bytes >= 3 * (FRAME_BYTES - 14));
}

static void
a_device_that_is_missing_is_not_found(void **context)
{
    static const char *const names[] = {"nosuch", "", "../br0", "br0:1",
                                        "a-name-longer-than-any"};

    (void)context;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct xk_net_link link;
        struct xk_error err = {0};

        assert_int_equal(
            xk_net_link_read(names[i], &link, xk_deadline_in_ms(WAIT_MS), &err),
            -1);
        assert_int_equal(err.kind, XK_ERR_NOT_FOUND);
    }
}

static void
a_tap_gets_its_whole_name_or_is_not_made(void **context)
{
    struct xk_error err = {0};
    int fd;

    (void)context;
    assert_int_equal(xk_tap_create("vif12345.1000000", NULL, 0, &fd, 1,
                                   xk_deadline_in_ms(WAIT_MS), &err),
                     -1);
    assert_int_equal(err.kind, XK_ERR_CONFIG);
    assert_non_null(strstr(err.message, "\"vif12345.1000000\" is not a name"));
    assert_int_equal(if_nametoindex("vif12345.100000"), 0);
}

/* In a process that is killed, as xk-backend may be. */
static pid_t
hold_elsewhere(int fd)
{
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid != 0) {
        close(fd);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        pause();
}

static void
the_end_of_a_device_is_waited_for(void **context)
{
    struct xk_deadline soon = xk_deadline_in_ms(WAIT_MS);
    pid_t pid = hold_elsewhere(make_tap("t3", 0));

    (void)context;
    assert_true(xk_net_link_await_gone("nosuch", soon));
    assert_false(xk_net_link_await_gone("t3", xk_deadline_in_ms(50)));
    kill(pid, SIGKILL);
    assert_true(xk_net_link_await_gone("t3", soon));
    assert_true(xk_deadline_left_ms(soon) > 0);
    xk_process_reap(pid, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_tells_its_bridge_and_its_mtu),
        cmocka_unit_test(what_is_written_to_a_tap_is_received_by_the_host),
        cmocka_unit_test(a_device_that_is_missing_is_not_found),
        cmocka_unit_test(a_tap_gets_its_whole_name_or_is_not_made),
        cmocka_unit_test(the_end_of_a_device_is_waited_for),
    };

    if (!own_network_enter() || own_network_add_bridge("br0") == -1)
        return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
