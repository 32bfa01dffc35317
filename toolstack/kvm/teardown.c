/* SPDX-License-Identifier: GPL-2.0-or-later */
/* End the QEMU of a domain. */
#include "toolstack/kvm/ops.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/process.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/lost_process.h"
#include "toolstack/kvm/status.h"
#include "toolstack/kvm/taps.h"

enum {
    ASK_MS = 2000 /* QEMU itself takes 20; its images may be on slow disks */
};

/* A stopped process (SIGSTOP, a debugger) does not react to SIGTERM. */
static bool
can_take_signal(const struct xk_process *process)
{
    struct xk_process_stat stat;

    return xk_process_read_stat(process->pid, &stat) == 0 &&
           stat.state != 'T' && stat.state != 't';
}

/* The domain is to be ended in any case, so an unreadable record is not a
 * reason to keep its QEMU: search for it. 1: *process is to be ended; 0: there
 * is none. */
static int
find_process(int record_dir_fd, struct xk_process *process,
             struct xk_error *err)
{
    struct xk_error why = {0};

    if (xk_kvm_identity_load(record_dir_fd, process, NULL, &why) == 0)
        return 1;
    if (why.kind == XK_ERR_NOT_FOUND)
        return 0;
    xk_warn("its record does not say which process its QEMU is: %s",
            why.message);
    return xk_kvm_find_lost(record_dir_fd, process, err);
}

static int
end(const struct xk_process *process, int pidfd, struct xk_deadline deadline,
    struct xk_error *err)
{
    if (can_take_signal(process)) {
        struct xk_deadline asked =
            xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS));

        xk_process_signal(process, SIGTERM);
        if (xk_deadline_poll(asked, pidfd, POLLIN, "QEMU", NULL) != -1)
            return 0;
    }
    return xk_process_kill(process, deadline, err);
}

/* Keep its logs open until it has ended: otherwise its last output would be
 * lost with it. */
int
xk_kvm_end_process(int record_dir_fd, struct xk_deadline deadline,
                   struct xk_error *err)
{
    struct xk_kvm_live logs[XK_KVM_LOG_COUNT];
    XK_CLEANUP_CLOSE int pidfd = -1;
    struct xk_process process;
    int r = find_process(record_dir_fd, &process, err);

    if (r != 1)
        return r;
    pidfd = xk_process_open(&process);
    if (pidfd == -1)
        return errno == ESRCH ? 0 : xk_fail_errno(err, "open QEMU's process");
    (void)xk_kvm_live_find_all(&process, logs);
    r = end(&process, pidfd, deadline, err);
    if (r == 0)
        (void)xk_kvm_gather(record_dir_fd, logs);
    xk_kvm_live_close_all(logs);
    return r;
}

int
xk_kvm_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);

    (void)hv;
    if (dirfd == -1 || xk_kvm_end_process(dirfd, deadline, err) == -1)
        return -1;
    xk_kvm_unplug(domain->record, deadline);
    return 0;
}
