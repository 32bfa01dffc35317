/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about the host, about configuration files, and completion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/util.h"
#include "tests/unit/cli/world.h"
#include "tests/unit/test.h"

/* ---- the host ---- */

static void
test_info_prints_facts_as_xl_does(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_run(world, "info"), 0);
    assert_contains(world_out(world), "hypervisor             : kvm\n");
    assert_contains(world_out(world), "nr_cpus                : 4\n");
    assert_int_equal(world_run(world, "info nr_cpus"), 0);
    assert_string_equal(world_out(world), "4\n");
    assert_int_equal(world_run(world, "info nosuch"), 2);
    assert_number(world_run_json(world, "info --json"), "nr_cpus", 4);
    assert_member(world->json, "host", "there");
}

static void
test_capabilities_give_the_reason_of_what_is_missing(void **state)
{
    struct world *world = *state;
    const struct xk_json *tap;

    assert_int_equal(world_run(world, "capabilities"), 0);
    assert_contains(world_out(world), "xen=no: this is no Xen dom0\n");
    assert_contains(world_out(world), "kvm=yes\n");
    assert_contains(world_out(world), "vnc=yes\n");
    assert_contains(world_out(world), "tap=no: there is no /dev/net/tun\n");
    assert_contains(world_out(world), "accelerator=tcg\n");
    tap = xk_json_get(world_run_json(world, "capabilities --json"), "tap");
    assert_true(xk_json_is_false(xk_json_get(tap, "available")));
    assert_member(tap, "reason", "there is no /dev/net/tun");
    tap = xk_json_get(world->json, "kvm");
    assert_true(xk_json_is_true(xk_json_get(tap, "available")));
    assert_true(xk_json_is_null(xk_json_get(tap, "reason")));
    assert_member(world->json, "accelerator", "tcg");
}

static void
test_capabilities_work_where_nothing_else_does(void **state)
{
    struct world *world = *state;

    world_fail_with(XK_ERR_HOST);
    assert_int_equal(world_run(world, "capabilities"), 0);
    assert_contains(world_out(world), "kvm=no: injected \"host\"\n");
}

/* ---- monitor ---- */

static void
test_the_monitor_tells_systemd_when_it_is_ready(void **state)
{
    struct world *world = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    char text[32] = "";

    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
             world->scratch);
    assert_int_equal(
        bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    assert_int_equal(world_run(world, "monitor --until-idle"), 0);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(recv(fd, text, sizeof(text) - 1, 0), strlen("READY=1"));
    assert_string_equal(text, "READY=1");
    close(fd);
}

static void
test_the_monitors_status_is_told_and_starts_none(void **state)
{
    struct world *world = *state;

    assert_true(xk_json_is_false(xk_json_get(
        world_run_json(world, "monitor --status --json"), "running")));
    assert_true(xk_json_is_null(xk_json_get(world->json, "pid")));
    assert_int_equal(world_run(world, "monitor --status"), 0);
    assert_string_equal(world_out(world), "not running\n");
}

/* ---- check ---- */

static void
test_check_finds_every_problem_of_every_file(void **state)
{
    struct world *world = *state;
    const struct xk_json *files, *problem;
    char good[600], line[1400];

    snprintf(good, sizeof(good), "%s", world_config(world, "good", ""));
    snprintf(line, sizeof(line), "check --json %s %s", good,
             world_config(world, "bad", "nmae = 'x'\nmaxvcpus = 'many'"));
    assert_int_equal(world_run(world, line), 2);
    world->json = xk_json_parse(world->invocation.out.data,
                                world->invocation.out.length, "result", NULL);
    files = xk_json_get(world->json, "files");
    assert_int_equal(xk_json_length(files), 2);
    assert_member(xk_json_at(files, 0), "file", good);
    assert_int_equal(
        xk_json_length(xk_json_get(xk_json_at(files, 0), "problems")), 0);
    assert_number(xk_json_at(files, 1), "errors", 1);
    assert_number(xk_json_at(files, 1), "warnings", 1);
    problem = xk_json_at(xk_json_get(xk_json_at(files, 1), "problems"), 0);
    assert_member(problem, "severity", "warning");
    assert_number(problem, "line", 5);
    assert_contains(world->err.message, "1 of 2 files");
}

static void
test_check_prints_lines_with_places(void **state)
{
    struct world *world = *state;
    const char *path = world_config(world, "web", "nmae = 'x'");
    char line[600], expected[600];

    snprintf(line, sizeof(line), "check %s", path);
    assert_int_equal(world_run(world, line), 0);
    snprintf(expected, sizeof(expected), "%s:5:1: warning: ", path);
    assert_contains(world_out(world), expected);
    snprintf(line, sizeof(line), "check --strict %s", path);
    assert_int_equal(world_run(world, line), 2);
    snprintf(line, sizeof(line), "check %s/nosuch.cfg", world->scratch);
    assert_int_equal(world_run(world, line), 2);
    assert_contains(world_out(world), "nosuch.cfg");
    assert_contains(world_out(world), ": error: ");
}

