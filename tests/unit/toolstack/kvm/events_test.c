/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a domain, derived from the events in its QEMU's memory. The
 * process that has this memory is the test itself. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"

#define GREETING "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\n"
#define BEGIN GREETING "{\"return\": {}}\n"
#define STAMP "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, "
#define EVENT(name) STAMP "\"event\": \"" name "\"}\n"
#define DATA(name, data)                                                       \
    STAMP "\"event\": \"" name "\", \"data\": {" data "}}\n"
#define SHUTDOWN(guest, why)                                                   \
    DATA("SHUTDOWN", "\"guest\": " guest ", \"reason\": \"" why "\"")
#define PANIC(action) DATA("GUEST_PANICKED", "\"action\": \"" action "\"")
#define WATCHDOG(action) DATA("WATCHDOG", "\"action\": \"" action "\"")
#define RESET DATA("RESET", "\"guest\": false, \"reason\": \"x\"")
#define RUN BEGIN EVENT("RESUME")
#define STOP EVENT("STOP")

struct folder {
    char *scratch;
    int fd;
    struct xk_kvm_live live;
};

static void
begin_log(struct folder *f)
{
    xk_kvm_live_close(&f->live);
    assert_int_equal(xk_kvm_live_make(XK_KVM_LOG_EVENTS, &f->live, NULL), 0);
    assert_int_equal(xk_kvm_events_begin(f->fd, &f->live, NULL), 0);
}

