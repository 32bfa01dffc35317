/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consoles, waiting and watching, with a real QEMU and a small guest. */
#include "tests/unit/test.h"

#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/process.h"
#include "tests/unit/toolstack/kvm/support.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/logs.h"

/* ---- consoles ---- */

static bool
log_holds(int fd, char byte)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    assert_int_not_equal(lseek(fd, 0, SEEK_SET), -1);
    assert_int_equal(xk_read_fd(fd, "log", XK_KVM_LOG_MAX, &text, NULL), 0);
    return memchr(text.data, byte, text.length) != NULL;
}

static void
several_people_join_a_console_and_leave_it(void **context)
{
    struct kvm_world *w = *context;
    struct xk_console consoles[3];

    kvm_start(w, "");
    for (size_t i = 0; i < 3; i++)
        WORKS(w, xk_kvm_ops.domain->console(w->hv, &w->domain, 0, &consoles[i],
                                            &w->err));
    for (size_t i = 0; i < 3; i++) {
        char key = (char)('1' + i);

        assert_int_equal(write(consoles[i].input_fd, &key, 1), 1);
        kvm_wait_printed(w, key, 1);
        for (size_t other = i; other < 3; other++) {
            assert_true(log_holds(consoles[other].log_fd, key));
            assert_true(log_holds(consoles[other].log_fd, 'R'));
        }
        xk_console_close(&consoles[i]);
    }
    /* After the last client has left, the guest still runs and takes input. */
    kvm_type(w, '4');
    kvm_wait_printed(w, '4', 1);
    HAS_FAILED(xk_kvm_ops.domain->console(w->hv, &w->domain, 1, &consoles[0],
                                          &w->err));
    assert_int_equal(w->err.kind, XK_ERR_NOT_FOUND);
}

static void
a_console_sees_the_end_of_the_domain(void **context)
{
    struct kvm_world *w = *context;
    struct xk_console console;

    kvm_start(w, "");
    WORKS(w,
          xk_kvm_ops.domain->console(w->hv, &w->domain, 0, &console, &w->err));
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    assert_int_not_equal(
        xk_deadline_poll(kvm_soon(), console.end_fd, POLLIN, "domain", &w->err),
        -1);
    xk_console_close(&console);
    HAS_FAILED(
        xk_kvm_ops.domain->console(w->hv, &w->domain, 0, &console, &w->err));
    assert_int_equal(w->err.kind, XK_ERR_STATE);
}

/* No file of the record is longer, whatever the guest does. */
static off_t
size_of(const struct kvm_world *w, const char *name)
{
    struct stat st;

    assert_int_equal(fstatat(w->domain.record->dir_fd, name, &st, 0), 0);
    assert_true(st.st_size <= XK_KVM_LOG_MAX);
    return st.st_size;
}

static off_t
memory_of(const struct xk_kvm_live *live)
{
    struct stat st;

    assert_int_equal(fstat(live->fd, &st), 0);
    assert_int_equal(st.st_size, XK_KVM_LIVE_ROOM);
    return st.st_blocks * 512;
}

static struct xk_kvm_live
open_live(const struct kvm_world *w, enum xk_kvm_log which)
{
    struct xk_kvm_live live = xk_kvm_live_of(w->domain.record->dir_fd, which);

    assert_int_not_equal(live.fd, -1);
    assert_int_not_equal(live.write_fd, -1);
    return live;
}

/* As if the guest had already printed much: emulation is slow. */
static void
fill(const struct xk_kvm_live *live, off_t end)
{
    XK_CLEANUP_FREE char *much = xk_calloc(1, XK_KVM_LIVE_ROOM);
    off_t begin = xk_kvm_live_end(live);

    assert_true(begin < end);
    memset(much, 'y', XK_KVM_LIVE_ROOM);
    assert_int_equal(xk_write_all(live->write_fd, much, (size_t)(end - begin)),
                     0);
}

/* QEMU writes until the kernel refuses. */
static void
await_full(struct kvm_world *w, const struct xk_kvm_live *live)
{
    XK_CLEANUP_CLOSE int change_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    char skipped[4096];

    assert_int_not_equal(xk_kvm_live_watch(live, change_fd, IN_MODIFY), -1);
    while (xk_kvm_live_end(live) < XK_KVM_LIVE_ROOM) {
        if (xk_deadline_poll(kvm_soon(), change_fd, POLLIN, "guest", &w->err) ==
            -1)
            fail_msg("%s", w->err.message);
        (void)!read(change_fd, skipped, sizeof(skipped));
    }
}

