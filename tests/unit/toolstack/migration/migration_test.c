/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain of a fake hypervisor is moved between two hosts, with a fault at
 * every frame of both directions, and with each side killed at each call of its
 * driver and each entry of its journal. However it ends, exactly one copy runs,
 * two never run at the same time, and nothing else is left.
 */
#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/log.h"
#include "base/util.h"
#include "tests/unit/toolstack/migration/pair.h"
#include "toolstack/journal.h"

enum {
    SETTLE_MS = 8000,
    CALLS_MAX = 30,
    TRIES = 10,
};

/* Returns whether the fault happened. */
static bool
run_case(struct pair *pair, const struct fault *fault)
{
    bool happened;
    int status, where;

    pair_make_domain(pair);
    status = pair_move(pair, fault);
    where = pair_settle(pair, fault);
    happened = pair_fault_happened(pair, fault, status);
    /* The reported result must be true. */
    if (status == 0)
        assert_int_equal(where, 1);
    /* On a busy machine a slow peer may look silent. */
    if (!happened && fault->way != WAY_SWALLOW)
        assert_int_equal(status, 0);
    pair_put_away(pair, where);
    return happened;
}

/* ---- tests ---- */

static void
a_domain_is_moved(void **context)
{
    const struct fault none = {0};
    struct pair *pair = *context;

    pair_make_domain(pair);
    assert_int_equal(pair_move(pair, &none), 0);
    assert_int_equal(pair_settle(pair, &none), 1);
    pair_put_away(pair, 1);
    assert_int_equal(pair_count(pair, 1, "state/lib/moves"), 0);
}

/* A dry run also reports what the target driver's check finds, and begins
 * nothing on either host. */
static void
what_a_target_lacks_is_told_before_anything_is_touched(void **context)
{
    struct pair *pair = *context;

    pair_make_domain(pair);
    pair_lack(pair, 1, "bridge \"isolated0\"");
    for (int only_asks = 0; only_asks < 2; only_asks++) {
        const struct fault none = {.only_asks = only_asks == 1};

        assert_int_equal(pair_move(pair, &none), 1);
        assert_int_equal(pair->said->kind, XK_ERR_HOST);
        assert_non_null(
            strstr(pair->said->message, "no bridge \"isolated0\" here"));
        assert_int_equal(pair_count_entries(pair, XK_OP_MIGRATE), 0);
        assert_int_equal(pair_look(pair, 0), XK_STATE_RUNNING);
        assert_int_equal(pair_count(pair, 1, "state/domains"), 0);
    }
    pair_put_away(pair, 0);
}

static void
check_way(struct pair *pair, enum way_fault way)
{
    unsigned cases = 0;

    for (int from = 0; from < 2; from++) {
        for (unsigned index = 0; index < 40; index++) {
            const struct fault fault = {
                .from_target = from == 1, .index = index, .way = way};

            if (!run_case(pair, &fault))
                break;
            cases++;
        }
    }
    /* HELLO, DOMAIN, PREPARE, DATA, DATA_END, COMMIT, CONFIRM; HELLO, VERDICT,
     * PREPARED, RECEIVED, RUNNING. */
    assert_in_range(cases, 12, 60);
}

#define WAY_TEST(name, fault)                                                  \
    static void name(void **context)                                           \
    {                                                                          \
        check_way(*context, fault);                                            \
    }
WAY_TEST(a_way_cut_before_any_frame_leaves_one_copy, WAY_CUT)
WAY_TEST(a_way_cut_amid_any_frame_leaves_one_copy, WAY_CUT_AMID)
WAY_TEST(a_way_cut_after_any_frame_leaves_one_copy, WAY_CUT_AFTER)
WAY_TEST(a_changed_bit_in_any_header_leaves_one_copy, WAY_CHANGE_HEAD)
WAY_TEST(a_changed_bit_in_any_payload_leaves_one_copy, WAY_CHANGE_BODY)
WAY_TEST(any_frame_that_comes_twice_leaves_one_copy, WAY_REPEAT)
WAY_TEST(a_way_that_swallows_from_any_frame_on_leaves_one_copy, WAY_SWALLOW)
WAY_TEST(a_target_killed_at_any_frame_leaves_one_copy, WAY_KILL_TARGET)
WAY_TEST(a_source_killed_at_any_frame_leaves_one_copy, WAY_KILL_SOURCE)