static int
setup(void **context)
{
    const struct xk_kvm_claim claim = {.uid = geteuid()};
    struct folder *f = XK_NEW(struct folder);

    f->scratch = scratch_new();
    f->fd = open(f->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->live = XK_KVM_LIVE_NONE;
    *context = f;
    assert_int_equal(xk_kvm_logs_make(f->fd, NULL), 0);
    assert_int_equal(xk_kvm_identity_save_self(f->fd, &claim, NULL), 0);
    begin_log(f);
    return 0;
}

static int
teardown(void **context)
{
    struct folder *f = *context;

    xk_kvm_live_close(&f->live);
    close(f->fd);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static void
log_more(struct folder *f, const char *text, size_t length)
{
    assert_int_equal(xk_write_all(f->live.write_fd, text, length), 0);
}

static void
log_event(struct folder *f, const char *text)
{
    log_more(f, text, strlen(text));
}

static void
gather(struct folder *f)
{
    xk_kvm_events_gather(f->fd, &f->live);
}

static struct xk_kvm_run
read_within(struct folder *f, int ms)
{
    struct xk_kvm_run run;
    struct xk_error err = {0};

    if (xk_kvm_events_read(f->fd, &run, xk_deadline_in_ms(ms), &err) == -1)
        fail_msg("%s", err.message);
    return run;
}

static struct xk_kvm_run
read_run(struct folder *f)
{
    return read_within(f, 60000);
}

static const struct {
    const char *log;
    enum xk_domain_state state;
    enum xk_stop_reason reason;
} logs[] = {
    {"", XK_STATE_PAUSED, 0},
    {BEGIN, XK_STATE_PAUSED, 0},
    {RUN, XK_STATE_RUNNING, 0},
    {RUN STOP, XK_STATE_PAUSED, 0},
    {RUN STOP EVENT("RESUME"), XK_STATE_RUNNING, 0},
    {RUN SHUTDOWN("true", "guest-shutdown"), XK_STATE_SHUTDOWN,
     XK_STOP_POWEROFF},
    {RUN SHUTDOWN("true", "guest-shutdown") STOP, XK_STATE_SHUTDOWN,
     XK_STOP_POWEROFF},
    {RUN SHUTDOWN("true", "guest-reset") STOP, XK_STATE_SHUTDOWN,
     XK_STOP_REBOOT},
    {RUN SHUTDOWN("true", "guest-reset") STOP SHUTDOWN("true", "guest-reset"),
     XK_STATE_SHUTDOWN, XK_STOP_REBOOT},
    {RUN SHUTDOWN("true", "guest-panic") STOP, XK_STATE_CRASHED, XK_STOP_CRASH},
    {RUN PANIC("pause") STOP, XK_STATE_CRASHED, XK_STOP_CRASH},
    {RUN PANIC("run"), XK_STATE_RUNNING, 0},
    {RUN WATCHDOG("pause") STOP, XK_STATE_SHUTDOWN, XK_STOP_WATCHDOG},
    {RUN WATCHDOG("none"), XK_STATE_RUNNING, 0},
    {RUN SHUTDOWN("false", "host-qmp-quit"), XK_STATE_SHUTDOWN,
     XK_STOP_POWEROFF},
    {RUN SHUTDOWN("false", "host-signal"), XK_STATE_SHUTDOWN, XK_STOP_POWEROFF},
    {RUN SHUTDOWN("false", "host-error"), XK_STATE_CRASHED, XK_STOP_CRASH},
    {RUN SHUTDOWN("true", "of-times-to-come"), XK_STATE_SHUTDOWN,
     XK_STOP_POWEROFF},
    /* A guest that stopped before its QEMU was ended keeps its reason. */
    {RUN SHUTDOWN("true", "guest-reset") STOP SHUTDOWN("false", "host-signal"),
     XK_STATE_SHUTDOWN, XK_STOP_REBOOT},
    {RUN PANIC("pause") STOP SHUTDOWN("false", "host-qmp-quit"),
     XK_STATE_CRASHED, XK_STOP_CRASH},
    /* After a reset the guest can run again. */
    {RUN SHUTDOWN("true", "guest-reset") STOP RESET, XK_STATE_PAUSED, 0},
    {RUN SHUTDOWN("true", "guest-reset") STOP RESET EVENT("RESUME"),
     XK_STATE_RUNNING, 0},
    {RUN RESET, XK_STATE_RUNNING, 0},
    {RUN STOP RESET, XK_STATE_PAUSED, 0},
    /* A new QEMU of the same domain. */
    {RUN PANIC("pause") STOP BEGIN, XK_STATE_PAUSED, 0},
    {RUN PANIC("pause") STOP RUN, XK_STATE_RUNNING, 0},
    /* A line that a killed QEMU left torn, and a line that is not an event. */
    {RUN "{\"timestamp\": {\"sec\n" BEGIN, XK_STATE_PAUSED, 0},
    {RUN "STOP\n\n[]\n{\"event\": 3}\n", XK_STATE_RUNNING, 0},
    {RUN EVENT("RTC_CHANGE") EVENT("SUSPEND") EVENT("POWERDOWN"),
     XK_STATE_RUNNING, 0},
    /* Not before the line is complete. */
    {RUN "{\"event\": \"STOP\"}", XK_STATE_RUNNING, 0},
};

static void
the_state_follows_from_the_events(void **context)
{
    struct folder *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(logs); i++) {
        struct xk_kvm_run run;

        begin_log(f);
        log_event(f, logs[i].log);
        run = read_run(f);
        if (run.state != logs[i].state || ((run.state == XK_STATE_SHUTDOWN ||
                                            run.state == XK_STATE_CRASHED) &&
                                           run.reason != logs[i].reason))
            fail_msg("%s, %s: %s", xk_domain_state_name(run.state),
                     xk_stop_reason_name(run.reason), logs[i].log);
    }
}

static void
only_the_guests_own_poweroff_may_stand_for_a_reboot(void **context)
{
    struct folder *f = *context;

    log_event(f, RUN SHUTDOWN("true", "guest-shutdown") STOP);
    assert_true(read_run(f).powered_off);
    log_event(f, RESET EVENT("RESUME"));
    assert_false(read_run(f).powered_off);
    log_event(f, SHUTDOWN("false", "host-signal"));
    assert_false(read_run(f).powered_off);
    assert_true(read_run(f).ending);
}

static void
a_stop_that_no_event_explains_is_noted(void **context)
{
    struct folder *f = *context;

    log_event(f, RUN STOP);
    assert_true(read_run(f).stop_unexplained);
    log_event(f, EVENT("RESUME"));
    assert_false(read_run(f).stop_unexplained);
    log_event(f, PANIC("pause") STOP);
    assert_false(read_run(f).stop_unexplained);
}

static void
log_much(struct folder *f, size_t bytes)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    while (text.length < bytes)
        xk_buf_puts(&text, DATA("RTC_CHANGE", "\"offset\": 1"));
    log_event(f, text.data);
}

static void
a_qemu_that_was_not_negotiated_with_is_told_apart(void **context)
{
    struct folder *f = *context;

    log_event(f, GREETING);
    assert_false(read_run(f).negotiated);
    log_event(f, "{\"return\": {}}\n");
    assert_true(read_run(f).negotiated);
    log_event(f, EVENT("RESUME") PANIC("pause") STOP RESET);
    log_much(f, 300 << 10);
    gather(f);
    assert_true(read_run(f).negotiated);
    log_event(f, GREETING);
    assert_false(read_run(f).negotiated);
}

