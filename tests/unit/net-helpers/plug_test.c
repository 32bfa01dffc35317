/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Plugs in a network of the test's own. A program of ours takes the place of
 * ovs-vsctl; tests/lab/suites/plugs.xen has a real switch. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "net-helpers/plug.h"
#include "tests/fakes/own_network.h"
#include "tests/fakes/scratch.h"

enum {
    PATIENCE_MS = 20000,
    SHORT_MS = 300,
    TEXT_MAX = 4096,
    SKIPPED = 77,
    OTHER_GID = 1,
};

/* Writes down how it was run, but not the variables that sh itself sets. */
#define NOTES "/bin/echo \"$*\" >>\"${0%/*}/notes\"\n"
#define NOTES_ALL                                                              \
    NOTES "/usr/bin/env | /bin/grep -v -e ^PWD= -e ^_= -e ^SHLVL= |"           \
          " LC_ALL=C /usr/bin/sort >\"${0%/*}/variables\"\n"

struct fixture {
    char *dir, *script, *mark;
    struct xk_plug plug;
    struct xk_plug_card card;
    int fd; /* of the TAP */
    struct xk_error err;
    char *path; /* of programs */
};

static int
set_up(void **state)
{
    struct fixture *f = XK_NEW(struct fixture);

    *state = f;
    f->dir = scratch_new();
    f->script = xk_asprintf("%s/script", f->dir);
    f->mark = xk_asprintf("%s/plugged", f->dir);
    f->fd = -1;
    f->path = xk_strdup(getenv("PATH"));
    f->plug = (struct xk_plug){.script = f->script, .bridge = "br0"};
    f->card = (struct xk_plug_card){.device = "vif9.0",
                                    .mac = "00:16:3e:00:00:01",
                                    .dir_fd = AT_FDCWD,
                                    .mark = f->mark};
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    if (f->fd != -1)
        close(f->fd);
    setenv("PATH", f->path, 1);
    free(f->path);
    free(f->script);
    free(f->mark);
    scratch_free(f->dir);
    free(f);
    return 0;
}

static void
write_script(struct fixture *f, const char *body)
{
    XK_CLEANUP_FREE char *text = xk_asprintf("#!/bin/sh\n%s", body);

    assert_int_equal(
        xk_write_file(AT_FDCWD, f->script, text, strlen(text), false, &f->err),
        0);
    assert_int_equal(chmod(f->script, 0755), 0);
}

static void
assert_file(const struct fixture *f, const char *name, const char *expected)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/%s", f->dir, name);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    assert_int_equal(xk_read_file(AT_FDCWD, path, TEXT_MAX, &text, NULL), 0);
    assert_string_equal(text.data, expected);
}

static bool
has_mark(const struct fixture *f)
{
    return access(f->mark, F_OK) == 0;
}

static int
plug_in(struct fixture *f, int ms)
{
    return xk_plug_in(&f->plug, &f->card, &f->fd, 1, xk_deadline_in_ms(ms),
                      &f->err);
}

static void
assert_plugged_in(struct fixture *f)
{
    if (plug_in(f, PATIENCE_MS) == -1)
        fail_msg("%s", f->err.message);
    assert_int_not_equal(if_nametoindex(f->card.device), 0);
}

/* The TAP goes first, as it does when its process ends. */
static int
plug_out(struct fixture *f)
{
    close(f->fd);
    f->fd = -1;
    return xk_plug_out(f->card.dir_fd, f->card.mark,
                       xk_deadline_in_ms(PATIENCE_MS), &f->err);
}

static void
assert_refused(struct fixture *f, const char *word)
{
    assert_int_equal(plug_in(f, PATIENCE_MS), -1);
    if (strstr(f->err.message, word) == NULL)
        fail_msg("\"%s\" is not in: %s", word, f->err.message);
    f->fd = -1;
    assert_int_equal(if_nametoindex(f->card.device), 0);
}

/* ---- which plug it is ---- */

