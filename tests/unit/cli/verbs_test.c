/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/util.h"
#include "cli/output.h"
#include "tests/unit/cli/world.h"
#include "tests/unit/test.h"

static void
create(struct world *world, const char *name)
{
    char line[600];

    snprintf(line, sizeof(line), "create -q %s", world_config(world, name, ""));
    if (world_run(world, line) != 0)
        fail_msg("create: %s", world->err.message);
}

/* ---- create ---- */

static void
test_create_makes_a_running_domain(void **state)
{
    struct world *world = *state;

    create(world, "web");
    assert_string_equal(world_out(world), "");
    assert_member(xk_json_at(world_run_json(world, "--json list"), 0), "state",
                  "running");
}

static void
test_create_paused_leaves_it_paused(void **state)
{
    struct world *world = *state;
    char line[600];

    snprintf(line, sizeof(line), "--json create -p %s",
             world_config(world, "web", ""));
    assert_member(world_run_json(world, line), "state", "paused");
    assert_member(world->json, "name", "web");
}

static void
test_overrides_win_over_the_file(void **state)
{
    struct world *world = *state;
    char line[600];

    snprintf(line, sizeof(line), "--json create %s name='db' memory=96",
             world_config(world, "web", ""));
    assert_member(world_run_json(world, line), "name", "db");
    assert_number(
        xk_json_get(xk_json_at(world_run_json(world, "list -l"), 0), "config"),
        "memory_mib", 96);
}

static void
test_overrides_alone_make_a_domain(void **state)
{
    struct world *world = *state;

    assert_member(
        world_run_json(world, "--json create name='x' type='hvm' memory=64"),
        "name", "x");
    assert_int_equal(
        world_run(world, "create -q /dev/null name='y' type='hvm' memory=64"),
        0);
    assert_int_equal(world_run(world, "create"), 2);
    assert_contains(world->err.message, "needs a file");
    assert_int_equal(world_run(world, "create a.cfg b.cfg"), 2);
    assert_contains(world->err.message, "takes one file");
}

static void
test_a_wrong_configuration_makes_nothing(void **state)
{
    struct world *world = *state;
    char line[600];

    snprintf(line, sizeof(line), "--json create %s",
             world_config(world, "web", "maxvcpus = 'many'\nnmae = 'x'"));
    assert_int_equal(world_run(world, line), 2);
    assert_string_equal(world_out(world), "");
    world->json =
        xk_json_parse(world->lines.data, world->lines.length, "error", NULL);
    assert_number(xk_json_get(world->json, "error"), "code", 2);
    assert_member(xk_json_get(world->json, "error"), "kind", "config");
    assert_int_equal(xk_json_length(xk_json_get(
                         xk_json_get(world->json, "error"), "problems")),
                     2);
    assert_int_equal(xk_json_length(world_run_json(world, "--json list")), 0);
}

static void
test_warnings_are_lines_of_json(void **state)
{
    struct world *world = *state;
    const struct xk_json *problem;
    char line[600];

    snprintf(line, sizeof(line), "--json create %s",
             world_config(world, "web", "nmae = 'x'"));
    assert_int_equal(world_run(world, line), 0);
    world->json =
        xk_json_parse(world->lines.data, world->lines.length, "line", NULL);
    problem = xk_json_get(world->json, "problem");
    assert_member(problem, "severity", "warning");
    assert_number(problem, "line", 5);
    assert_number(problem, "column", 1);
    assert_contains(xk_json_string(xk_json_get(problem, "message")), "nmae");
}

static void
test_strict_takes_warnings_for_errors(void **state)
{
    struct world *world = *state;
    char line[600];

    snprintf(line, sizeof(line), "create -q --strict %s",
             world_config(world, "web", "nmae = 'x'"));
    assert_int_equal(world_run(world, line), 2);
}

static void
test_a_dry_run_makes_nothing_and_says_what_it_would(void **state)
{
    struct world *world = *state;
    char line[600];

    snprintf(line, sizeof(line), "create -q -n %s",
             world_config(world, "web", ""));
    world_run_json(world, line);
    assert_member(world->json, "hypervisor", "kvm");
    assert_member(xk_json_get(world->json, "config"), "name", "web");
    assert_member(xk_json_get(world->json, "run"), "program", "web");
    assert_int_equal(xk_json_length(world_run_json(world, "--json list")), 0);
}

