/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/spawn.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/jail.h"

struct spawn {
    const struct xk_kvm_plan *plan;
    const struct xk_record *record;
    const struct xk_kvm_claim *claim;
    int folder_fd;
};

/* ---- in the child ---- */

/* Yama may stop a plain user's processes from tracing each other (ptrace(2)).
 * Ours must reach QEMU's logs, and QMP gives them more power anyway. */
static void
allow_tracing(void)
{
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

/* A core dump of QEMU would contain the guest's memory. */
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
        allow_tracing();
        return 0;
    }
    if (setgroups(has_group ? 1 : 0, &plan->kvm_group) == -1 ||
        setresgid(plan->gid, plan->gid, plan->gid) == -1 ||
        setresuid(plan->uid, plan->uid, plan->uid) == -1)
        return xk_fail_errno(err, "become uid %u", plan->uid);
    return xk_kvm_jail_enter(err);
}

/* Events before identity: once the process is known its events are trusted, so
 * they must not be those of the previous QEMU. */
static int
prepare(void *context, struct xk_error *err)
{
    const struct spawn *spawn = context;
    const struct xk_kvm_plan *plan = spawn->plan;
    int dir_fd = spawn->record->dir_fd;

    if (xk_kvm_events_begin(dir_fd, &plan->logs[XK_KVM_LOG_EVENTS], err) ==
            -1 ||
        xk_kvm_identity_save_self(dir_fd, spawn->claim, err) == -1)
        return -1;
    if (fchdir(spawn->folder_fd) == -1)
        return xk_fail_errno(err, "enter QEMU's directory");
    return drop_privileges(plan, err);
}

/* ---- in the parent ---- */

/* List the log as output, and the plan's descriptors. The caller owns the
 * list. */
static struct xk_spawn_fd *
list_fds(const struct xk_kvm_plan *plan, size_t *count)
{
    int log_fd = plan->logs[XK_KVM_LOG_QEMU].write_fd;
    struct xk_spawn_fd *fds = xk_calloc(plan->fd_count + 2, sizeof(*fds));

    fds[0] = (struct xk_spawn_fd){log_fd, STDOUT_FILENO, "its log"};
    fds[1] = (struct xk_spawn_fd){log_fd, STDERR_FILENO, "its log"};
    for (size_t i = 0; i < plan->fd_count; i++)
        fds[i + 2] = (struct xk_spawn_fd){
            plan->fds[i].fd, XK_KVM_FIRST_FD + (int)i, plan->fds[i].what};
    *count = plan->fd_count + 2;
    return fds;
}

int
xk_kvm_spawn(const struct xk_kvm_plan *plan, const struct xk_record *record,
             const struct xk_kvm_claim *claim, int folder_fd,
             struct xk_error *err)
{
    /* Messages are parsed, so they must be in English. */
    static const char *const environment[] = {
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    struct spawn context = {
        .plan = plan, .record = record, .claim = claim, .folder_fd = folder_fd};
    struct xk_spawn spawn = {
        .argv = (const char *const *)plan->argv,
        .environment = environment,
        .no_input = true,
        .close_others = true,
        .session = true,
        .orphan = true,
        .await = true,
        .prepare = prepare,
        .context = &context,
    };
    XK_CLEANUP_FREE struct xk_spawn_fd *fds = list_fds(plan, &spawn.fd_count);

    spawn.fds = fds;
    return xk_spawn(&spawn, err) == -1 ? xk_wrap(err, "start QEMU") : 0;
}