static off_t
size_of(struct folder *f)
{
    struct stat st;

    assert_int_equal(fstatat(f->fd, XK_KVM_FILE_EVENTS, &st, 0), 0);
    return st.st_size;
}

static void
what_was_taken_is_kept_as_text_and_the_state_stays(void **context)
{
    struct folder *f = *context;
    off_t kept = 0;

    log_event(f, RUN SHUTDOWN("true", "guest-shutdown") STOP);
    for (int i = 0; i < 12; i++) {
        struct xk_kvm_run run;

        log_much(f, 200 << 10);
        gather(f);
        run = read_run(f);
        assert_int_equal(run.state, XK_STATE_SHUTDOWN);
        assert_int_equal(run.reason, XK_STOP_POWEROFF);
        assert_true(run.powered_off);
        assert_true(size_of(f) <= XK_KVM_LOG_MAX);
        assert_true(i != 0 || size_of(f) > 200 << 10);
        kept = size_of(f);
    }
    assert_true(kept >= XK_KVM_LOG_KEEP);
    log_event(f, RESET EVENT("RESUME"));
    assert_int_equal(read_run(f).state, XK_STATE_RUNNING);
}

static void
reading_gives_back_too_so_that_there_is_room_without_a_monitor(void **context)
{
    struct folder *f = *context;

    log_event(f, RUN);
    for (int i = 0; i < 4; i++) {
        log_much(f, 300 << 10);
        assert_int_equal(read_run(f).state, XK_STATE_RUNNING);
        assert_int_equal(xk_kvm_live_end(&f->live), 0);
    }
}

/* Nobody else holds the log of a QEMU that ended. */
static void
a_state_that_somebody_saw_outlives_its_log(void **context)
{
    struct folder *f = *context;

    log_event(f, RUN);
    read_run(f);
    log_event(f, SHUTDOWN("true", "guest-reset") STOP);
    read_run(f);
    log_event(f, RESET EVENT("RESUME")); /* nobody sees that */
    xk_kvm_live_close(&f->live);
    assert_int_equal(read_run(f).state, XK_STATE_SHUTDOWN);
    assert_int_equal(read_run(f).reason, XK_STOP_REBOOT);
    assert_true(read_run(f).doubtful); /* this process is alive */
}

/* As a monitor does: it still has the log open. */
static void
the_last_events_of_one_that_ended_can_be_gathered(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_live held = f->live;

    log_event(f, RUN SHUTDOWN("true", "guest-reset") STOP);
    xk_kvm_events_gather(f->fd, &held);
    xk_kvm_live_close(&f->live);
    assert_int_equal(read_run(f).reason, XK_STOP_REBOOT);
}

static void
a_log_of_a_qemu_that_is_gone_says_nothing_of_the_next(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_live old = f->live;

    log_event(f, RUN SHUTDOWN("true", "guest-reset") STOP);
    f->live = XK_KVM_LIVE_NONE;
    begin_log(f);
    xk_kvm_events_gather(f->fd, &old);
    xk_kvm_live_close(&old);
    assert_int_equal(read_run(f).state, XK_STATE_PAUSED);
    assert_false(read_run(f).negotiated);
}