static void
test_check_says_what_a_hypervisor_cannot_do(void **state)
{
    struct world *world = *state;
    const char *path = world_config(world, "web", "seclabel = 'a:b:c'");
    char line[600];

    snprintf(line, sizeof(line), "check --on xen %s", path);
    assert_int_equal(world_run(world, line), 0);
    snprintf(line, sizeof(line), "check --on kvm --strict %s", path);
    assert_int_equal(world_run(world, line), 2);
    assert_contains(world_out(world), "seclabel");
}

static void
test_config_keys_are_rows_of_tabs(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_run(world, "config-keys"), 0);
    assert_contains(world_out(world), "name\tstring\t1\tsame\tsame\n");
    assert_contains(world_out(world), "type\tpv|pvh|hvm\t1\tsame\tmapped\n");
    assert_true(xk_json_length(world_run_json(world, "config-keys --json")) >
                100);
}

/* ---- completion ---- */

/* The candidates for the last of the words, as one line. */
static const char *
complete(struct world *world, const char *words)
{
    static char line[256];
    size_t index = 0;

    for (const char *p = words; *p != '\0'; p++)
        index += *p == ' ';
    snprintf(line, sizeof(line), "complete -- %zu %s", index, words);
    assert_int_equal(world_run(world, line), 0);
    for (char *p = world->invocation.out.data; *p != '\0'; p++) {
        if (*p == '\n')
            *p = p[1] == '\0' ? '\0' : ' ';
    }
    return world_out(world);
}

static void
test_verbs_and_their_options_are_completed(void **state)
{
    struct world *world = *state;

    assert_string_equal(complete(world, "xk re"),
                        "=reboot =reset =restore =rename");
    assert_string_equal(complete(world, "xk --json -v sh"), "=shutdown");
    assert_string_equal(complete(world, "xk create --d"),
                        "=--dry-run =--defconfig =--debug");
    assert_string_equal(complete(world, "xk help un"), "=unpause");
    assert_null(strstr(complete(world, "xk c"), "complete"));
    assert_string_equal(complete(world, "xk nosuch x"), "");
    assert_null(strstr(complete(world, "xk create --"), "--vncviewer"));
    assert_non_null(strstr(complete(world, "xk list --"), "--timeout"));
}

static void
test_values_of_options_are_completed(void **state)
{
    struct world *world = *state;

    assert_string_equal(complete(world, "xk --hypervisor k"), "=kvm");
    assert_string_equal(complete(world, "xk --hypervisor=x"),
                        "=--hypervisor=xen");
    assert_string_equal(complete(world, "xk check --on k"), "=kvm");
    assert_string_equal(complete(world, "xk console -t s"), "=serial");
    assert_string_equal(complete(world, "xk create -pf x"), "files");
    assert_string_equal(complete(world, "xk create --defconfig=x"), "files");
    assert_string_equal(complete(world, "xk --timeout 5 pau"), "=pause");
}

static void
test_domains_are_completed_by_name(void **state)
{
    struct world *world = *state;
    char line[600];

    snprintf(line, sizeof(line), "create -q %s",
             world_config(world, "web", ""));
    assert_int_equal(world_run(world, line), 0);
    assert_string_equal(complete(world, "xk pause w"), "=web");
    assert_string_equal(complete(world, "xk pause -- w"), "=web");
    assert_string_equal(complete(world, "xk pause web w"), "");
    assert_string_equal(complete(world, "xk list web w"), "=web");
    assert_string_equal(complete(world, "xk rename web w"), "");
    world_fail_with(XK_ERR_HOST);
    assert_string_equal(complete(world, "xk pause w"), "");
}

static void
test_files_and_then_keys_are_completed(void **state)
{
    struct world *world = *state;

    assert_string_equal(complete(world, "xk create a"), "files");
    assert_string_equal(complete(world, "xk create a.cfg maxv"),
                        "=maxvcpus= nospace");
    assert_string_equal(complete(world, "xk create name=x memo"),
                        "=memory= nospace");
    assert_string_equal(complete(world, "xk create a.cfg acpi="),
                        "=acpi=0 =acpi=1");
    assert_string_equal(complete(world, "xk check a b"), "files");
}

#define host_test(f)                                                           \
    cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        host_test(test_info_prints_facts_as_xl_does),
        host_test(test_capabilities_give_the_reason_of_what_is_missing),
        host_test(test_capabilities_work_where_nothing_else_does),
        host_test(test_the_monitor_tells_systemd_when_it_is_ready),
        host_test(test_the_monitors_status_is_told_and_starts_none),
        host_test(test_check_finds_every_problem_of_every_file),
        host_test(test_check_prints_lines_with_places),
        host_test(test_check_says_what_a_hypervisor_cannot_do),
        host_test(test_config_keys_are_rows_of_tabs),
        host_test(test_verbs_and_their_options_are_completed),
        host_test(test_values_of_options_are_completed),
        host_test(test_domains_are_completed_by_name),
        host_test(test_files_and_then_keys_are_completed),
    };

    unsetenv("XK_HYPERVISOR");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
