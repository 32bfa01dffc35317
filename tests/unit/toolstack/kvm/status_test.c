/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a domain, from its log and its process, with a stand-in for
 * QEMU: a test cannot make KVM fail, as some states need. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/fakes/scratch.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/logs.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/status.h"
#include "toolstack/qmp.h"

#define GREETING "{\"QMP\": {}}\n"
#define EVENT(name) "{\"event\": \"" name "\"}\n"
#define SHUTDOWN(why)                                                          \
    "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"" why "\"}}\n"
#define RUN GREETING EVENT("RESUME")

struct fixture {
    char *scratch;
    int fd; /* of the record's directory */
    pid_t qemu;
    struct xk_kvm_live log; /* of its events */
    bool without_log;
    const char *dies_saying; /* what it logs at the command to run; NULL: it
                                does not run */
    struct xk_error err;
};

/* Answer query-status to one client after the other. */
static void
serve(int listener, const char *status)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        XK_CLEANUP_FREE char *answer = xk_asprintf(
            "{\"return\": {\"status\": \"%s\"}, \"id\": 2}\n", status);
        char line[4096];

        if (fd == -1)
            _exit(1);
        if (xk_write_all(fd, GREETING, strlen(GREETING)) == 0 &&
            read(fd, line, sizeof(line)) > 0 &&
            xk_write_all(fd, "{\"return\": {}, \"id\": 1}\n", 24) == 0 &&
            read(fd, line, sizeof(line)) > 0 &&
            xk_write_all(fd, answer, strlen(answer)) == 0)
            (void)!read(fd, line, sizeof(line));
        close(fd);
    }
}

/* Take one client's command to run. Run the guest or not, and exit without an
 * answer. */
static void
serve_and_die(const struct fixture *f, int listener, const char *logged)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char line[4096];

    if (xk_write_all(fd, GREETING, strlen(GREETING)) == 0 &&
        read(fd, line, sizeof(line)) > 0 &&
        xk_write_all(fd, "{\"return\": {}, \"id\": 1}\n", 24) == 0 &&
        read(fd, line, sizeof(line)) > 0 && strstr(line, "\"cont\"") != NULL)
        (void)xk_write_all(f->log.write_fd, logged, strlen(logged));
    _exit(0);
}

static void
end_qemu(struct fixture *f)
{
    if (f->qemu <= 0)
        return;
    kill(f->qemu, SIGKILL);
    assert_int_equal(waitpid(f->qemu, NULL, 0), f->qemu);
    f->qemu = 0;
    /* As the monitor does: it has the log open. */
    xk_kvm_events_gather(f->fd, &f->log);
}

static void
begin_log(struct fixture *f)
{
    xk_kvm_live_close(&f->log);
    assert_int_equal(xk_kvm_logs_make(f->fd, &f->err), 0);
    assert_int_equal(xk_kvm_live_make(XK_KVM_LOG_EVENTS, &f->log, &f->err), 0);
    assert_int_equal(xk_kvm_events_begin(f->fd, &f->log, &f->err), 0);
}

