/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/teardown.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/state.h"

enum {
    ASK_MS = 2000 /* QEMU alone takes 20; its images may be on slow disks */
};

/* A stopped process (SIGSTOP, a debugger) would not hear. */
static bool
can_hear(const struct xk_process *process)
{
    struct xk_process_stat stat;

    return xk_process_read_stat(process->pid, &stat) == 0 &&
           stat.state != 'T' && stat.state != 't';
}

int
xk_kvm_end_process(int record_dir_fd, struct xk_deadline deadline,
                   struct xk_error *err)
{
    struct xk_error load_err = {0};
    XK_CLEANUP_CLOSE int pidfd = -1;
    struct xk_process process;

    if (xk_kvm_identity_load(record_dir_fd, &process, NULL, &load_err) == -1) {
        if (load_err.kind == XK_ERR_NOT_FOUND)
            return 0;
        return xk_fail(err, load_err.kind, "%s", load_err.message);
    }
    pidfd = xk_process_open(&process);
    if (pidfd == -1)
        return 0;
    if (can_hear(&process)) {
        struct xk_deadline asked =
            xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS));

        xk_process_signal(&process, SIGTERM);
        if (xk_deadline_poll(asked, pidfd, POLLIN, "QEMU", NULL) != -1)
            return 0;
    }
    return xk_process_kill(&process, deadline, err);
}

int
xk_kvm_teardown(struct xk_hypervisor *hv, const struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);

    (void)hv;
    return dirfd == -1 ? -1 : xk_kvm_end_process(dirfd, deadline, err);
}
