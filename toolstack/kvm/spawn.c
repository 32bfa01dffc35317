/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/jail.h"

struct spawn {
    const struct xk_kvm_plan *plan;
    const struct xk_record *record;
    const struct xk_kvm_claim *claim;
    int folder_fd;
    int report_fd; /* where the child writes a struct xk_error, if it must */
};

/* ---- in the child ---- */

static void
reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int
set_standard_fds(const struct spawn *spawn, struct xk_error *err)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log_fd = spawn->plan->logs[XK_KVM_LOG_QEMU].write_fd;

    if (null_fd == -1 || dup2(null_fd, 0) == -1 || dup2(log_fd, 1) == -1 ||
        dup2(log_fd, 2) == -1)
        return xk_fail_errno(err, "redirect to the log");
    return 0;
}

/* A plain user's other processes may be kept from those of the same user (Yama,
 * ptrace(2)). Ours need what QEMU logs to, and QMP lets them do more. */
static void
open_to_user(void)
{
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

/* A memory image of QEMU would hold that of the guest. */
static int
drop_privileges(const struct xk_kvm_plan *plan, struct xk_error *err)
{
    const struct rlimit none = {0, 0};
    bool has_group = plan->kvm_group != (gid_t)-1;

    umask(077);
    setrlimit(RLIMIT_CORE, &none);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return xk_fail_errno(err, "PR_SET_NO_NEW_PRIVS");
    if (geteuid() != 0) {
        open_to_user();
        return 0;
    }
    if (setgroups(has_group ? 1 : 0, &plan->kvm_group) == -1 ||
        setresgid(plan->gid, plan->gid, plan->gid) == -1 ||
        setresuid(plan->uid, plan->uid, plan->uid) == -1)
        return xk_fail_errno(err, "become uid %u", plan->uid);
    return xk_kvm_jail_enter(err);
}

/* First out of the way of one another, then into their places. */
static int
place_fds(struct spawn *spawn, struct xk_error *err)
{
    const struct xk_kvm_plan *plan = spawn->plan;
    int count = (int)plan->fd_count;
    int above = XK_KVM_FIRST_FD + count;

    spawn->report_fd = fcntl(spawn->report_fd, F_DUPFD_CLOEXEC, above);
    if (spawn->report_fd == -1)
        return xk_fail_errno(err, "move a descriptor");
    for (int i = 0; i < count; i++) {
        plan->fds[i].fd = fcntl(plan->fds[i].fd, F_DUPFD_CLOEXEC, above);
        if (plan->fds[i].fd == -1)
            return xk_fail_errno(err, "hand in %s", plan->fds[i].what);
    }
    for (int i = 0; i < count; i++) {
        if (dup2(plan->fds[i].fd, XK_KVM_FIRST_FD + i) == -1)
            return xk_fail_errno(err, "hand in %s", plan->fds[i].what);
    }
    /* Whatever else is open, by whomever, is not for QEMU. */
    if (close_range(3, XK_KVM_FIRST_FD - 1, CLOSE_RANGE_CLOEXEC) == -1 ||
        close_range((unsigned)above, UINT_MAX, CLOSE_RANGE_CLOEXEC) == -1)
        return xk_fail_errno(err, "close_range");
    return 0;
}

static int
become_program(struct spawn *spawn, struct xk_error *err)
{
    /* Messages are looked at: they must be in English. */
    static const char *const environment[] = {
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    char *const *argv = spawn->plan->argv;

    setsid();
    reset_signals();
    /* In this order: a process that is known says nothing of the last one. */
    if (xk_kvm_events_begin(spawn->record->dir_fd,
                            &spawn->plan->logs[XK_KVM_LOG_EVENTS], err) == -1 ||
        xk_kvm_identity_save_self(spawn->record->dir_fd, spawn->claim, err) ==
            -1)
        return -1;
    if (fchdir(spawn->folder_fd) == -1)
        return xk_fail_errno(err, "enter QEMU's directory");
    if (set_standard_fds(spawn, err) == -1 ||
        drop_privileges(spawn->plan, err) == -1 || place_fds(spawn, err) == -1)
        return -1;
    execve(argv[0], argv, (char *const *)(uintptr_t)environment);
    return xk_fail_errno(err, "run \"%s\"", argv[0]);
}

/* The program is nobody's child but init's, so that nobody need reap it. */
static void
run_child(struct spawn *spawn)
{
    struct xk_error err = {0};
    pid_t pid = fork();

    if (pid > 0)
        _exit(0);
    if (pid == -1)
        xk_fail_errno(&err, "fork");
    else
        become_program(spawn, &err);
    if (xk_write_all(spawn->report_fd, &err, sizeof(err)) == -1)
        _exit(126);
    _exit(127);
}

/* ---- in the parent ---- */

/* The other end closes when the child has become QEMU, or ended. */
static int
read_report(int fd, struct xk_error *err)
{
    struct xk_error report;
    size_t have = 0;

    while (have < sizeof(report)) {
        ssize_t got = read(fd, (char *)&report + have, sizeof(report) - have);

        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    if (have == 0)
        return 0;
    if (have < sizeof(report))
        return xk_fail(err, XK_ERR_FAILED, "start QEMU: broken off");
    if (err != NULL)
        *err = report;
    return xk_wrap(err, "start QEMU");
}

int
xk_kvm_spawn(const struct xk_kvm_plan *plan, const struct xk_record *record,
             const struct xk_kvm_claim *claim, int folder_fd,
             struct xk_error *err)
{
    struct spawn spawn = {
        .plan = plan, .record = record, .claim = claim, .folder_fd = folder_fd};
    XK_CLEANUP_CLOSE int ours = -1;
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) == -1)
        return xk_fail_errno(err, "pipe");
    ours = ends[0];
    spawn.report_fd = ends[1];
    pid = fork();
    if (pid == 0)
        run_child(&spawn);
    close(ends[1]);
    if (pid == -1)
        return xk_fail_errno(err, "fork");
    while (waitpid(pid, NULL, 0) == -1 && errno == EINTR) {
    }
    return read_report(ours, err);
}