/* A process that the record names as its QEMU, and that reports this status. */
static void
start_qemu(struct fixture *f, const char *status)
{
    const struct xk_kvm_claim claim = {.uid = geteuid(), .made_ns = 5};
    int ends[2];
    char byte;

    end_qemu(f);
    if (!f->without_log)
        begin_log(f);
    assert_int_equal(pipe(ends), 0);
    f->qemu = fork();
    if (f->qemu == 0) {
        int listener = xk_qmp_listen(f->fd, XK_KVM_FILE_QMP, NULL);

        if (listener == -1 ||
            xk_kvm_identity_save_self(f->fd, &claim, NULL) == -1 ||
            write(ends[1], "1", 1) != 1)
            _exit(1);
        if (f->dies_saying != NULL)
            serve_and_die(f, listener, f->dies_saying);
        serve(listener, status);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    close(ends[1]);
}

static int
setup(void **context)
{
    struct fixture *f = XK_NEW(struct fixture);

    f->scratch = scratch_new();
    f->fd = open(f->scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->log = XK_KVM_LIVE_NONE;
    *context = f;
    return f->fd == -1 ? -1 : 0;
}

static int
teardown(void **context)
{
    struct fixture *f = *context;

    end_qemu(f);
    xk_kvm_live_close(&f->log);
    close(f->fd);
    scratch_free(f->scratch);
    free(f);
    return 0;
}

static void
write_log(struct fixture *f, const char *text)
{
    xk_kvm_live_give_back(&f->log, 0, XK_KVM_LIVE_ROOM);
    assert_true(xk_kvm_live_rewind(&f->log));
    assert_int_equal(xk_kvm_events_begin(f->fd, &f->log, NULL), 0);
    assert_int_equal(xk_write_all(f->log.write_fd, text, strlen(text)), 0);
}

static struct xk_kvm_status
read_status(struct fixture *f)
{
    struct xk_kvm_status status;

    if (xk_kvm_status_read(f->fd, &status, xk_deadline_in_ms(5000), &f->err) ==
        -1)
        fail_msg("%s", f->err.message);
    return status;
}

static void
a_record_without_a_process_has_no_state(void **context)
{
    struct fixture *f = *context;
    struct xk_kvm_status status;

    assert_int_equal(
        xk_kvm_status_read(f->fd, &status, xk_deadline_in_ms(100), &f->err),
        -1);
    assert_int_equal(f->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_living_process_is_in_the_state_of_its_log(void **context)
{
    struct fixture *f = *context;
    struct xk_kvm_status status;

    start_qemu(f, "running");
    write_log(f, RUN);
    status = read_status(f);
    assert_true(status.alive);
    assert_int_equal(status.state, XK_STATE_RUNNING);
    assert_int_equal(status.process.pid, f->qemu);
    assert_int_equal(status.claim.made_ns, 5);
    write_log(f, RUN SHUTDOWN("host-signal"));
    assert_int_equal(read_status(f).state, XK_STATE_DYING);
}

static void
a_dead_process_that_said_nothing_has_crashed(void **context)
{
    static const struct {
        const char *log;
        enum xk_domain_state state;
        enum xk_stop_reason reason;
    } rows[] = {
        {GREETING, XK_STATE_CRASHED, XK_STOP_CRASH},
        {RUN, XK_STATE_CRASHED, XK_STOP_CRASH},
        {RUN EVENT("STOP"), XK_STATE_CRASHED, XK_STOP_CRASH},
        {RUN SHUTDOWN("host-qmp-quit"), XK_STATE_SHUTDOWN, XK_STOP_POWEROFF},
        {RUN SHUTDOWN("host-signal"), XK_STATE_SHUTDOWN, XK_STOP_POWEROFF},
        {RUN SHUTDOWN("guest-reset"), XK_STATE_SHUTDOWN, XK_STOP_REBOOT},
    };
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        struct xk_kvm_status status;

        start_qemu(f, "running");
        write_log(f, rows[i].log);
        end_qemu(f);
        status = read_status(f);
        assert_false(status.alive);
        assert_int_equal(status.state, rows[i].state);
        assert_int_equal(status.reason, rows[i].reason);
    }
}

static void
a_pid_that_another_process_has_by_now_is_no_qemu(void **context)
{
    struct fixture *f = *context;
    XK_CLEANUP_FREE char *text =
        xk_asprintf("{\"pid\":%d,\"start_ticks\":1,\"uid\":0,\"made_ns\":1}",
                    (int)getpid());

    assert_int_equal(xk_write_file(f->fd, XK_KVM_FILE_PROCESS, text,
                                   strlen(text), false, NULL),
                     0);
    assert_false(read_status(f).alive);
}

/* Nobody had the log open when QEMU ended: the state is the last one that a
 * process saw. */
static void
what_nobody_saw_before_the_end_is_not_known(void **context)
{
    struct fixture *f = *context;

    start_qemu(f, "shutdown");
    write_log(f, RUN);
    assert_int_equal(read_status(f).state, XK_STATE_RUNNING);
    write_log(f, RUN SHUTDOWN("guest-shutdown") EVENT("STOP"));
    xk_kvm_live_close(&f->log);
    end_qemu(f);
    assert_int_equal(read_status(f).state, XK_STATE_CRASHED);
    /* A verb is enough. */
    start_qemu(f, "shutdown");
    write_log(f, RUN SHUTDOWN("guest-shutdown") EVENT("STOP"));
    read_status(f);
    xk_kvm_live_close(&f->log);
    end_qemu(f);
    assert_int_equal(read_status(f).state, XK_STATE_SHUTDOWN);
    assert_int_equal(read_status(f).reason, XK_STOP_POWEROFF);
}

/* QEMU has no such memory, and the record no saved state of one, but a log
 * behind a hole. */
static void
a_qemu_of_an_older_xk_is_asked_and_its_log_read(void **context)
{
    static const char log[] = RUN SHUTDOWN("guest-reset") EVENT("STOP");
    struct fixture *f = *context;
    XK_CLEANUP_CLOSE int fd = -1;

    f->without_log = true;
    start_qemu(f, "shutdown");
    assert_int_equal(read_status(f).state, XK_STATE_SHUTDOWN);
    assert_int_equal(read_status(f).reason, XK_STOP_POWEROFF);
    fd =
        openat(f->fd, XK_KVM_FILE_EVENTS, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pwrite(fd, log, strlen(log), (off_t)1 << 40), strlen(log));
    assert_int_equal(read_status(f).state, XK_STATE_SHUTDOWN);
    assert_int_equal(read_status(f).reason, XK_STOP_REBOOT);
    start_qemu(f, "running");
    assert_int_equal(read_status(f).state, XK_STATE_RUNNING);
}

static void
a_stop_for_no_reason_is_asked_about(void **context)
{
    static const struct {
        const char *answer;
        enum xk_domain_state state;
    } rows[] = {
        {"internal-error", XK_STATE_CRASHED},
        {"paused", XK_STATE_PAUSED},
        {"io-error", XK_STATE_PAUSED},
    };
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        start_qemu(f, rows[i].answer);
        write_log(f, RUN EVENT("STOP"));
        assert_int_equal(read_status(f).state, rows[i].state);
    }
    start_qemu(f, "internal-error");
    write_log(f, RUN EVENT("STOP"));
    assert_int_equal(xk_kvm_mark(f->fd, XK_KVM_FILE_PAUSED, &f->err), 0);
    assert_int_equal(read_status(f).state, XK_STATE_PAUSED); /* we paused it */
    xk_kvm_unmark(f->fd, XK_KVM_FILE_PAUSED);
    kill(f->qemu, SIGSTOP); /* a QEMU that does not answer costs little time */
    assert_int_equal(read_status(f).state, XK_STATE_PAUSED);
}

static void
a_reboot_that_was_asked_for_comes_as_a_poweroff(void **context)
{
    struct fixture *f = *context;

    start_qemu(f, "shutdown");
    assert_int_equal(xk_kvm_expect_reboot(f->fd, &f->err), 0);
    write_log(f, RUN SHUTDOWN("guest-shutdown") EVENT("STOP"));
    assert_int_equal(read_status(f).reason, XK_STOP_REBOOT);
    write_log(f, RUN "{\"event\": \"GUEST_PANICKED\"}\n");
    assert_int_equal(read_status(f).reason, XK_STOP_CRASH);
    xk_kvm_unmark(f->fd, XK_KVM_FILE_REBOOT);
    write_log(f, RUN SHUTDOWN("guest-shutdown") EVENT("STOP"));
    assert_int_equal(read_status(f).reason, XK_STOP_POWEROFF);
}

enum {
    MINUTE = 60
};

static int64_t
seconds_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec;
}

/* Set up a reboot request that many seconds ago, and a poweroff that many
 * seconds later. CLOCK_REALTIME was set by `step` in between. */
static enum xk_stop_reason
reason_after(struct fixture *f, int64_t asked_ago, int64_t took, int64_t step)
{
    int64_t wall = seconds_of(CLOCK_REALTIME) - asked_ago;
    XK_CLEANUP_FREE char *mark =
        xk_asprintf("%" PRId64 "000000000 %" PRId64 "000000000\n",
                    seconds_of(CLOCK_BOOTTIME) - asked_ago, wall - step);
    XK_CLEANUP_FREE char *log =
        xk_asprintf(RUN "{\"timestamp\": {\"seconds\": %" PRId64
                        ", \"microseconds\": 5}, \"event\": \"SHUTDOWN\", "
                        "\"data\": {\"reason\": \"guest-shutdown\"}}\n",
                    wall + took);

    assert_int_equal(xk_write_file(f->fd, XK_KVM_FILE_REBOOT, mark,
                                   strlen(mark), false, NULL),
                     0);
    write_log(f, log);
    return read_status(f).reason;
}

static void
a_reboot_that_was_not_heeded_within_a_minute_lapses(void **context)
{
    struct fixture *f = *context;
    const int64_t long_ago = seconds_of(CLOCK_BOOTTIME) > 5 * MINUTE
                                 ? 4 * MINUTE
                                 : seconds_of(CLOCK_BOOTTIME) - 1;

    assert_true(long_ago > 2 * MINUTE);
    start_qemu(f, "shutdown");
    assert_int_equal(reason_after(f, 5, 3, 0), XK_STOP_REBOOT);
    assert_int_equal(reason_after(f, long_ago, long_ago - 1, 0),
                     XK_STOP_POWEROFF);
    /* We look late, but the guest powered off in time. */
    assert_int_equal(reason_after(f, long_ago, MINUTE / 2, 0), XK_STOP_REBOOT);
    assert_int_equal(reason_after(f, long_ago, MINUTE / 2, 3600),
                     XK_STOP_REBOOT);
    assert_int_equal(reason_after(f, 5, 3, -3600), XK_STOP_REBOOT);
    assert_int_equal(reason_after(f, long_ago, long_ago - 1, 3600),
                     XK_STOP_POWEROFF);
    assert_int_equal(reason_after(f, long_ago, long_ago - 1, -3600),
                     XK_STOP_POWEROFF);
}

static void
where_the_log_has_a_hole_the_state_is_what_qemu_says(void **context)
{
    static const struct {
        const char *log, *answer;
        enum xk_domain_state state;
        enum xk_stop_reason reason;
    } rows[] = {
        {RUN "{\"ev", "shutdown", XK_STATE_SHUTDOWN, XK_STOP_POWEROFF},
        {RUN "{\"ev", "running", XK_STATE_RUNNING, XK_STOP_POWEROFF},
        {RUN "{\"ev", "guest-panicked", XK_STATE_CRASHED, XK_STOP_CRASH},
        {RUN "{\"ev", "watchdog", XK_STATE_SHUTDOWN, XK_STOP_WATCHDOG},
        {RUN "{\"ev", "paused", XK_STATE_PAUSED, XK_STOP_POWEROFF},
        {RUN SHUTDOWN("guest-reset") "{\"ev", "shutdown", XK_STATE_SHUTDOWN,
         XK_STOP_REBOOT},
        {RUN SHUTDOWN("guest-reset") "{\"ev", "running", XK_STATE_RUNNING,
         XK_STOP_POWEROFF},
        /* Without a hole QEMU is not asked. */
        {RUN, "shutdown", XK_STATE_RUNNING, XK_STOP_POWEROFF},
    };
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        struct xk_kvm_status status;
        XK_CLEANUP_FREE char *log = xk_asprintf(
            "%s{\"return\": {}}\n%s", GREETING, rows[i].log + strlen(GREETING));

        start_qemu(f, rows[i].answer);
        write_log(f, log);
        status = read_status(f);
        assert_int_equal(status.state, rows[i].state);
        assert_int_equal(status.reason, rows[i].reason);
    }
}