static void
test_a_taken_name_is_refused(void **state)
{
    struct world *world = *state;
    char line[600];

    create(world, "web");
    snprintf(line, sizeof(line), "create -q %s",
             world_config(world, "web", ""));
    assert_int_equal(world_run(world, line), 4);
    assert_contains(world->err.message, "\"web\"");
}

static void
test_options_of_xl_that_cannot_be_done_are_refused(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_run(world, "create -V x.cfg"), 6);
    assert_int_equal(world_run(world, "create --vncviewer x.cfg"), 6);
    assert_int_equal(world_run(world, "create -e x.cfg"), 6);
    assert_int_equal(world_run(world, "list -Z"), 6);
    assert_int_equal(world_run(world, "--json create -c x.cfg"), 2);
}

/* ---- list and friends ---- */

static void
test_list_has_the_columns_of_xl(void **state)
{
    struct world *world = *state;

    create(world, "web");
    world_domid(-1, 1250000000);
    assert_int_equal(world_run(world, "list"), 0);
    assert_string_equal(
        world_out(world),
        "Name                                        ID   Mem VCPUs\tState\t"
        "Time(s)\n"
        "web                                          -    64     2     r----- "
        "      1.2\n");
    assert_int_equal(world_run(world, "list --json"), 0);
    assert_contains(world_out(world), "\"cpu_time_s\":1.25}");
    world_domid(7, 0);
    assert_int_equal(world_run(world, "list web"), 0);
    assert_contains(world_out(world),
                    "web                                          7"
                    "    64     2     r-----       0.0\n");
}

static void
test_list_verbose_adds_the_uuid(void **state)
{
    struct world *world = *state;
    char uuid[64];
    char expected[128];

    create(world, "web");
    world_run_json(world, "--json list");
    snprintf(uuid, sizeof(uuid), "%s",
             xk_json_string(xk_json_get(xk_json_at(world->json, 0), "uuid")));
    world_stop(world, "web", XK_STOP_CRASH);
    assert_int_equal(world_run(world, "list -v"), 0);
    snprintf(expected, sizeof(expected), " %s        3                -\n",
             uuid);
    assert_contains(world_out(world), expected);
    assert_contains(world_out(world), "---sc-");
}

static void
test_list_json_has_the_members_of_the_contract(void **state)
{
    struct world *world = *state;
    const struct xk_json *domain;

    create(world, "web");
    assert_true(xk_json_is_array(world_run_json(world, "list --json")));
    domain = xk_json_at(world->json, 0);
    assert_member(domain, "name", "web");
    assert_int_equal(strlen(xk_json_string(xk_json_get(domain, "uuid"))), 36);
    assert_true(xk_json_is_null(xk_json_get(domain, "domid")));
    assert_member(domain, "hypervisor", "kvm");
    assert_member(domain, "type", "hvm");
    assert_member(domain, "state", "running");
    assert_true(xk_json_is_null(xk_json_get(domain, "stop_reason")));
    assert_number(domain, "memory_mib", 64);
    assert_number(domain, "vcpus", 2);
    assert_non_null(xk_json_get(domain, "cpu_time_s"));
    world_domid(3, 0);
    assert_number(xk_json_at(world_run_json(world, "list --json web"), 0),
                  "domid", 3);
}

static void
test_state_letters_are_those_of_xl(void **state)
{
    static const struct {
        enum xk_domain_state state;
        enum xk_stop_reason reason;
        const char *letters;
    } cases[] = {
        {XK_STATE_RUNNING, XK_STOP_POWEROFF, "r-----"},
        {XK_STATE_PAUSED, XK_STOP_POWEROFF, "--p---"},
        {XK_STATE_SHUTDOWN, XK_STOP_POWEROFF, "---s--"},
        {XK_STATE_SHUTDOWN, XK_STOP_REBOOT, "---sr-"},
        {XK_STATE_SHUTDOWN, XK_STOP_SUSPEND, "---ss-"},
        {XK_STATE_SHUTDOWN, XK_STOP_WATCHDOG, "---sw-"},
        {XK_STATE_SHUTDOWN, XK_STOP_SOFT_RESET, "---sS-"},
        {XK_STATE_CRASHED, XK_STOP_CRASH, "---sc-"},
        {XK_STATE_DYING, XK_STOP_POWEROFF, "-----d"},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(cases); i++) {
        struct xk_domain_info info = {.state = cases[i].state,
                                      .stop_reason = cases[i].reason};
        char letters[XK_STATE_LETTERS_SIZE];

        xk_output_state_letters(&info, letters);
        assert_string_equal(letters, cases[i].letters);
    }
}

