/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kill -9 of a build at its system calls: whatever is left is known to the
 * record, so that the next verb can take it away.
 *
 * How it works: a child makes a record and builds a domain under ptrace(2).
 * One of the processes that takes part is killed at its N-th stop at a system
 * call. Then the record is locked, torn down and removed, as the next
 * verb does, and no process may be left that knows the domain's UUID.
 *
 * XK_TEST_ALL=1 tries every system call, not a sample.
 */
#include "tests/unit/test.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "tests/unit/toolstack/kvm/support.h"
#include "toolstack/kvm/driver.h"
#include "toolstack/kvm/files.h"
#include "toolstack/record_config.h"

/* Who takes part. Only root's builds look whether a user is free (base/uid.h),
 * once for each user that they try. */
enum role {
    BUILDER,
    PROBE,
    PROBES_CHILD,
    BETWEEN,
    QEMU, /* to be */
    ROLES,
};

enum {
    TRACED_MAX = 512,
    SAMPLES = 25, /* of each role */
    NEVER = 1 << 30,
    OPTIONS = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
              PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC,
};

struct trace {
    struct kvm_world *world;
    const struct xk_uuid *uuid;
    struct traced {
        pid_t pid; /* 0: free */
        enum role role;
        bool ended; /* kept: its parent's word of it may come after its end */
    } traced[TRACED_MAX];
    int stops[ROLES]; /* at system calls, so far */
    enum role victim;
    int at; /* which of its stops */
    bool killed;
    int builder_status;
};

/* ---- the tracer ---- */

static pid_t
parent_of(pid_t pid)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    char path[64];
    const char *line;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    assert_int_equal(xk_read_file(AT_FDCWD, path, 1 << 16, &text, NULL), 0);
    line = strstr(text.data, "\nPPid:\t");
    assert_non_null(line);
    return (pid_t)strtol(line + strlen("\nPPid:\t"), NULL, 10);
}

/* A user is chosen before the record says which. */
static bool
is_claimed(const struct trace *trace)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&trace->world->state, trace->uuid, NULL);

    return record != NULL &&
           faccessat(record->dir_fd, XK_KVM_FILE_CLAIM, F_OK, 0) == 0;
}

static enum role
role_of_child(const struct trace *trace, pid_t parent)
{
    for (size_t i = 0; i < TRACED_MAX; i++) {
        if (trace->traced[i].pid != parent)
            continue;
        if (trace->traced[i].role == BUILDER)
            return is_claimed(trace) ? BETWEEN : PROBE;
        return trace->traced[i].role == PROBE ? PROBES_CHILD : QEMU;
    }
    return BUILDER;
}

static struct traced *
find_traced(struct trace *trace, pid_t pid)
{
    struct traced *free_one = NULL;

    for (size_t i = 0; i < TRACED_MAX; i++) {
        if (trace->traced[i].pid == pid)
            return &trace->traced[i];
        if (trace->traced[i].pid == 0)
            free_one = &trace->traced[i];
    }
    assert_non_null(free_one);
    *free_one = (struct traced){.pid = pid,
                                .role = role_of_child(trace, parent_of(pid))};
    return free_one;
}

static void
forget_traced(struct trace *trace, pid_t pid)
{
    for (size_t i = 0; i < TRACED_MAX; i++) {
        if (trace->traced[i].pid == pid)
            trace->traced[i].ended = true;
    }
}

static bool
is_idle(const struct trace *trace)
{
    for (size_t i = 0; i < TRACED_MAX; i++) {
        if (trace->traced[i].pid != 0 && !trace->traced[i].ended)
            return false;
    }
    return true;
}

static bool
is_time(struct trace *trace, const struct traced *traced)
{
    return !trace->killed && ++trace->stops[traced->role] == trace->at &&
           traced->role == trace->victim;
}

/* What is about to become QEMU holds the record, whoever else was killed: so
 * nobody can take the record for one without a process. */
static void
assert_locked(const struct trace *trace)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&trace->world->state, trace->uuid, NULL);

    assert_non_null(record);
    assert_true(xk_record_is_locked(record));
}

/* What stops next, in a process that is not to be killed, or was not yet. */
static void
take_stop(struct trace *trace, struct traced *traced, int status)
{
    int number = WSTOPSIG(status);
    int event = status >> 16;
    bool at_call = number == (SIGTRAP | 0x80);
    unsigned long child;

    /* Known before its first stop, or it could be left in that. */
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
        event == PTRACE_EVENT_CLONE) {
        assert_int_equal(ptrace(PTRACE_GETEVENTMSG, traced->pid, NULL, &child),
                         0);
        find_traced(trace, (pid_t)child);
    }
    if (at_call && traced->role == QEMU)
        assert_locked(trace);
    if (at_call && is_time(trace, traced)) {
        trace->killed = true;
        kill(traced->pid, SIGKILL);
        return;
    }
    if (event == PTRACE_EVENT_EXEC) {
        ptrace(PTRACE_DETACH, traced->pid, NULL, NULL);
        traced->ended = true;
        return;
    }
    if (at_call || event != 0 || number == SIGSTOP)
        number = 0;
    ptrace(PTRACE_SYSCALL, traced->pid, NULL, (void *)(uintptr_t)number);
}