static void
a_source_killed_at_any_call_and_entry_leaves_one_copy(void **context)
{
    unsigned cases = 0;

    for (int death_kind = DIES_BEFORE_CALL; death_kind < DEATHS; death_kind++) {
        for (unsigned at = 1; at < CALLS_MAX; at++) {
            const struct fault fault = {.source_death = (enum death)death_kind,
                                        .death_at = at};

            if (!run_case(*context, &fault))
                break;
            cases++;
        }
    }
    /* The last piece and the end; BEGIN and the note "commit". */
    assert_in_range(cases, 8, 99);
}

/* The file does not show whether the target died: it dies at one of so many
 * calls, and after the last one it does not die. */
static void
a_target_killed_at_any_call_and_entry_leaves_one_copy(void **context)
{
    for (int death_kind = DIES_BEFORE_CALL; death_kind < DEATHS; death_kind++) {
        for (unsigned at = 1; at <= 4; at++) {
            const struct fault fault = {.target_death = (enum death)death_kind,
                                        .death_at = at};

            run_case(*context, &fault);
        }
    }
}

/* ---- stopped, and late ---- */

/* It continues to its own end. */
static void
wait_for_target(struct pair *pair)
{
    struct xk_deadline deadline = xk_deadline_in_ms(SETTLE_MS);
    const struct timespec tick = {.tv_nsec = 2000000};

    while (xk_deadline_left_ms(deadline) > 0 && pair_target_is_at_work(pair))
        nanosleep(&tick, NULL);
}

/* The others give up on the stopped process, ask, and recover what they can;
 * then it continues. */
static bool
run_stopped_case(struct pair *pair, const struct fault *fault, bool *moved)
{
    bool happened;
    int status, where;

    pair_make_domain(pair);
    status = pair_move(pair, fault);
    if (pair->source != 0)
        wait_for_target(pair);
    else
        pair_look(pair, 0);
    pair_look(pair, 1);
    status = pair_let_go_on(pair, status);
    where = pair_settle(pair, fault);
    happened = pair_fault_happened(pair, fault, status);
    *moved = status == 0;
    if (*moved)
        assert_int_equal(where, 1);
    pair_put_away(pair, where);
    return happened;
}

static void
check_stopped_way(struct pair *pair, enum way_fault way)
{
    unsigned cases = 0;

    for (int from = 0; from < 2; from++) {
        for (unsigned index = 0; index < 40; index++) {
            const struct fault fault = {
                .from_target = from == 1, .index = index, .way = way};
            bool happened = false, moved = false;

            /* On a busy machine a slow peer may look silent. */
            for (int i = 0; i < TRIES && !happened && !moved; i++)
                happened = run_stopped_case(pair, &fault, &moved);
            if (!happened)
                break;
            cases++;
        }
    }
    assert_in_range(cases, 12, 60);
}

static void
a_target_stopped_at_any_frame_leaves_one_copy(void **context)
{
    check_stopped_way(*context, WAY_STOP_TARGET);
}

static void
a_source_stopped_at_any_frame_leaves_one_copy(void **context)
{
    check_stopped_way(*context, WAY_STOP_SOURCE);
}

enum {
    SOURCE_CALLS = 2, /* the guest is paused; the domain is destroyed */
    TARGET_CALLS = 3, /* the domain is prepared, received, resumed */
    SOURCE_ENTRIES = 2,
    TARGET_ENTRIES = 2,
};

static void
check_states(struct pair *pair, enum death kind, unsigned of_source,
             unsigned of_target)
{
    bool moved;

    for (unsigned at = 1; at <= of_source; at++) {
        const struct fault fault = {.source_death = kind, .death_at = at};

        run_stopped_case(pair, &fault, &moved);
    }
    for (unsigned at = 1; at <= of_target; at++) {
        const struct fault fault = {.target_death = kind, .death_at = at};

        run_stopped_case(pair, &fault, &moved);
    }
}

static void
a_hypervisor_stopped_at_any_call_leaves_one_copy(void **context)
{
    check_states(*context, STOPS_AT_CALL, SOURCE_CALLS, TARGET_CALLS);
}

static void
a_hypervisor_that_does_any_call_late_leaves_one_copy(void **context)
{
    check_states(*context, LATE_AT_CALL, SOURCE_CALLS, TARGET_CALLS);
}

