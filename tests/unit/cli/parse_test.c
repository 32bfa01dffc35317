/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "tests/unit/test.h"

enum {
    OPTION_PAUSED,
    OPTION_CONSOLE,
    OPTION_FILE,
    OPTION_VIEWER,
    OPTION_COUNT_LINES,
};

static int
run_nothing(struct xk_invocation *invocation, struct xk_error *err)
{
    (void)invocation;
    (void)err;
    return 0;
}

static const struct xk_command make = {
    .name = "make",
    .options =
        (const struct xk_option[]){
            [OPTION_PAUSED] = {'p', "paused", XK_ARG_NONE, NULL, "", NULL},
            [OPTION_CONSOLE] = {'c', "console", XK_ARG_NONE, NULL, "", NULL},
            [OPTION_FILE] = {'f', "file", XK_ARG_FILE, "FILE", "", NULL},
            [OPTION_VIEWER] = {'V', "viewer", XK_ARG_NONE, NULL, "",
                               "start one yourself"},
            [OPTION_COUNT_LINES] = {'n', "count", XK_ARG_NUMBER, "N", "", NULL},
            {0}},
    .positionals = {{"FILE", XK_ARG_FILE, .optional = true},
                    {"KEY=VALUE", XK_ARG_OVERRIDE, .optional = true,
                     .repeated = true}},
    .timeout_s = 60,
    .run = run_nothing,
};

static const struct xk_command pause_row = {
    .name = "pause",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .run = run_nothing,
};

static const struct xk_command pay = {
    .name = "pay",
    .options =
        (const struct xk_option[]){{'v', "vast", XK_ARG_NONE, NULL, "", NULL},
                                   {0}},
    .run = run_nothing,
};

static const struct xk_command paying = {
    .name = "paying",
    .no_json = true,
    .run = run_nothing,
};

static const struct xk_command secret = {
    .name = "pawn",
    .hidden = true,
    .run = run_nothing,
};

static const struct xk_command *const table[] = {
    &make, &pause_row, &pay, &paying, &secret, NULL,
};

static struct xk_invocation parsed;
static struct xk_error err;