static void
a_flooding_guest_fills_no_more_than_its_log_while_nobody_gathers(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_LIVE struct xk_kvm_live live = XK_KVM_LIVE_NONE;
    struct xk_console console;

    kvm_start(w, "");
    live = open_live(w, XK_KVM_LOG_CONSOLE);
    fill(&live, XK_KVM_LIVE_ROOM - 8192);
    kvm_type(w, GUEST_FLOOD);
    await_full(w, &live);
    assert_true(memory_of(&live) <= XK_KVM_LIVE_ROOM);
    assert_true(size_of(w, XK_KVM_FILE_CONSOLE) < 4096);
    assert_int_equal(kvm_state(w), XK_STATE_RUNNING);
    /* A reader makes room, and the guest's output goes on. */
    xk_kvm_ops.monitor->trim(w->hv, &w->domain.uuid);
    assert_true(size_of(w, XK_KVM_FILE_CONSOLE) > XK_KVM_LIVE_ROOM - 8192);
    assert_true(xk_kvm_live_end(&live) < XK_KVM_LIVE_ROOM);
    WORKS(w,
          xk_kvm_ops.domain->console(w->hv, &w->domain, 0, &console, &w->err));
    assert_true(log_holds(console.log_fd, 'R'));
    xk_console_close(&console);
    kvm_wait_printed(w, 'x', kvm_printed(w, 'x') + 100);
}

/* The newest output is kept: the log ends with what the guest printed last. */
static void
a_log_that_was_gathered_often_stays_short(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_LIVE struct xk_kvm_live live = XK_KVM_LIVE_NONE;

    kvm_start(w, "");
    live = open_live(w, XK_KVM_LOG_CONSOLE);
    for (int i = 0; i < 5; i++) {
        fill(&live, XK_KVM_LIVE_ROOM - 4096);
        xk_kvm_ops.monitor->trim(w->hv, &w->domain.uuid);
        assert_true(size_of(w, XK_KVM_FILE_CONSOLE) >= XK_KVM_LOG_KEEP - 8192);
        assert_int_equal(xk_kvm_live_end(&live), 0);
    }
    kvm_type(w, '7');
    kvm_wait_printed(w, '7', 1);
    size_of(w, XK_KVM_FILE_CONSOLE);
}

static void
a_guest_that_logs_events_fills_no_more_than_their_log(void **context)
{
    struct kvm_world *w = *context;
    XK_CLEANUP_LIVE struct xk_kvm_live live = XK_KVM_LIVE_NONE;

    kvm_start(w, "");
    live = open_live(w, XK_KVM_LOG_EVENTS);
    kvm_type(w, GUEST_CRASH_LOADS);
    kvm_wait_printed(w, 'l', 1);
    assert_true(memory_of(&live) <= XK_KVM_LIVE_ROOM);
    assert_true(xk_kvm_live_end(&live) > XK_KVM_LIVE_ROOM / 2);
    /* The log is full: the guest's stop is not logged, and is known all the
     * same. */
    kvm_type(w, GUEST_POWEROFF);
    kvm_wait_state(w, XK_STATE_SHUTDOWN);
    size_of(w, XK_KVM_FILE_EVENTS);
    assert_true(xk_kvm_live_end(&live) < XK_KVM_LIVE_ROOM / 2);
}

/* ---- waiting and watching ---- */

static void
a_change_before_the_wait_is_not_missed(void **context)
{
    struct kvm_world *w = *context;
    uint64_t cookie = 0;

    kvm_start(w, "");
    WORKS(w, xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie, kvm_soon(),
                                     &w->err));
    HAS_FAILED(xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie,
                                       xk_deadline_in_ms(50), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_TIMEOUT);
    WORKS(w, xk_kvm_ops.domain->pause(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie, kvm_soon(),
                                     &w->err));
    WORKS(w,
          xk_kvm_ops.domain->teardown(w->hv, &w->domain, kvm_soon(), &w->err));
    WORKS(w, xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie, kvm_soon(),
                                     &w->err));
    WORKS(w, xk_record_remove(w->domain.record, &w->err));
    WORKS(w, xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie, kvm_soon(),
                                     &w->err));
}

