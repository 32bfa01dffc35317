/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/ops.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/util.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/identity.h"
#include "toolstack/kvm/status.h"
#include "toolstack/qmp.h"

enum {
    END_MS = 2000, /* for a QEMU that has closed its connection to end */
    LOG_PAUSE_MS = 20,
};

struct step {
    const char *command;
    const char *arguments; /* NULL: none */
};

#define REBOOT_IS_SHUTDOWN                                                     \
    {                                                                          \
        "set-action", "{\"reboot\":\"shutdown\"}"                              \
    }

/*
 * The reset button. Two things stand in the way of a plain system_reset:
 *  - with `-action reboot=shutdown` it only stops the guest. So the action is
 *    another while it is pressed;
 *  - a reset of QEMU's q35 does not unmap the RAM that SeaBIOS shadows itself
 *    in, as real ones do. SeaBIOS finds that it has run before and resets the
 *    machine once more, some milliseconds later; that would look like a reboot
 *    by the guest. So the chipset's registers PAM0 to PAM6 (at 0x90 of PCI
 *    device 0) are cleared, which maps the ROM again: all of it, for what
 *    SeaBIOS has not yet copied when it is reset is not in that RAM. The guest
 *    stands still meanwhile: it might be just at the address port.
 */
static const struct step reset_steps[] = {
    {"human-monitor-command", "{\"command-line\":\"o /w 0xcf8 0x80000090\"}"},
    {"human-monitor-command", "{\"command-line\":\"o /w 0xcfc 0\"}"},
    {"human-monitor-command", "{\"command-line\":\"o /w 0xcf8 0x80000094\"}"},
    {"human-monitor-command", "{\"command-line\":\"o /h 0xcfc 0\"}"},
    {"human-monitor-command", "{\"command-line\":\"o /b 0xcfe 0\"}"},
    {"set-action", "{\"reboot\":\"reset\"}"},
    {"system_reset", NULL},
    REBOOT_IS_SHUTDOWN,
};

/* Where a reset was killed half way, the guest's reboots are not seen. What
 * lets a guest go on does so first: one that was moved stands still until then,
 * and QEMU 7.2 takes what it is told by the byte. */
static const struct step stop_steps[] = {REBOOT_IS_SHUTDOWN, {"stop", NULL}};
static const struct step cont_steps[] = {{"cont", NULL}, REBOOT_IS_SHUTDOWN};
static const struct step power_steps[] = {REBOOT_IS_SHUTDOWN,
                                          {"system_powerdown", NULL}};

static int
run_steps(struct xk_qmp *qmp, const struct step *steps, size_t count,
          struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (xk_qmp_execute(qmp, steps[i].command, steps[i].arguments, NULL,
                           deadline, err) == -1)
            return -1;
    }
    return 0;
}

/* Each of these has had its effect, and logged it, when QEMU answers. */
static int
run_alone(int dirfd, const struct step *steps, size_t count,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);

    return qmp == NULL ? -1 : run_steps(qmp, steps, count, deadline, err);
}

/* By us, not for a reason of its own. */
static bool
is_paused(struct xk_qmp *qmp, struct xk_deadline deadline)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const char *status;

    if (xk_qmp_execute(qmp, "query-status", NULL, &answer, deadline, NULL) ==
        -1)
        return false;
    status =
        xk_json_string(xk_json_get(xk_json_get(answer, "return"), "status"));
    return status != NULL && strcmp(status, "paused") == 0;
}

/* The mark only says that QEMU need not be asked why the guest stands still. So
 * it is there for no longer than that is so, whoever is killed over it. */
int
xk_kvm_pause(struct xk_hypervisor *hv, const struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    int dirfd = xk_kvm_dir(domain, err);

    (void)hv;
    if (dirfd == -1)
        return -1;
    qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL || run_steps(qmp, stop_steps, XK_ARRAY_SIZE(stop_steps),
                                 deadline, err) == -1)
        return -1;
    if (is_paused(qmp, deadline))
        xk_kvm_mark(dirfd, XK_KVM_FILE_PAUSED, NULL);
    return 0;
}

/* Another may hold the log, which it then gathers itself. */
static bool
gather(int dirfd, const struct xk_kvm_live *log, struct xk_deadline deadline)
{
    while (xk_kvm_events_gather(dirfd, log) == -1) {
        if (!xk_deadline_pause(deadline, LOG_PAUSE_MS))
            return false;
    }
    return true;
}

/* Once QEMU has ended its log tells, which has a line before the guest runs. */
static bool
ended_without_running(int dirfd, const struct xk_process *process,
                      const struct xk_kvm_live *log)
{
    struct xk_deadline deadline = xk_deadline_in_ms(END_MS);
    XK_CLEANUP_CLOSE int pidfd = xk_process_open(process);
    struct xk_kvm_run run;

    if (pidfd == -1
            ? errno != ESRCH
            : xk_deadline_poll(deadline, pidfd, POLLIN, "QEMU", NULL) == -1)
        return false;
    return log->fd != -1 && gather(dirfd, log, deadline) &&
           xk_kvm_events_read(dirfd, &run, deadline, NULL) == 0 &&
           run.state == XK_STATE_PAUSED && !run.doubtful;
}