static void
test_an_unknown_domain_is_exit_status_3(void **state)
{
    static const char *const lines[] = {
        "list nosuch",         "pause nosuch",   "unpause nosuch",
        "shutdown nosuch",     "reboot nosuch",  "reset nosuch",
        "destroy nosuch",      "domid nosuch",   "domname 77",
        "rename nosuch other", "console nosuch",
    };
    struct world *world = *state;

    for (size_t i = 0; i < XK_ARRAY_SIZE(lines); i++) {
        if (world_run(world, lines[i]) != 3)
            fail_msg("\"%s\": %s", lines[i], world->err.message);
    }
}

static void
test_domid_is_for_hypervisors_that_have_them(void **state)
{
    struct world *world = *state;

    create(world, "web");
    assert_int_equal(world_run(world, "domid web"), 6);
    world_domid(5, 0);
    assert_int_equal(world_run(world, "domid web"), 0);
    assert_string_equal(world_out(world), "5\n");
    assert_int_equal(world_run(world, "domname 5"), 0);
    assert_string_equal(world_out(world), "web\n");
    assert_number(world_run_json(world, "--json domid web"), "domid", 5);
}

/* ---- changing ---- */

static void
test_changes_print_the_domain_as_it_is_then(void **state)
{
    static const struct {
        const char *line, *member, *value;
    } steps[] = {
        {"pause web --json", "state", "paused"},
        {"unpause web --json", "state", "running"},
        {"reset web --json", "state", "running"},
        {"rename web db --json", "name", "db"},
        {"domname db --json", "name", "db"},
        {"destroy db --json", "state", "destroyed"},
    };
    struct world *world = *state;

    create(world, "web");
    for (size_t i = 0; i < XK_ARRAY_SIZE(steps); i++)
        assert_member(world_run_json(world, steps[i].line), steps[i].member,
                      steps[i].value);
    assert_int_equal(world_run(world, "list db"), 3);
}

static void
test_changes_are_silent_without_json(void **state)
{
    struct world *world = *state;

    create(world, "web");
    assert_int_equal(world_run(world, "pause web"), 0);
    assert_string_equal(world_out(world), "");
    assert_string_equal(world->lines.data, "");
}

static void
test_domain_0_is_destroyed_only_by_force(void **state)
{
    struct world *world = *state;

    create(world, "web");
    world_domid(0, 0);
    assert_int_equal(world_run(world, "destroy 0"), 2);
    assert_int_equal(world_run(world, "destroy -f 0"), 0);
}

static void
test_shutdown_asks_one_or_all_but_not_both(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_run(world, "shutdown"), 2);
    assert_int_equal(world_run(world, "shutdown -a web"), 2);
    assert_int_equal(world_run(world, "reboot"), 2);
}

static void
test_shutdown_says_why_the_domain_stopped(void **state)
{
    struct world *world = *state;

    create(world, "web");
    world_run_json(world, "shutdown -w web --json");
    assert_member(world->json, "requested", "shutdown");
    assert_member(world->json, "stop_reason", "poweroff");
    assert_int_equal(world_run(world, "shutdown web"), 5);
}

static void
test_shutdown_all_goes_on_past_failures(void **state)
{
    struct world *world = *state;
    const struct xk_json *domains;

    create(world, "one");
    create(world, "two");
    create(world, "three");
    world_stop(world, "two", XK_STOP_POWEROFF);
    domains =
        xk_json_get(world_run_json(world, "shutdown -a --json"), "domains");
    assert_int_equal(xk_json_length(domains), 2);
    assert_true(xk_json_is_null(xk_json_get(xk_json_at(domains, 0), "error")));
    /* Rebooted ones are never seen to start again in this world. */
    create(world, "four");
    create(world, "five");
    assert_int_equal(world_run(world, "reboot -aw --json"), 7);
    assert_contains(world->err.message, "2 of 2 domains");
    assert_contains(world->err.message, "\"four\"");
    assert_contains(world->err.message, "\"five\"");
    assert_contains(world_out(world), "\"kind\":\"timed-out\"");
}