static void
a_disk_that_is_full_from_any_call_and_entry_on_leaves_one_copy(void **context)
{
    check_states(*context, FULL_AT_CALL, SOURCE_CALLS, TARGET_CALLS);
    check_states(*context, FULL_AT_ENTRY, SOURCE_ENTRIES, TARGET_ENTRIES);
}

/* Meanwhile the other side gives up. */
static void
a_process_stopped_at_any_call_and_entry_leaves_one_copy(void **context)
{
    check_states(*context, HALTS_AT_CALL, SOURCE_CALLS, TARGET_CALLS);
    check_states(*context, HALTS_AND_FAILS_AT_CALL, SOURCE_CALLS, TARGET_CALLS);
    check_states(*context, HALTS_AT_ENTRY, SOURCE_ENTRIES, TARGET_ENTRIES);
}

/* The guest was not resumed at the target, so it goes on at the source. */
static void
a_guest_that_cannot_be_let_go_is_given_back(void **context)
{
    const struct fault fault = {.target_death = STOPS_AT_CALL,
                                .death_at = TARGET_CALLS};
    struct pair *pair = *context;

    pair_make_domain(pair);
    assert_int_equal(pair_move(pair, &fault), 1);
    assert_int_equal(pair_look(pair, 0), XK_STATE_RUNNING);
    pair_let_go_on(pair, 0);
    assert_int_equal(pair_settle(pair, &fault), 0);
    pair_put_away(pair, 0);
}

/* The guest may run at any moment, so it is never handed back. */
static void
a_guest_that_may_run_there_is_not_given_back(void **context)
{
    const struct fault fault = {.target_death = LATE_AT_CALL,
                                .death_at = TARGET_CALLS};
    struct pair *pair = *context;

    pair_make_domain(pair);
    assert_int_equal(pair_move(pair, &fault), 1);
    assert_int_equal(pair_look(pair, 0), XK_STATE_COUNT);
    assert_int_equal(pair_look(pair, 1), XK_STATE_PAUSED);
    pair_let_go_on(pair, 0);
    assert_int_equal(pair_look(pair, 1), XK_STATE_RUNNING);
    assert_int_equal(pair_settle(pair, &fault), 1);
    pair_put_away(pair, 1);
}

/* ---- clocks ---- */

/* A source that dies or loses its link after it noted COMMIT, with a timestamp
 * before that of its BEGIN. */
static void
a_clock_that_is_set_back_amid_a_move_leaves_one_copy(void **context)
{
    static const enum way_fault ways[] = {WAY_CUT, WAY_KILL_SOURCE};

    for (size_t i = 0; i < XK_ARRAY_SIZE(ways); i++) {
        for (unsigned index = 0; index < 5; index++) {
            const struct fault fault = {.from_target = true,
                                        .index = index,
                                        .way = ways[i],
                                        .clock_step_s = -3600};

            assert_true(run_case(*context, &fault));
        }
    }
}

enum {
    ENTRY_BEGIN = 1,
    ENTRY_COMMIT,
};

/* The first move was refused after it had noted COMMIT, with a timestamp in the
 * future. */
static void
a_move_is_not_in_doubt_for_what_an_earlier_one_noted(void **context)
{
    const struct fault refused = {.source_death = DIES_AFTER_ENTRY,
                                  .death_at = ENTRY_COMMIT,
                                  .clock_step_s = 3600};
    const struct fault killed = {.source_death = DIES_AFTER_ENTRY,
                                 .death_at = ENTRY_BEGIN};
    struct pair *pair = *context;

    pair_make_domain(pair);
    assert_int_equal(pair_move(pair, &refused), 9);
    assert_true(pair_is_in_doubt(pair));
    assert_int_equal(pair_settle(pair, &refused), 0);
    assert_int_equal(pair_move(pair, &killed), 9);
    assert_false(pair_is_in_doubt(pair));
    assert_int_equal(pair_settle(pair, &killed), 0);
    pair_put_away(pair, 0);
}

/* ---- hosts that lose power ---- */

/* A move whose source dies when the target sends this frame. */
static void
leave_in_doubt(struct pair *pair, bool from_target, unsigned frame)
{
    struct fault fault = {
        .from_target = from_target, .index = frame, .way = WAY_KILL_SOURCE};

    pair_make_domain(pair);
    pair_move(pair, &fault);
    assert_int_equal(access(pair->once, F_OK), 0);
    wait_for_target(pair);
}