struct seen {
    struct ev_loop *loop;
    struct xk_uuid uuid;
    unsigned count;
    unsigned others; /* changes of other domains */
};

static void
on_change(const struct xk_uuid *uuid, void *context)
{
    struct seen *seen = context;

    if (!xk_uuid_equal(uuid, &seen->uuid)) {
        seen->others++;
        return;
    }
    seen->count++;
    ev_break(seen->loop, EVBREAK_ONE);
}

static void
on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(loop, EVBREAK_ONE);
}

/* Run the loop until the next change, or for that long. */
static unsigned
changes_within(struct seen *seen, double seconds)
{
    unsigned before = seen->count;
    ev_timer late;

    ev_timer_init(&late, on_late, seconds, 0.);
    ev_timer_start(seen->loop, &late);
    ev_run(seen->loop, 0);
    ev_timer_stop(seen->loop, &late);
    return seen->count - before;
}

static void
a_watch_tells_of_what_matters_and_of_the_end(void **context)
{
    struct kvm_world *w = *context;
    struct seen seen = {.loop = ev_loop_new(EVFLAG_NOENV)};
    struct xk_process process;

    kvm_start(w, "");
    process = kvm_process(w);
    seen.uuid = w->domain.uuid;
    WORKS(w, xk_kvm_ops.monitor->watch(w->hv, seen.loop, &seen.uuid, on_change,
                                       &seen, &w->err));
    assert_int_equal(changes_within(&seen, 10), 1); /* once soon after */
    kvm_type(w, 'z');                               /* not a change */
    kvm_wait_printed(w, 'z', 1);
    assert_int_equal(changes_within(&seen, 0.2), 0);
    kvm_type(w, GUEST_POWEROFF);
    assert_true(changes_within(&seen, 10) >= 1);
    kvm_wait_state(w, XK_STATE_SHUTDOWN);
    changes_within(&seen, 0.2); /* the STOP that follows */
    xk_process_signal(&process, SIGKILL);
    assert_int_equal(changes_within(&seen, 10), 1);
    assert_int_equal(changes_within(&seen, 0.2), 0);
    assert_int_equal(seen.others, 0);
    xk_kvm_ops.monitor->unwatch(w->hv, &seen.uuid);
    xk_kvm_ops.monitor->unwatch(w->hv, &seen.uuid);
    xk_kvm_ops.close(w->hv);
    w->hv = xk_kvm_ops.open(&w->state, &w->err);
    ev_loop_destroy(seen.loop);
}

/* A record whose QEMU is a process that only waits. */
static void
make_waiting(struct kvm_world *w, const char *name, struct xk_uuid *uuid)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = kvm_config(w, name, "");
    XK_CLEANUP_RECORD struct xk_record *record = kvm_record(w, config);
    struct xk_process process;
    pid_t pid;

    WORKS(w, xk_kvm_logs_make(record->dir_fd, &w->err));
    pid = fork();
    if (pid == 0) {
        const struct xk_kvm_claim claim = {.uid = geteuid()};
        struct xk_kvm_live live;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (xk_kvm_live_make(XK_KVM_LOG_EVENTS, &live, NULL) == -1 ||
            xk_kvm_events_begin(record->dir_fd, &live, NULL) == -1 ||
            xk_kvm_identity_save_self(record->dir_fd, &claim, NULL) == -1)
            _exit(1);
        for (;;)
            pause();
    }
    while (xk_kvm_identity_load(record->dir_fd, &process, NULL, NULL) == -1)
        sched_yield();
    *uuid = config->uuid;
}

/* The offset at which that process writes its events. */
static int
open_events(const struct kvm_world *w, const struct xk_uuid *uuid)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&w->state, uuid, NULL);
    XK_CLEANUP_LIVE struct xk_kvm_live live = XK_KVM_LIVE_NONE;

    assert_non_null(record);
    live = xk_kvm_live_of(record->dir_fd, XK_KVM_LOG_EVENTS);
    assert_int_not_equal(live.write_fd, -1);
    return xk_take_fd(&live.write_fd);
}