static void
test_domain_0_is_not_shut_down_with_all(void **state)
{
    struct world *world = *state;

    create(world, "web");
    world_domid(0, 0);
    assert_int_equal(
        xk_json_length(xk_json_get(world_run_json(world, "shutdown -a --json"),
                                   "domains")),
        0);
}

/* ---- errors ---- */

static void
test_every_kind_of_error_has_its_exit_status(void **state)
{
    static const int statuses[] = {
        [XK_ERR_FAILED] = 1, [XK_ERR_SYSTEM] = 1,      [XK_ERR_PROTOCOL] = 1,
        [XK_ERR_USAGE] = 2,  [XK_ERR_CONFIG] = 2,      [XK_ERR_NOT_FOUND] = 3,
        [XK_ERR_EXISTS] = 4, [XK_ERR_IN_USE] = 4,      [XK_ERR_STATE] = 5,
        [XK_ERR_BUSY] = 5,   [XK_ERR_UNSUPPORTED] = 6, [XK_ERR_TIMEOUT] = 7,
        [XK_ERR_HOST] = 8,
    };
    struct world *world = *state;

    assert_int_equal(XK_ARRAY_SIZE(statuses), XK_ERR_COUNT);
    for (int kind = 0; kind < XK_ERR_COUNT; kind++) {
        const struct xk_json *error;

        world_fail_with((enum xk_error_kind)kind);
        assert_int_equal(world_run(world, "--json list"), statuses[kind]);
        assert_string_equal(world_out(world), "");
        world->json = xk_json_parse(world->lines.data, world->lines.length,
                                    "error", NULL);
        error = xk_json_get(world->json, "error");
        assert_number(error, "code", statuses[kind]);
        assert_member(error, "kind",
                      xk_error_kind_name((enum xk_error_kind)kind));
        assert_contains(xk_json_string(xk_json_get(error, "message")),
                        "injected");
    }
}

static void
test_what_was_typed_cannot_forge_a_line(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_run(world, "pause a\nxk:\033[2J"), 3);
    assert_string_equal(world->lines.data,
                        "xk: error: no such domain: \"a\\nxk:\\x1b[2J\"\n");
}

static void
test_an_error_is_one_line_for_people(void **state)
{
    struct world *world = *state;

    assert_int_equal(world_run(world, "frobnicate"), 2);
    assert_string_equal(world->lines.data,
                        "xk: error: no verb \"frobnicate\"; \"xk help\" lists "
                        "them\n");
}

#define verb_test(f)                                                           \
    cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        verb_test(test_create_makes_a_running_domain),
        verb_test(test_create_paused_leaves_it_paused),
        verb_test(test_overrides_win_over_the_file),
        verb_test(test_overrides_alone_make_a_domain),
        verb_test(test_a_wrong_configuration_makes_nothing),
        verb_test(test_warnings_are_lines_of_json),
        verb_test(test_strict_takes_warnings_for_errors),
        verb_test(test_a_dry_run_makes_nothing_and_says_what_it_would),
        verb_test(test_a_taken_name_is_refused),
        verb_test(test_options_of_xl_that_cannot_be_done_are_refused),
        verb_test(test_list_has_the_columns_of_xl),
        verb_test(test_list_verbose_adds_the_uuid),
        verb_test(test_list_json_has_the_members_of_the_contract),
        verb_test(test_state_letters_are_those_of_xl),
        verb_test(test_an_unknown_domain_is_exit_status_3),
        verb_test(test_domid_is_for_hypervisors_that_have_them),
        verb_test(test_changes_print_the_domain_as_it_is_then),
        verb_test(test_changes_are_silent_without_json),
        verb_test(test_domain_0_is_destroyed_only_by_force),
        verb_test(test_shutdown_asks_one_or_all_but_not_both),
        verb_test(test_shutdown_says_why_the_domain_stopped),
        verb_test(test_shutdown_all_goes_on_past_failures),
        verb_test(test_domain_0_is_not_shut_down_with_all),
        verb_test(test_every_kind_of_error_has_its_exit_status),
        verb_test(test_what_was_typed_cannot_forge_a_line),
        verb_test(test_an_error_is_one_line_for_people),
    };

    unsetenv("XK_HYPERVISOR");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