enum {
    FRAME_RUNNING = 4, /* of the target: HELLO, VERDICT, PREPARED, RECEIVED */
    FRAME_RECEIVED = 3,
};

static void
a_target_that_loses_power_before_it_decides_gives_the_domain_back(
    void **context)
{
    struct pair *pair = *context;

    leave_in_doubt(pair, true, FRAME_RECEIVED);
    pair_lose_power(pair, 1);
    assert_int_equal(pair_look(pair, 0), XK_STATE_RUNNING);
    assert_int_equal(pair_look(pair, 1), XK_STATE_COUNT);
    pair_put_away(pair, 0);
}

/* The guest is lost with its memory, as it would be without a move; but
 * resuming it at the source must not undo what it wrote at the target. */
static void
a_target_that_loses_power_after_it_decided_keeps_its_word(void **context)
{
    struct pair *pair = *context;

    leave_in_doubt(pair, true, FRAME_RUNNING);
    pair_lose_power(pair, 1);
    assert_int_equal(pair_look(pair, 0), XK_STATE_COUNT);
    assert_int_equal(pair_look(pair, 1), XK_STATE_COUNT);
    assert_int_equal(pair_count(pair, 0, "world"), 0);
}

static void
a_source_that_loses_power_leaves_the_domain_where_it_was_given(void **context)
{
    struct pair *pair = *context;

    leave_in_doubt(pair, true, FRAME_RUNNING);
    pair_lose_power(pair, 0);
    assert_int_equal(pair_look(pair, 0), XK_STATE_COUNT);
    assert_int_equal(pair_look(pair, 1), XK_STATE_RUNNING);
    pair_put_away(pair, 1);
}

static void
a_source_that_loses_power_before_it_gives_it_leaves_nothing(void **context)
{
    struct pair *pair = *context;

    leave_in_doubt(pair, true, FRAME_RECEIVED);
    pair_lose_power(pair, 0);
    assert_int_equal(pair_look(pair, 1), XK_STATE_COUNT);
    assert_int_equal(pair_count(pair, 1, "world"), 0);
    assert_int_equal(pair_count(pair, 1, "state/domains"), 0);
}

int
main(int argc, char **argv)
{
#define T(test) cmocka_unit_test_setup_teardown(test, pair_setup, pair_teardown)
    const struct CMUnitTest tests[] = {
        T(a_domain_is_moved),
        T(what_a_target_lacks_is_told_before_anything_is_touched),
        T(a_way_cut_before_any_frame_leaves_one_copy),
        T(a_way_cut_amid_any_frame_leaves_one_copy),
        T(a_way_cut_after_any_frame_leaves_one_copy),
        T(a_changed_bit_in_any_header_leaves_one_copy),
        T(a_changed_bit_in_any_payload_leaves_one_copy),
        T(any_frame_that_comes_twice_leaves_one_copy),
        T(a_way_that_swallows_from_any_frame_on_leaves_one_copy),
        T(a_target_killed_at_any_frame_leaves_one_copy),
        T(a_source_killed_at_any_frame_leaves_one_copy),
        T(a_source_killed_at_any_call_and_entry_leaves_one_copy),
        T(a_target_killed_at_any_call_and_entry_leaves_one_copy),
        T(a_target_stopped_at_any_frame_leaves_one_copy),
        T(a_source_stopped_at_any_frame_leaves_one_copy),
        T(a_hypervisor_stopped_at_any_call_leaves_one_copy),
        T(a_hypervisor_that_does_any_call_late_leaves_one_copy),
        T(a_disk_that_is_full_from_any_call_and_entry_on_leaves_one_copy),
        T(a_process_stopped_at_any_call_and_entry_leaves_one_copy),
        T(a_guest_that_cannot_be_let_go_is_given_back),
        T(a_guest_that_may_run_there_is_not_given_back),
        T(a_clock_that_is_set_back_amid_a_move_leaves_one_copy),
        T(a_move_is_not_in_doubt_for_what_an_earlier_one_noted),
        T(a_target_that_loses_power_before_it_decides_gives_the_domain_back),
        T(a_target_that_loses_power_after_it_decided_keeps_its_word),
        T(a_source_that_loses_power_leaves_the_domain_where_it_was_given),
        T(a_source_that_loses_power_before_it_gives_it_leaves_nothing),
    };

    signal(SIGPIPE, SIG_IGN);
    xk_log_set_level(XK_LOG_ERROR);
    if (pair_was_way(argc, argv))
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