static void
a_script_of_xen_s_is_the_same_by_name_and_by_path(void **state)
{
    static const struct {
        const char *script;
        enum xk_plug_kind kind;
    } rows[] = {
        {NULL, XK_PLUG_BRIDGE},
        {"vif-bridge", XK_PLUG_BRIDGE},
        {"/etc/xen/scripts/vif-bridge", XK_PLUG_BRIDGE},
        {"vif-route", XK_PLUG_ROUTE},
        {"vif-openvswitch", XK_PLUG_VSWITCH},
        {"vif-nat", XK_PLUG_SCRIPT},
        {"/usr/local/vif-bridge", XK_PLUG_SCRIPT},
        {"/etc/xen/scripts/", XK_PLUG_SCRIPT},
        {"", XK_PLUG_SCRIPT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(xk_plug_kind(rows[i].script), rows[i].kind);
}

/* ---- scripts ---- */

static void
a_script_is_run_as_libxl_runs_it(void **state)
{
    struct fixture *f = *state;
    XK_CLEANUP_FREE char *expected = xk_asprintf(
        "LANG=C\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "XENBUS_BASE_PATH=backend\n"
        "XENBUS_PATH=backend/xkvif/9/0\n"
        "XENBUS_TYPE=vif\n"
        "bridge=br0\n"
        "mac=00:16:3e:00:00:01\n"
        "netdev=\n"
        "script=%s\n"
        "vif=vif9.0\n",
        f->script);

    write_script(f, NOTES_ALL);
    f->card.store = "backend/xkvif/9/0";
    assert_plugged_in(f);
    assert_true(has_mark(f));
    assert_file(f, "notes", "online type_if=vif\n");
    assert_file(f, "variables", expected);
    assert_int_equal(plug_out(f), 0);
    assert_false(has_mark(f));
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
without_a_store_a_script_has_all_in_its_environment(void **state)
{
    struct fixture *f = *state;
    XK_CLEANUP_FREE char *expected = xk_asprintf(
        "LANG=C\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "XK_DOMAIN=00000000-0000-0000-0000-000000000001\n"
        "bridge=br0\n"
        "ip=10.1.2.3\n"
        "mac=00:16:3e:00:00:01\n"
        "mtu=1400\n"
        "netdev=eth0\n"
        "script=%s\n"
        "vif=vif9.0\n"
        "vifname=web\n",
        f->script);

    write_script(f, NOTES_ALL);
    f->plug.ip = "10.1.2.3";
    f->plug.gatewaydev = "eth0";
    f->card.vifname = "web";
    f->card.mtu = 1400;
    f->card.domain = "00000000-0000-0000-0000-000000000001";
    assert_plugged_in(f);
    assert_file(f, "variables", expected);
}

static void
a_script_may_rename_the_tap(void **state)
{
    struct fixture *f = *state;

    write_script(f, "[ $1 = offline ] || ip link set $vif name own");
    assert_int_equal(plug_in(f, PATIENCE_MS), 0);
    assert_int_not_equal(if_nametoindex("own"), 0);
    assert_int_equal(if_nametoindex("vif9.0"), 0);
    assert_int_equal(plug_out(f), 0);
}

static void
the_error_of_a_script_is_what_it_said_last(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES "[ $1 = offline ] || { echo so; echo 'no port';"
                          " exit 3; }");
    assert_refused(f, "online\" failed with exit status 3: no port");
    /* It may have done half of its work. */
    assert_true(has_mark(f));
    assert_int_equal(xk_plug_out(f->card.dir_fd, f->card.mark,
                                 xk_deadline_in_ms(PATIENCE_MS), &f->err),
                     0);
    assert_false(has_mark(f));
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
what_was_plugged_in_before_a_kill_is_undone_first(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES);
    assert_plugged_in(f);
    close(f->fd);
    assert_plugged_in(f);
    assert_file(f, "notes",
                "online type_if=vif\noffline type_if=vif\n"
                "online type_if=vif\n");
}

/* It could not be taken out. */
static void
a_plug_with_too_many_words_is_refused(void **state)
{
    struct fixture *f = *state;
    char words[20000];

    memset(words, '1', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    f->plug.ip = words;
    write_script(f, NOTES);
    assert_refused(f, "longer than");
    assert_false(has_mark(f));
    assert_int_equal(scratch_count(f->dir, ""), 1);
}

static void
a_card_that_was_never_plugged_in_is_not_taken_out(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES);
    assert_int_equal(xk_plug_out(f->card.dir_fd, f->card.mark,
                                 xk_deadline_in_ms(PATIENCE_MS), &f->err),
                     0);
    assert_int_equal(scratch_count(f->dir, ""), 1);
}

static void
a_script_that_does_not_end_is_killed(void **state)
{
    struct fixture *f = *state;

    write_script(f, "sleep 1000");
    assert_int_equal(plug_in(f, SHORT_MS), -1);
    f->fd = -1;
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_int_equal(if_nametoindex(f->card.device), 0);
}

static void
a_script_that_fails_at_the_end_is_not_run_again(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES "[ $1 = online ]");
    assert_plugged_in(f);
    assert_int_equal(plug_out(f), -1);
    assert_false(has_mark(f));
    assert_int_equal(plug_out(f), 0);
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
a_caller_whose_time_is_over_leaves_nothing_plugged_in(void **state)
{
    struct fixture *f = *state;

    write_script(f, NOTES);
    assert_plugged_in(f);
    assert_int_equal(
        xk_plug_out(AT_FDCWD, f->mark, xk_deadline_in_ms(0), &f->err), 0);
    assert_file(f, "notes", "online type_if=vif\noffline type_if=vif\n");
}

static void
a_script_that_cannot_be_trusted_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "No such file");
    write_script(f, "");
    assert_int_equal(chmod(f->script, 0644), 0);
    assert_refused(f, "not an executable file");
    assert_int_equal(chmod(f->script, 0757), 0);
    assert_refused(f, "others may not write");
    assert_int_equal(chmod(f->script, 0775), 0);
    assert_int_equal(chown(f->script, (uid_t)-1, OTHER_GID), 0);
    assert_refused(f, "others may not write");
    f->plug.script = "../script";
    assert_refused(f, "neither an absolute path nor a name");
    f->plug.script = "nosuch-script";
    assert_refused(f, "/etc/xen/scripts/nosuch-script");
}