/* The log has been rewound since: only the saved state has QEMU's first
 * events. */
static void
where_the_notes_of_the_log_are_lost_qemu_is_asked(void **context)
{
    static const char *const notes[] = {NULL, "", "x", "{}", "{\"log\":1}"};
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(notes); i++) {
        start_qemu(f, "running");
        write_log(f, "");
        assert_int_equal(unlinkat(f->fd, XK_KVM_FILE_TAKEN, 0), 0);
        if (notes[i] != NULL)
            assert_int_equal(xk_write_file(f->fd, XK_KVM_FILE_TAKEN, notes[i],
                                           strlen(notes[i]), false, NULL),
                             0);
        assert_int_equal(read_status(f).state, XK_STATE_RUNNING);
    }
}

static void
files_that_are_not_what_was_written_are_errors(void **context)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[1]",
        "{\"pid\":-1,\"start_ticks\":1}",
        "{\"pid\":1,\"start_ticks\":1,\"uid\":-1,\"made_ns\":1}",
        "x"};
    struct fixture *f = *context;

    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        struct xk_kvm_status status;

        assert_int_equal(xk_write_file(f->fd, XK_KVM_FILE_PROCESS, texts[i],
                                       strlen(texts[i]), false, NULL),
                         0);
        assert_int_equal(
            xk_kvm_status_read(f->fd, &status, xk_deadline_in_ms(100), &f->err),
            -1);
        assert_int_equal(f->err.kind, XK_ERR_PROTOCOL);
    }
}