static void
append_event(const struct kvm_world *w, const struct xk_uuid *uuid,
             const char *line)
{
    XK_CLEANUP_CLOSE int fd = open_events(w, uuid);

    assert_int_equal(xk_write_all(fd, line, strlen(line)), 0);
}

/* The kernel merges equal changes in a row, so alternate between two logs. */
static void
overflow_queue(const struct kvm_world *w, const struct xk_uuid *uuids)
{
    int fds[2] = {open_events(w, &uuids[0]), open_events(w, &uuids[1])};
    XK_CLEANUP_BUF struct xk_buf text = {0};
    unsigned limit;

    assert_int_equal(xk_read_file(AT_FDCWD,
                                  "/proc/sys/fs/inotify/max_queued_events", 64,
                                  &text, NULL),
                     0);
    limit = (unsigned)strtoul(text.data, NULL, 10);
    assert_true(limit > 0 && limit < 1 << 20);
    for (unsigned i = 0; i < limit + 2; i++)
        assert_int_equal(write(fds[i % 2], "\n", 1), 1);
    close(fds[0]);
    close(fds[1]);
}

static const char stop_event[] =
    "{\"timestamp\":{\"seconds\":1,\"microseconds\":1},"
    "\"event\":\"SHUTDOWN\",\"data\":{\"guest\":true,"
    "\"reason\":\"guest-shutdown\"}}\n";

static void
an_event_that_an_overflow_hid_is_told_of(void **context)
{
    struct kvm_world *w = *context;
    struct seen seen = {.loop = ev_loop_new(EVFLAG_NOENV)};
    struct xk_uuid uuids[3];
    for (size_t i = 0; i < 3; i++) {
        make_waiting(w, (const char *const[]){"a", "b", "c"}[i], &uuids[i]);
        seen.uuid = uuids[i];
        WORKS(w, xk_kvm_ops.monitor->watch(w->hv, seen.loop, &uuids[i],
                                           on_change, &seen, &w->err));
        assert_int_equal(changes_within(&seen, 10), 1);
    }
    overflow_queue(w, uuids);
    /* Nobody is notified: the queue is full. */
    append_event(w, &uuids[2], stop_event);
    assert_int_equal(changes_within(&seen, 10), 1);
    for (size_t i = 0; i < 3; i++)
        xk_kvm_ops.monitor->unwatch(w->hv, &uuids[i]);
    ev_loop_destroy(seen.loop);
}

struct leaver {
    struct xk_hypervisor *hv;
    unsigned count;
};

/* The first call comes soon after the start, the second with the event. */
static void
leave_at_second(const struct xk_uuid *uuid, void *context)
{
    struct leaver *leaver = context;

    if (++leaver->count == 2)
        xk_kvm_ops.monitor->unwatch(leaver->hv, uuid);
}

/* The loop ends by itself: nothing of ours is on it. */
static void
who_is_told_of_an_event_may_end_the_last_watch(void **context)
{
    struct kvm_world *w = *context;
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    struct leaver leaver = {.hv = w->hv};
    struct xk_uuid uuid;

    make_waiting(w, "a", &uuid);
    WORKS(w, xk_kvm_ops.monitor->watch(w->hv, loop, &uuid, leave_at_second,
                                       &leaver, &w->err));
    append_event(w, &uuid, stop_event);
    ev_run(loop, 0);
    assert_int_equal(leaver.count, 2);
    ev_loop_destroy(loop);
}

/* What a hostile QEMU can do. */
static pid_t
write_without_end(int fd)
{
    pid_t pid = fork();

    assert_int_not_equal(pid, -1);
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (write(fd, "\n", 1) == 1 && lseek(fd, 0, SEEK_SET) == 0) {
    }
    _exit(1);
}