/* What QEMU says no to has had no effect. What it says nothing to may have one,
 * and a stopped QEMU does it when it goes on. */
static int
tell_to_run(int dirfd, bool *told, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_LIVE struct xk_kvm_live log = XK_KVM_LIVE_NONE;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    struct xk_process process;

    if (xk_kvm_identity_load(dirfd, &process, NULL, NULL) == 0)
        log = xk_kvm_live_find(&process, XK_KVM_LOG_EVENTS);
    qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL)
        return -1;
    *told = true;
    if (run_steps(qmp, cont_steps, 1, deadline, err) == -1) {
        *told = xk_qmp_is_broken(qmp) &&
                !ended_without_running(dirfd, &process, &log);
        return -1;
    }
    return run_steps(qmp, cont_steps + 1, XK_ARRAY_SIZE(cont_steps) - 1,
                     deadline, err);
}

int
xk_kvm_unpause_received(struct xk_hypervisor *hv,
                        const struct xk_domain *domain, bool *told,
                        struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    struct xk_kvm_status status;

    (void)hv;
    *told = false;
    if (dirfd == -1 || xk_kvm_status_read(dirfd, &status, deadline, err) == -1)
        return -1;
    /* QEMU would say that the machine must be reset. */
    if (status.state == XK_STATE_SHUTDOWN || status.state == XK_STATE_CRASHED)
        return xk_fail(err, XK_ERR_STATE, "its guest has stopped (%s)",
                       xk_stop_reason_name(status.reason));
    xk_kvm_unmark(dirfd, XK_KVM_FILE_PAUSED);
    return tell_to_run(dirfd, told, deadline, err);
}

int
xk_kvm_unpause(struct xk_hypervisor *hv, const struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    bool told;

    return xk_kvm_unpause_received(hv, domain, &told, deadline, err);
}

int
xk_kvm_signal(struct xk_hypervisor *hv, const struct xk_domain *domain,
              enum xk_signal signal, bool acpi_fallback,
              struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);

    (void)hv;
    (void)acpi_fallback;
    if (dirfd == -1)
        return -1;
    xk_kvm_unmark(dirfd, XK_KVM_FILE_REBOOT);
    if (signal == XK_SIGNAL_REBOOT && xk_kvm_expect_reboot(dirfd, err) == -1)
        return -1;
    if (signal == XK_SIGNAL_NONE)
        return 0;
    if (run_alone(dirfd, power_steps, XK_ARRAY_SIZE(power_steps), deadline,
                  err) == 0)
        return 0;
    xk_kvm_unmark(dirfd, XK_KVM_FILE_REBOOT);
    return -1;
}

static struct xk_qmp *
press_reset(int dirfd, bool runs, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);

    if (qmp == NULL)
        return NULL;
    xk_qmp_expect(qmp, "RESET");
    if ((runs &&
         xk_qmp_execute(qmp, "stop", NULL, NULL, deadline, err) == -1) ||
        run_steps(qmp, reset_steps, XK_ARRAY_SIZE(reset_steps), deadline,
                  err) == -1 ||
        xk_qmp_wait_event(qmp, NULL, deadline, err) == -1 ||
        (runs && xk_qmp_execute(qmp, "cont", NULL, NULL, deadline, err) == -1))
        return NULL;
    xk_kvm_unmark(dirfd, XK_KVM_FILE_REBOOT);
    return XK_TAKE(qmp);
}

int
xk_kvm_reset(struct xk_hypervisor *hv, const struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;

    struct xk_kvm_status status;

    (void)hv;
    if (dirfd == -1 || xk_kvm_status_read(dirfd, &status, deadline, err) == -1)
        return -1;
    qmp = press_reset(dirfd, status.state == XK_STATE_RUNNING, deadline, err);
    return qmp == NULL ? -1 : 0;
}

int
xk_kvm_restart_in_place(int record_dir_fd, struct xk_deadline deadline,
                        struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        press_reset(record_dir_fd, false, deadline, err);

    if (qmp == NULL)
        return -1;
    xk_kvm_unmark(record_dir_fd, XK_KVM_FILE_PAUSED);
    return xk_qmp_execute(qmp, "cont", NULL, NULL, deadline, err);
}

int
xk_kvm_rename(struct xk_hypervisor *hv, const struct xk_domain *domain,
              const char *name, struct xk_deadline deadline,
              struct xk_error *err)
{
    (void)hv;
    (void)domain;
    (void)name;
    (void)deadline;
    (void)err;
    return 0;
}