static void
what_does_not_fit_is_refused_and_leaves_the_state_in_doubt(void **context)
{
    struct folder *f = *context;
    XK_CLEANUP_FREE char *much = xk_calloc(1, XK_KVM_LIVE_ROOM);
    struct stat st;

    log_event(f, RUN);
    memset(much, '\n', XK_KVM_LIVE_ROOM);
    assert_int_equal(xk_write_all(f->live.write_fd, much, XK_KVM_LIVE_ROOM),
                     -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(write(f->live.write_fd, "x", 1), -1);
    assert_int_equal(fstat(f->live.fd, &st), 0);
    assert_int_equal(st.st_size, XK_KVM_LIVE_ROOM);
    assert_int_equal(read_within(f, 0).state, XK_STATE_RUNNING);
    assert_true(read_within(f, 0).doubtful);
    /* A reader that has time frees room. */
    assert_true(read_run(f).doubtful);
    log_event(f, STOP);
    assert_int_equal(read_run(f).state, XK_STATE_PAUSED);
}

/* A process that saved an older offset last must not hide later events. */
static void
an_old_note_of_what_was_taken_is_no_dead_end(void **context)
{
    static const char *const notes[] = {
        "{\"offset\":0,\"state\":0,\"reason\":0}",
        "{\"offset\":10,\"state\":0,\"reason\":0}",
        "{\"offset\":-1}",
        "{\"offset\":0,\"state\":77,\"reason\":0}",
        "not json",
        "",
    };
    struct folder *f = *context;

    log_event(f, RUN);
    log_much(f, 100 << 10);
    gather(f);
    log_event(f, PANIC("pause") STOP);
    for (size_t i = 0; i < XK_ARRAY_SIZE(notes); i++) {
        assert_int_equal(xk_write_file(f->fd, XK_KVM_FILE_TAKEN, notes[i],
                                       strlen(notes[i]), false, NULL),
                         0);
        assert_int_equal(read_run(f).state, XK_STATE_CRASHED);
    }
}

static void
an_endless_line_is_stepped_over(void **context)
{
    struct folder *f = *context;
    const size_t length = 100 << 10;
    XK_CLEANUP_FREE char *much = xk_calloc(1, length);

    memset(much, 'z', length);
    log_event(f, RUN);
    log_more(f, much, length);
    assert_int_equal(read_run(f).state, XK_STATE_RUNNING);
    log_event(f, "\n" STOP);
    assert_int_equal(read_run(f).state, XK_STATE_PAUSED);
}

static void
a_look_tells_whether_the_state_may_have_changed(void **context)
{
    struct folder *f = *context;
    off_t looked = 0;

    log_event(f, BEGIN);
    assert_true(xk_kvm_events_scan(&f->live, &looked));
    assert_false(xk_kvm_events_scan(&f->live, &looked));
    log_event(f, DATA("RTC_CHANGE", "\"offset\": 1"));
    assert_false(xk_kvm_events_scan(&f->live, &looked));
    log_event(f, "{\"event\": ");
    assert_false(xk_kvm_events_scan(&f->live, &looked));
    log_event(f, "\"STOP\"}\n");
    assert_true(xk_kvm_events_scan(&f->live, &looked));
    log_much(f, 300 << 10);
    gather(f);
    assert_true(xk_kvm_events_scan(&f->live, &looked));
    assert_false(xk_kvm_events_scan(&f->live, &looked));
}

/* Padding that makes the log end, or the next line begin, at a page
 * boundary. */
static void
log_to_the_end_of_a_page(struct folder *f, size_t lacking)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    size_t end = (size_t)xk_kvm_live_end(&f->live);

    xk_buf_puts(&text, STAMP "\"event\": \"OTHER\", \"data\": {\"a\": \"");
    while ((end + text.length + lacking + 5) % 4096 != 0)
        xk_buf_puts(&text, "x");
    xk_buf_puts(&text, "\"}}\r\n");
    log_more(f, text.data, text.length);
}

static void
a_log_that_shows_that_a_write_failed_leaves_the_state_in_doubt(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_run run;

    log_event(f, RUN);
    assert_false(read_run(f).doubtful);
    log_event(f, "{\"timestamp\": {\"seconds\": 17, \"mic"); /* torn */
    run = read_run(f);
    assert_true(run.doubtful);
    assert_int_equal(run.state, XK_STATE_RUNNING);
    /* Later events are not lost with it, and may end the doubt. */
    log_event(f, STOP);
    run = read_run(f);
    assert_true(run.doubtful);
    assert_int_equal(run.state, XK_STATE_PAUSED);
    log_event(f, EVENT("RESUME"));
    assert_false(read_run(f).doubtful);
    log_event(f, "{\"timestamp\": {");
    log_event(f, SHUTDOWN("true", "guest-reset"));
    run = read_run(f);
    assert_false(run.doubtful);
    assert_int_equal(run.state, XK_STATE_SHUTDOWN);
    assert_int_equal(run.reason, XK_STOP_REBOOT);
}

static void
a_line_that_is_lost_where_a_page_ends_leaves_the_state_in_doubt(void **context)
{
    struct folder *f = *context;

    log_event(f, RUN);
    log_to_the_end_of_a_page(f, 0);
    assert_true(read_run(f).doubtful);
    log_event(f, STOP);
    assert_true(read_run(f).doubtful);
    log_event(f, EVENT("RESUME"));
    assert_false(read_run(f).doubtful);
    log_to_the_end_of_a_page(f, 7);
    assert_false(read_run(f).doubtful);
}