/* ---- routes ---- */

/* Whether a line of the file begins with the text. */
static bool
has_line(const char *path, const char *text)
{
    XK_CLEANUP_BUF struct xk_buf lines = {0};
    XK_CLEANUP_FREE char *start = xk_asprintf("\n%s", text);

    xk_buf_puts(&lines, "\n");
    assert_int_equal(xk_read_file(AT_FDCWD, path, TEXT_MAX, &lines, NULL), 0);
    return strstr(lines.data, start) != NULL;
}

/* The kernel's words: device, network and gateway, the latter two as numbers
 * of the processor's byte order. */
#define TO_10_9_1_2 "vif9.0\t0201090A\t00000000"
#define TO_10_9_2_0 "vif9.0\t0002090A\t00000000"

static void
a_routed_card_has_a_route_for_each_of_its_addresses(void **state)
{
    struct fixture *f = *state;

    f->plug = (struct xk_plug){.script = "vif-route",
                               .ip = " 10.9.1.2  10.9.2.0/24 fd00::2 "};
    assert_plugged_in(f);
    assert_false(has_mark(f));
    assert_true(has_line("/proc/self/net/route", TO_10_9_1_2));
    assert_true(has_line("/proc/self/net/route", TO_10_9_2_0));
    assert_true(has_line("/proc/self/net/ipv6_route",
                         "fd000000000000000000000000000002 80 "));
    assert_true(has_line("/proc/sys/net/ipv4/conf/vif9.0/proxy_arp", "1"));
    assert_int_equal(plug_out(f), 0);
    assert_false(has_line("/proc/self/net/route", TO_10_9_1_2));
}

static void
the_host_speaks_to_it_from_the_address_of_its_gatewaydev(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)}, from;
    socklen_t length = sizeof(from);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    f->plug = (struct xk_plug){
        .script = "vif-route", .ip = "10.9.1.2", .gatewaydev = "br0"};
    assert_plugged_in(f);
    assert_int_equal(inet_pton(AF_INET, "10.9.1.2", &to.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&from, &length), 0);
    assert_string_equal(inet_ntoa(from.sin_addr), "10.9.0.1");
    close(fd);
}

static void
an_address_that_has_a_route_already_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;

    f->plug = (struct xk_plug){.script = "vif-route", .ip = "10.9.1.2"};
    assert_plugged_in(f);
    other.plug = f->plug;
    other.card.device = "vif9.1";
    assert_refused(&other, "add a route to \"10.9.1.2\": File exists");
}