/* Read the words of one line, split at blanks, none of them empty. */
static int
parse(const char *line)
{
    static char text[512];
    static const char *words[32];
    int count = 0;
    char *save = NULL;

    xk_invocation_free(&parsed);
    memset(&err, 0, sizeof(err));
    assert_true(strlen(line) < sizeof(text));
    strcpy(text, line);
    for (char *word = strtok_r(text, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        assert_true((size_t)count < XK_ARRAY_SIZE(words));
        words[count++] = word;
    }
    return xk_parse_command_line(&parsed, table, count, words, &err);
}

static void
assert_usage_error(const char *line, const char *part)
{
    assert_int_equal(parse(line), -1);
    assert_int_equal(err.kind, XK_ERR_USAGE);
    if (strstr(err.message, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
}

static int
clean_up(void **state)
{
    (void)state;
    unsetenv("XK_HYPERVISOR");
    xk_invocation_free(&parsed);
    return 0;
}

static void
test_an_unambiguous_prefix_names_a_verb(void **state)
{
    (void)state;
    assert_int_equal(parse("m"), 0);
    assert_ptr_equal(parsed.command, &make);
    assert_int_equal(parse("pau x"), 0);
    assert_ptr_equal(parsed.command, &pause_row);
}

static void
test_an_exact_name_wins_over_longer_ones(void **state)
{
    (void)state;
    assert_int_equal(parse("pay"), 0);
    assert_ptr_equal(parsed.command, &pay);
}

static void
test_an_ambiguous_prefix_lists_the_candidates(void **state)
{
    (void)state;
    assert_usage_error("pa x", "pause, pay, paying");
    assert_null(strstr(err.message, "pawn"));
}

static void
test_hidden_verbs_need_their_whole_name(void **state)
{
    (void)state;
    assert_usage_error("paw", "no verb \"paw\"");
    assert_int_equal(parse("pawn"), 0);
    assert_ptr_equal(parsed.command, &secret);
}

static void
test_a_missing_or_unknown_verb_is_an_error(void **state)
{
    (void)state;
    assert_usage_error("", "no verb given");
    assert_usage_error("-v", "no verb given");
    assert_usage_error("mak3", "no verb \"mak3\"");
}

static void
test_short_options_stand_together(void **state)
{
    (void)state;
    assert_int_equal(parse("make -pcfa.cfg"), 0);
    assert_int_equal(xk_option_count(&parsed, OPTION_PAUSED), 1);
    assert_true(xk_option_given(&parsed, OPTION_CONSOLE));
    assert_string_equal(xk_option_value(&parsed, OPTION_FILE), "a.cfg");
    assert_int_equal(parse("make -pf b.cfg -pp"), 0);
    assert_int_equal(xk_option_count(&parsed, OPTION_PAUSED), 3);
    assert_string_equal(xk_option_value(&parsed, OPTION_FILE), "b.cfg");
    assert_false(xk_option_given(&parsed, OPTION_CONSOLE));
    assert_null(xk_option_value(&parsed, OPTION_CONSOLE));
}

static void
test_long_options_take_values_both_ways(void **state)
{
    (void)state;
    assert_int_equal(parse("make --file=x=y --paused"), 0);
    assert_string_equal(xk_option_value(&parsed, OPTION_FILE), "x=y");
    assert_int_equal(parse("make --file --paused"), 0);
    assert_string_equal(xk_option_value(&parsed, OPTION_FILE), "--paused");
    assert_false(xk_option_given(&parsed, OPTION_PAUSED));
    assert_int_equal(parse("make --file="), 0);
    assert_string_equal(xk_option_value(&parsed, OPTION_FILE), "");
}

static void
test_the_last_value_wins(void **state)
{
    (void)state;
    assert_int_equal(parse("make -f a --file=b"), 0);
    assert_string_equal(xk_option_value(&parsed, OPTION_FILE), "b");
}

static void
test_long_options_may_be_cut_short(void **state)
{
    (void)state;
    assert_int_equal(parse("make --pau --fi=x"), 0);
    assert_true(xk_option_given(&parsed, OPTION_PAUSED));
    assert_usage_error("make --co", "--console, --count");
}

static void
test_wrong_options_are_named(void **state)
{
    (void)state;
    assert_usage_error("make -x", "no option \"-x\" of \"make\"");
    assert_usage_error("make -px", "no option \"-x\" of \"make\"");
    assert_usage_error("make --frob", "no option \"--frob\" of \"make\"");
    assert_usage_error("make -f", "option -f needs a value");
    assert_usage_error("make --file", "option --file needs a value");
    assert_usage_error("make --paused=1", "option --paused takes no value");
    assert_usage_error("make --count=-1", "--count takes a number");
    assert_usage_error("make -n 1x", "-n takes a number");
    assert_usage_error("--frob make", "no option \"--frob\"");
}

static void
test_options_stand_anywhere_among_arguments(void **state)
{
    (void)state;
    assert_int_equal(parse("make a.cfg -p memory=1 --console name=x"), 0);
    assert_true(xk_option_given(&parsed, OPTION_PAUSED));
    assert_true(xk_option_given(&parsed, OPTION_CONSOLE));
    assert_int_equal(parsed.argument_count, 3);
    assert_string_equal(parsed.arguments[0], "a.cfg");
    assert_string_equal(parsed.arguments[1], "memory=1");
    assert_string_equal(parsed.arguments[2], "name=x");
}

static void
test_two_dashes_end_the_options(void **state)
{
    (void)state;
    assert_int_equal(parse("make -p -- -c -- --json"), 0);
    assert_true(xk_option_given(&parsed, OPTION_PAUSED));
    assert_false(xk_option_given(&parsed, OPTION_CONSOLE));
    assert_false(parsed.json);
    assert_int_equal(parsed.argument_count, 3);
    assert_string_equal(parsed.arguments[0], "-c");
    assert_string_equal(parsed.arguments[1], "--");
}

static void
test_a_single_dash_is_an_argument(void **state)
{
    (void)state;
    assert_int_equal(parse("make - -p"), 0);
    assert_int_equal(parsed.argument_count, 1);
    assert_string_equal(parsed.arguments[0], "-");
}

static void
test_global_options_stand_on_both_sides_of_the_verb(void **state)
{
    (void)state;
    assert_int_equal(parse("-vv --json --hypervisor xen make --timeout 2"), 0);
    assert_int_equal(parsed.verbosity, 2);
    assert_true(parsed.json);
    assert_string_equal(parsed.hypervisor, "xen");
    assert_int_equal(parsed.timeout_ms, 2000);
    assert_int_equal(parse("make --json -v --hypervisor=kvm"), 0);
    assert_true(parsed.json);
    assert_int_equal(parsed.verbosity, 1);
    assert_string_equal(parsed.hypervisor, "kvm");
}

static void
test_a_verbs_own_option_hides_the_global_one(void **state)
{
    (void)state;
    assert_int_equal(parse("-v pay -v"), 0);
    assert_int_equal(parsed.verbosity, 1);
    assert_int_equal(xk_option_count(&parsed, 0), 1);
}

static void
test_the_environment_chooses_the_hypervisor(void **state)
{
    (void)state;
    setenv("XK_HYPERVISOR", "xen", 1);
    assert_int_equal(parse("pay"), 0);
    assert_string_equal(parsed.hypervisor, "xen");
    assert_int_equal(parse("--hypervisor kvm pay"), 0);
    assert_string_equal(parsed.hypervisor, "kvm");
    setenv("XK_HYPERVISOR", "", 1);
    assert_int_equal(parse("pay"), 0);
    assert_null(parsed.hypervisor);
    setenv("XK_HYPERVISOR", "vmware", 1);
    assert_usage_error("pay", "XK_HYPERVISOR takes \"xen\" or \"kvm\"");
    assert_int_equal(parse("--hypervisor kvm pay"), 0);
    unsetenv("XK_HYPERVISOR");
}

static void
test_an_unknown_hypervisor_is_refused(void **state)
{
    (void)state;
    assert_usage_error("--hypervisor qemu pay", "not \"qemu\"");
    assert_usage_error("--hypervisor= pay", "not \"\"");
}

static void
test_a_deadline_is_the_verbs_own_unless_given(void **state)
{
    int left;

    (void)state;
    assert_int_equal(parse("make"), 0);
    left = xk_deadline_left_ms(parsed.deadline);
    assert_true(left > 50000 && left <= 60000);
    assert_int_equal(parse("--timeout 5 make"), 0);
    left = xk_deadline_left_ms(parsed.deadline);
    assert_true(left > 3000 && left <= 5000);
    assert_int_equal(parse("pay"), 0);
    assert_int_equal(xk_deadline_poll_ms(parsed.deadline), -1);
}

static void
test_seconds_are_decimal_and_may_have_a_fraction(void **state)
{
    static const struct {
        const char *text;
        int64_t milliseconds; /* -1: refused */
    } cases[] = {
        {"0", 0},           {"1", 1000},
        {"1.5", 1500},      {"0.25", 250},
        {"0.001", 1},       {"0.0001", 1},
        {"0.0010", 1},      {"2.9999", 3000},
        {"007", 7000},      {"999999999", 999999999000},
        {"1000000000", -1}, {"", -1},
        {".5", -1},         {"1.", -1},
        {"-1", -1},         {"+1", -1},
        {" 1", -1},         {"1s", -1},
        {"1e3", -1},        {"1.2.3", -1},
        {"nan", -1},        {"0x10", -1},
    };

    (void)state;
    for (size_t i = 0; i < XK_ARRAY_SIZE(cases); i++) {
        int64_t milliseconds = -1;
        bool ok = xk_parse_seconds(cases[i].text, &milliseconds);

        if (ok != (cases[i].milliseconds >= 0) ||
            (ok && milliseconds != cases[i].milliseconds))
            fail_msg("\"%s\": %d %lld", cases[i].text, ok,
                     (long long)milliseconds);
    }
    assert_usage_error("--timeout soon pay", "not \"soon\"");
}

static void
test_arguments_are_counted(void **state)
{
    (void)state;
    assert_usage_error("pause",
                       "\"pause\" needs DOMAIN; see \"xk help pause\"");
    assert_usage_error("pause a b", "\"pause\" takes no argument \"b\"");
    assert_usage_error("pay a", "\"pay\" takes no argument \"a\"");
    assert_int_equal(parse("pause a"), 0);
}

static void
test_an_option_of_xl_that_is_not_done_says_what_to_do(void **state)
{
    (void)state;
    assert_int_equal(parse("make -pV"), -1);
    assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "start one yourself"));
    assert_int_equal(parse("-N make"), -1);
    assert_int_equal(err.kind, XK_ERR_UNSUPPORTED);
}

static void
test_help_and_version_need_no_arguments(void **state)
{
    (void)state;
    assert_int_equal(parse("pause --help"), 0);
    assert_true(parsed.help);
    assert_ptr_equal(parsed.command, &pause_row);
    assert_int_equal(parse("-h"), 0);
    assert_true(parsed.help);
    assert_null(parsed.command);
    assert_int_equal(parse("--version"), 0);
    assert_true(parsed.version);
}

static void
test_json_is_known_even_after_an_error(void **state)
{
    (void)state;
    assert_int_equal(parse("frobnicate --json"), -1);
    assert_true(parsed.json);
    assert_int_equal(parse("make --frob a --json"), -1);
    assert_true(parsed.json);
    assert_int_equal(parse("frobnicate -- --json"), -1);
    assert_false(parsed.json);
}

static void
test_a_verb_without_a_result_refuses_json(void **state)
{
    (void)state;
    assert_usage_error("paying --json", "does not support --json");
    assert_int_equal(parse("paying --json --help"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unambiguous_prefix_names_a_verb),
        cmocka_unit_test(test_an_exact_name_wins_over_longer_ones),
        cmocka_unit_test(test_an_ambiguous_prefix_lists_the_candidates),
        cmocka_unit_test(test_hidden_verbs_need_their_whole_name),
        cmocka_unit_test(test_a_missing_or_unknown_verb_is_an_error),
        cmocka_unit_test(test_short_options_stand_together),
        cmocka_unit_test(test_long_options_take_values_both_ways),
        cmocka_unit_test(test_the_last_value_wins),
        cmocka_unit_test(test_long_options_may_be_cut_short),
        cmocka_unit_test(test_wrong_options_are_named),
        cmocka_unit_test(test_options_stand_anywhere_among_arguments),
        cmocka_unit_test(test_two_dashes_end_the_options),
        cmocka_unit_test(test_a_single_dash_is_an_argument),
        cmocka_unit_test(test_global_options_stand_on_both_sides_of_the_verb),
        cmocka_unit_test(test_a_verbs_own_option_hides_the_global_one),
        cmocka_unit_test(test_the_environment_chooses_the_hypervisor),
        cmocka_unit_test(test_an_unknown_hypervisor_is_refused),
        cmocka_unit_test(test_a_deadline_is_the_verbs_own_unless_given),
        cmocka_unit_test(test_seconds_are_decimal_and_may_have_a_fraction),
        cmocka_unit_test(test_arguments_are_counted),
        cmocka_unit_test(test_an_option_of_xl_that_is_not_done_says_what_to_do),
        cmocka_unit_test(test_help_and_version_need_no_arguments),
        cmocka_unit_test(test_json_is_known_even_after_an_error),
        cmocka_unit_test(test_a_verb_without_a_result_refuses_json),
    };

    unsetenv("XK_HYPERVISOR");
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