static void
run_trace(struct trace *trace, pid_t builder)
{
    int status;

    assert_int_equal(waitpid(builder, &status, 0), builder);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(find_traced(trace, builder)->role, BUILDER);
    assert_int_equal(
        ptrace(PTRACE_SETOPTIONS, builder, NULL, (void *)(uintptr_t)OPTIONS),
        0);
    assert_int_equal(ptrace(PTRACE_SYSCALL, builder, NULL, NULL), 0);
    trace->builder_status = -1;
    while (!is_idle(trace) || trace->builder_status == -1) {
        pid_t pid = waitpid(-1, &status, __WALL);

        assert_int_not_equal(pid, -1);
        if (WIFSTOPPED(status)) {
            take_stop(trace, find_traced(trace, pid), status);
            continue;
        }
        forget_traced(trace, pid);
        if (pid == builder)
            trace->builder_status = status;
    }
}

/* ---- what is traced ---- */

static void
build_traced(struct kvm_world *w, const struct xk_domain_config *config)
{
    struct xk_record *record;

    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    record = xk_record_create(&w->state, &config->uuid, "kvm", "test", &w->err);
    if (record == NULL || xk_record_save_config(record, config, NULL) == -1)
        _exit(2);
    _exit(xk_kvm_ops.domain->build(w->hv, record, config, kvm_soon(),
                                   &w->err) == -1);
}

/* How many processes have the text in their command line. */
static int
count_processes(const char *text)
{
    XK_CLEANUP_DIR DIR *dir = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        XK_CLEANUP_BUF struct xk_buf line = {0};
        char path[300];

        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            xk_read_file(AT_FDCWD, path, 1 << 20, &line, NULL) == -1)
            continue;
        count += line.length > 0 &&
                 memmem(line.data, line.length, text, strlen(text)) != NULL;
    }
    return count;
}

/* As the next verb does. */
static void
clean_up(struct kvm_world *w)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    xk_state_sweep(&w->state);
    assert_int_equal(xk_state_list(&w->state, &uuids, &count, &w->err), 0);
    for (size_t i = 0; i < count; i++) {
        XK_CLEANUP_RECORD struct xk_record *record =
            xk_record_open(&w->state, &uuids[i], &w->err);
        struct xk_domain domain = {.uuid = uuids[i], .domid = -1};

        assert_non_null(record);
        domain.record = record;
        if (xk_record_lock(record, "test", kvm_soon(), &w->err) == -1 ||
            xk_kvm_ops.domain->teardown(w->hv, &domain, kvm_soon(), &w->err) ==
                -1 ||
            xk_record_remove(record, &w->err) == -1)
            fail_msg("%s", w->err.message);
    }
}

static struct trace
run_killed(struct kvm_world *w, enum role victim, int at)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        kvm_config(w, "victim", "");
    struct trace trace = {
        .world = w, .uuid = &config->uuid, .victim = victim, .at = at};
    char uuid[XK_UUID_TEXT_SIZE];
    pid_t builder = fork();

    if (builder == 0)
        build_traced(w, config);
    run_trace(&trace, builder);
    xk_uuid_format(&config->uuid, uuid);
    if (!trace.killed) {
        assert_int_equal(trace.builder_status, 0);
        assert_int_equal(count_processes(uuid), 1);
    } else if (victim == QEMU) {
        /* Its builder lives, and must not wait for it in vain. */
        assert_int_equal(trace.builder_status, 1 << 8);
    }
    clean_up(w);
    if (count_processes(uuid) != 0)
        fail_msg("role %d killed at call %d: a process is left", (int)victim,
                 at);
    return trace;
}

static void
a_build_killed_at_any_call_leaves_nothing_unknown(void **context)
{
    struct kvm_world *w = *context;
    struct trace whole = run_killed(w, BUILDER, NEVER);
    bool all = getenv("XK_TEST_ALL") != NULL;

    for (enum role role = BUILDER; role < ROLES; role++) {
        int stops = whole.stops[role];
        int step = all || stops < SAMPLES ? 1 : stops / SAMPLES;
        bool probes = role == PROBE || role == PROBES_CHILD;

        assert_true(stops > 0 || (probes && geteuid() != 0));
        for (int at = 1; at <= stops; at += step)
            run_killed(w, role, at);
    }
    /* And it works again. */
    assert_false(run_killed(w, BUILDER, NEVER).killed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_build_killed_at_any_call_leaves_nothing_unknown, kvm_setup,
            kvm_teardown),
    };

    if (!kvm_is_possible())
        return 77;
    xk_log_set_level(XK_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