static void
what_is_no_route_is_refused(void **state)
{
    static const struct {
        const char *ip, *gatewaydev, *word;
    } rows[] = {
        {NULL, NULL, "needs the addresses of the guest"},
        {"  ", NULL, "needs the addresses of the guest"},
        {"10.9.1", NULL, "\"10.9.1\" is not an IPv4 or IPv6 address"},
        {"10.9.1.2 fd00::x", NULL, "\"fd00::x\" is not"},
        {"10.9.1.2/33", NULL, "a number to 32"},
        {"10.9.1.2/", NULL, "a number to 32"},
        {"fd00::/129", NULL, "a number to 128"},
        {"10.9.1.2/24", NULL, "bits beyond its length"},
        {"10.9.1.2", "nosuch", "no network device \"nosuch\""},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f->plug = (struct xk_plug){.script = "vif-route",
                                   .ip = rows[i].ip,
                                   .gatewaydev = rows[i].gatewaydev};
        assert_refused(f, rows[i].word);
    }
}

static void
more_addresses_than_anybody_needs_are_refused(void **state)
{
    struct fixture *f = *state;
    XK_CLEANUP_BUF struct xk_buf ip = {0};

    for (unsigned i = 0; i < 65; i++)
        xk_buf_printf(&ip, "10.9.1.%u ", i);
    f->plug = (struct xk_plug){.script = "vif-route", .ip = ip.data};
    assert_refused(f, "more than 64 addresses");
}

/* ---- Open vSwitch, with a program of ours in place of ovs-vsctl ---- */

/* It writes down how it was run, prints and exits as told. */
static void
pretend(struct fixture *f, const char *body)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/ovs-vsctl", f->dir);
    XK_CLEANUP_FREE char *script =
        xk_asprintf("#!/bin/sh\nshift\n%s%s\n", NOTES, body);

    assert_int_equal(
        xk_write_file(AT_FDCWD, path, script, strlen(script), false, &f->err),
        0);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(setenv("PATH", f->dir, 1), 0);
}

static void
forget_notes(struct fixture *f)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/notes", f->dir);

    assert_int_equal(unlink(path), 0);
}

#define FIND "--bare --columns=name find Interface name=\"vif9.0\""

static void
a_port_of_a_switch_is_made_in_one_step_and_removed(void **state)
{
    struct fixture *f = *state;

    pretend(f, "");
    f->plug = (struct xk_plug){.script = "vif-openvswitch",
                               .bridge = "ovsbr0.10:20:30"};
    f->card.domain = "00000000-0000-0000-0000-000000000001";
    assert_plugged_in(f);
    assert_true(has_mark(f));
    assert_file(f, "notes",
                "br-exists ovsbr0\n" FIND "\n"
                "-- --if-exists del-port vif9.0 -- add-port ovsbr0 vif9.0 "
                "tag=10 trunks=20,30 vlan_mode=native-untagged -- set "
                "Interface vif9.0 external-ids:attached-mac="
                "\"00:16:3e:00:00:01\" external-ids:vm-id="
                "\"00000000-0000-0000-0000-000000000001\" "
                "external-ids:iface-status=active\n");
    pretend(f, "[ $1 != --bare ] || echo vif9.0");
    forget_notes(f);
    assert_int_equal(plug_out(f), 0);
    assert_file(f, "notes",
                FIND " external-ids:attached-mac=\"00:16:3e:00:00:01\" "
                     "external-ids:vm-id="
                     "\"00000000-0000-0000-0000-000000000001\"\n"
                     "--no-wait -- --if-exists del-port vif9.0\n");
    assert_false(has_mark(f));
}

static void
a_port_that_is_another_s_by_now_is_not_removed(void **state)
{
    struct fixture *f = *state;

    pretend(f, "");
    f->plug = (struct xk_plug){.script = "vif-openvswitch", .bridge = "o"};
    assert_plugged_in(f);
    forget_notes(f);
    assert_int_equal(plug_out(f), 0);
    assert_file(f, "notes",
                FIND " external-ids:attached-mac=\"00:16:3e:00:00:01\"\n");
    assert_false(has_mark(f));
}

/* The card's device has just been made, so a guest's port has lost its own. */
static void
a_port_that_a_guest_has_left_is_replaced(void **state)
{
    struct fixture *f = *state;

    pretend(f, "[ $1 != --bare ] || echo vif9.0");
    f->plug = (struct xk_plug){.script = "vif-openvswitch", .bridge = "o"};
    assert_plugged_in(f);
}

static void
a_port_of_the_host_s_own_is_not_replaced(void **state)
{
    struct fixture *f = *state;

    pretend(f, "[ $# != 5 ] || echo vif9.0");
    f->plug = (struct xk_plug){.script = "vif-openvswitch", .bridge = "o"};
    assert_refused(f, "already has a port \"vif9.0\"");
    assert_int_equal(f->err.kind, XK_ERR_IN_USE);
    assert_file(f, "notes",
                "br-exists o\n" FIND "\n" FIND
                " external-ids:attached-mac!=\"\"\n");
}