static void
what_is_left_when_time_is_up_is_passed_over_but_for_the_last(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_run run;

    log_event(f, RUN);
    log_much(f, 100 << 10);
    run = read_within(f, 0); /* this much is read in any case */
    assert_int_equal(run.state, XK_STATE_RUNNING);
    assert_false(run.doubtful);
    read_run(f);
    log_event(f, STOP);
    log_much(f, 300 << 10);
    run = read_within(f, 0);
    assert_int_equal(run.state, XK_STATE_PAUSED);
    assert_true(run.doubtful);
    log_event(f, SHUTDOWN("true", "guest-reset"));
    run = read_within(f, 0);
    assert_int_equal(run.state, XK_STATE_SHUTDOWN);
    assert_int_equal(run.reason, XK_STOP_REBOOT);
}

/* Only a hostile QEMU can write these bytes, but then at any time. Checking
 * after each byte would take half a minute. */
static void
zeros_in_a_log_are_stepped_over_at_once(void **context)
{
    struct folder *f = *context;
    const size_t much = 200 << 10;
    XK_CLEANUP_FREE char *zeros = xk_calloc(1, much);
    struct xk_deadline at_once = xk_deadline_in_ms(2000);
    struct xk_kvm_run run;

    log_event(f, RUN);
    log_more(f, zeros, much);
    log_event(f, STOP);
    run = read_run(f);
    assert_int_equal(run.state, XK_STATE_PAUSED);
    assert_true(run.doubtful);
    assert_int_not_equal(xk_deadline_left_ms(at_once), 0);
}

static void
a_log_that_is_used_up_begins_anew_and_leaves_the_state_in_doubt(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_run run;
    off_t looked = 0;

    log_event(f, RUN);
    log_much(f, 300 << 10);
    assert_true(xk_kvm_events_scan(&f->live, &looked));
    run = read_run(f);
    assert_int_equal(run.state, XK_STATE_RUNNING);
    assert_true(run.negotiated);
    assert_int_equal(xk_kvm_live_end(&f->live), 0);
    assert_true(read_run(f).doubtful);
    /* Another reader notices it too, and continues at the new front. */
    assert_true(xk_kvm_events_scan(&f->live, &looked));
    assert_false(xk_kvm_events_scan(&f->live, &looked));
    log_event(f, SHUTDOWN("true", "guest-reset"));
    assert_true(xk_kvm_events_scan(&f->live, &looked));
    run = read_run(f);
    assert_false(run.doubtful);
    assert_int_equal(run.state, XK_STATE_SHUTDOWN);
    assert_int_equal(run.reason, XK_STOP_REBOOT);
}

static void
what_qemu_says_ends_the_doubt_unless_the_log_began_anew_since(void **context)
{
    struct folder *f = *context;
    struct xk_kvm_run run;

    log_event(f, RUN);
    log_much(f, 300 << 10);
    read_run(f);
    run = read_run(f);
    assert_true(run.doubtful);
    log_event(f, STOP);
    xk_kvm_events_settle(f->fd, &run);
    assert_false(read_run(f).doubtful);
    assert_int_equal(read_run(f).state, XK_STATE_PAUSED);
    log_much(f, 300 << 10);
    run = read_run(f);
    xk_kvm_events_settle(f->fd, &run);
    assert_true(read_run(f).doubtful);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(the_state_follows_from_the_events),
        T(only_the_guests_own_poweroff_may_stand_for_a_reboot),
        T(a_stop_that_no_event_explains_is_noted),
        T(a_qemu_that_was_not_negotiated_with_is_told_apart),
        T(what_was_taken_is_kept_as_text_and_the_state_stays),
        T(reading_gives_back_too_so_that_there_is_room_without_a_monitor),
        T(a_state_that_somebody_saw_outlives_its_log),
        T(the_last_events_of_one_that_ended_can_be_gathered),
        T(a_log_of_a_qemu_that_is_gone_says_nothing_of_the_next),
        T(what_does_not_fit_is_refused_and_leaves_the_state_in_doubt),
        T(an_old_note_of_what_was_taken_is_no_dead_end),
        T(an_endless_line_is_stepped_over),
        T(a_look_tells_whether_the_state_may_have_changed),
        T(a_log_that_shows_that_a_write_failed_leaves_the_state_in_doubt),
        T(a_line_that_is_lost_where_a_page_ends_leaves_the_state_in_doubt),
        T(what_is_left_when_time_is_up_is_passed_over_but_for_the_last),
        T(zeros_in_a_log_are_stepped_over_at_once),
        T(a_log_that_is_used_up_begins_anew_and_leaves_the_state_in_doubt),
        T(what_qemu_says_ends_the_doubt_unless_the_log_began_anew_since),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