static void
a_log_that_is_written_without_end_leaves_the_loop_to_others(void **context)
{
    struct kvm_world *w = *context;
    struct seen seen = {.loop = ev_loop_new(EVFLAG_NOENV)};
    XK_CLEANUP_CLOSE int fd = -1;
    struct xk_uuid others;
    pid_t pids[2];

    make_waiting(w, "a", &others);
    make_waiting(w, "b", &seen.uuid);
    WORKS(w, xk_kvm_ops.monitor->watch(w->hv, seen.loop, &others, on_change,
                                       &seen, &w->err));
    WORKS(w, xk_kvm_ops.monitor->watch(w->hv, seen.loop, &seen.uuid, on_change,
                                       &seen, &w->err));
    changes_within(&seen, 0.2);
    fd = open_events(w, &others);
    for (size_t i = 0; i < 2; i++)
        pids[i] = write_without_end(fd);
    alarm(20); /* else it would hang */
    append_event(w, &seen.uuid, stop_event);
    assert_int_equal(changes_within(&seen, 10), 1);
    alarm(0);
    for (size_t i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
    }
    xk_kvm_ops.monitor->unwatch(w->hv, &others);
    xk_kvm_ops.monitor->unwatch(w->hv, &seen.uuid);
    ev_loop_destroy(seen.loop);
}

static void
a_record_whose_logs_were_taken_away_is_still_there(void **context)
{
    struct kvm_world *w = *context;
    uint64_t cookie = 0;
    int dir;

    kvm_start(w, "");
    dir = w->domain.record->dir_fd;
    assert_int_equal(unlinkat(dir, XK_KVM_FILE_EVENTS, 0), 0);
    WORKS(w, xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie, kvm_soon(),
                                     &w->err));
    HAS_FAILED(xk_kvm_ops.domain->wait(w->hv, &w->domain, &cookie,
                                       xk_deadline_in_ms(50), &w->err));
    assert_int_equal(w->err.kind, XK_ERR_TIMEOUT);
    xk_kvm_ops.monitor->trim(w->hv, &w->domain.uuid);
    assert_int_equal(faccessat(dir, XK_KVM_FILE_EVENTS, F_OK, 0), 0);
}

/* Watch with that many spare descriptors. */
static int
watch_with(struct kvm_world *w, struct seen *seen, unsigned spare)
{
    struct rlimit before, few;
    int fds[64];
    size_t count = 0;
    int r;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (count < 64 && (fds[count] = dup(0)) != -1)
        count++;
    assert_true(count > spare);
    for (unsigned i = 0; i < spare; i++)
        close(fds[--count]);
    r = xk_kvm_ops.monitor->watch(w->hv, seen->loop, &seen->uuid, on_change,
                                  seen, &w->err);
    while (count > 0)
        close(fds[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    return r;
}

static void
without_descriptors_to_spare_a_watch_fails_or_sees_all(void **context)
{
    struct kvm_world *w = *context;
    struct seen seen = {.loop = ev_loop_new(EVFLAG_NOENV)};
    unsigned watched = 0;

    make_waiting(w, "a", &seen.uuid);
    for (unsigned spare = 0; spare < 16; spare++) {
        if (watch_with(w, &seen, spare) == -1)
            continue;
        watched++;
        changes_within(&seen, 0.2);
        append_event(w, &seen.uuid, stop_event);
        if (changes_within(&seen, 10) != 1)
            fail_msg("with %u", spare);
        xk_kvm_ops.monitor->unwatch(w->hv, &seen.uuid);
    }
    assert_true(watched > 0 && watched < 16);
    ev_loop_destroy(seen.loop);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, kvm_setup, kvm_teardown)
    const struct CMUnitTest tests[] = {
        T(several_people_join_a_console_and_leave_it),
        T(a_console_sees_the_end_of_the_domain),
        T(a_flooding_guest_fills_no_more_than_its_log_while_nobody_gathers),
        T(a_log_that_was_gathered_often_stays_short),
        T(a_guest_that_logs_events_fills_no_more_than_their_log),
        T(a_change_before_the_wait_is_not_missed),
        T(a_watch_tells_of_what_matters_and_of_the_end),
        T(an_event_that_an_overflow_hid_is_told_of),
        T(who_is_told_of_an_event_may_end_the_last_watch),
        T(a_log_that_is_written_without_end_leaves_the_loop_to_others),
        T(a_record_whose_logs_were_taken_away_is_still_there),
        T(without_descriptors_to_spare_a_watch_fails_or_sees_all),
    };
#undef T

    if (!kvm_is_possible())
        return 77;
    xk_log_set_level(XK_LOG_ERROR); /* this test wants emulation */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