static void
a_port_without_vlans_has_all(void **state)
{
    struct fixture *f = *state;

    pretend(f, "");
    f->plug = (struct xk_plug){.script = "vif-openvswitch", .bridge = "o"};
    assert_plugged_in(f);
    assert_file(f, "notes",
                "br-exists o\n" FIND "\n"
                "-- --if-exists del-port vif9.0 -- add-port o vif9.0 -- set "
                "Interface vif9.0 external-ids:attached-mac="
                "\"00:16:3e:00:00:01\" external-ids:iface-status=active\n");
}

static void
what_a_switch_cannot_do_is_an_error(void **state)
{
    static const struct {
        const char *bridge, *body, *word;
    } rows[] = {
        {"o", "exit 2", "no Open vSwitch \"o\": make it"},
        {"o", "echo 'ovs-vsctl: no database' >&2; exit 1", "no database"},
        {"o", "exit 1", "ovs-vsctl failed"},
        {"o", "kill -9 $$", "ovs-vsctl failed"},
        {"o",
         "[ $1 = br-exists ] || echo 'ovs-vsctl: Error detected while' >&2",
         "Error detected"},
        {"o.5000", "", "bridge \"o.5000\": a VLAN is a number"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pretend(f, rows[i].body);
        f->plug = (struct xk_plug){.script = "vif-openvswitch",
                                   .bridge = rows[i].bridge};
        assert_refused(f, rows[i].word);
    }
}

static void
a_switch_that_does_not_answer_is_given_up_at_the_deadline(void **state)
{
    struct xk_deadline patience = xk_deadline_in_ms(PATIENCE_MS / 4);
    struct fixture *f = *state;

    pretend(f, "exec /bin/sleep 1000");
    f->plug = (struct xk_plug){.script = "vif-openvswitch", .bridge = "o"};
    assert_int_equal(plug_in(f, SHORT_MS), -1);
    assert_int_equal(f->err.kind, XK_ERR_TIMEOUT);
    assert_true(xk_deadline_left_ms(patience) > 0);
    f->fd = -1;
}

static void
without_its_program_a_switch_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(setenv("PATH", f->dir, 1), 0);
    f->plug = (struct xk_plug){.script = "vif-openvswitch", .bridge = "o"};
    assert_refused(f, "needs the package openvswitch-switch");
    assert_int_equal(f->err.kind, XK_ERR_HOST);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_script_of_xen_s_is_the_same_by_name_and_by_path),
        T(a_script_is_run_as_libxl_runs_it),
        T(without_a_store_a_script_has_all_in_its_environment),
        T(a_script_may_rename_the_tap),
        T(the_error_of_a_script_is_what_it_said_last),
        T(what_was_plugged_in_before_a_kill_is_undone_first),
        T(a_plug_with_too_many_words_is_refused),
        T(a_card_that_was_never_plugged_in_is_not_taken_out),
        T(a_script_that_does_not_end_is_killed),
        T(a_script_that_fails_at_the_end_is_not_run_again),
        T(a_caller_whose_time_is_over_leaves_nothing_plugged_in),
        T(a_script_that_cannot_be_trusted_is_refused),
        T(a_routed_card_has_a_route_for_each_of_its_addresses),
        T(the_host_speaks_to_it_from_the_address_of_its_gatewaydev),
        T(an_address_that_has_a_route_already_is_refused),
        T(what_is_no_route_is_refused),
        T(more_addresses_than_anybody_needs_are_refused),
        T(a_port_of_a_switch_is_made_in_one_step_and_removed),
        T(a_port_that_is_another_s_by_now_is_not_removed),
        T(a_port_that_a_guest_has_left_is_replaced),
        T(a_port_of_the_host_s_own_is_not_replaced),
        T(a_port_without_vlans_has_all),
        T(what_a_switch_cannot_do_is_an_error),
        T(a_switch_that_does_not_answer_is_given_up_at_the_deadline),
        T(without_its_program_a_switch_is_refused),
    };

    if (!own_network_enter() || own_network_add_bridge("br0") == -1)
        return SKIPPED;
    own_network_set_address("br0", "10.9.0.1");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