/* A QEMU that ended without an answer may have run the guest or not: the source
 * resumes the guest only if it did not run. */
static void
a_qemu_that_ends_over_the_order_to_run_is_judged_by_its_log(void **context)
{
    static const struct {
        const char *logged;
        bool told;
    } rows[] = {{"", false}, {EVENT("RESUME"), true}};
    struct fixture *f = *context;
    struct xk_record record = {.dir_fd = f->fd, .lock_fd = -1};
    struct xk_domain domain = {.record = &record, .domid = -1};

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        bool told;

        f->dies_saying = rows[i].logged;
        start_qemu(f, "");
        write_log(f, GREETING);
        assert_int_equal(xk_kvm_unpause_received(NULL, &domain, &told,
                                                 xk_deadline_in_ms(10000),
                                                 &f->err),
                         -1);
        assert_int_equal(told, rows[i].told);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_record_without_a_process_has_no_state),
        T(a_living_process_is_in_the_state_of_its_log),
        T(a_dead_process_that_said_nothing_has_crashed),
        T(a_pid_that_another_process_has_by_now_is_no_qemu),
        T(what_nobody_saw_before_the_end_is_not_known),
        T(a_qemu_of_an_older_xk_is_asked_and_its_log_read),
        T(a_stop_for_no_reason_is_asked_about),
        T(a_reboot_that_was_asked_for_comes_as_a_poweroff),
        T(a_reboot_that_was_not_heeded_within_a_minute_lapses),
        T(where_the_log_has_a_hole_the_state_is_what_qemu_says),
        T(where_the_notes_of_the_log_are_lost_qemu_is_asked),
        T(files_that_are_not_what_was_written_are_errors),
        T(a_qemu_that_ends_over_the_order_to_run_is_judged_by_its_log),
    };
#undef T

    return cmocka_run_group_tests(tests, NULL, NULL);
}
