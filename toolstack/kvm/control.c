/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands to a running QEMU: pause, unpause, shutdown, reboot and reset. */
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
    END_MS = 2000, /* for QEMU to exit after it closed its connection */
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
 * The reset button. A plain system_reset does not do, for two reasons:
 *  - with `-action reboot=shutdown` it only stops the guest. So the action is
 *    changed while the button is pressed;
 *  - unlike real chipsets, QEMU's q35 does not unmap on reset the RAM in which
 *    SeaBIOS shadows itself. SeaBIOS finds that it has run before and resets
 *    the machine once more, some milliseconds later, which would look like a
 *    reboot by the guest. So the chipset's registers PAM0 to PAM6 (at 0x90 of
 *    PCI device 0) are cleared, which maps the ROM again: all of it, because
 *    what SeaBIOS has not copied when it is reset is not in that RAM. The guest
 *    is paused meanwhile: it might be using the address port at that moment.
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

/* Each list sets the action again: after a reset that was killed half way, the
 * guest's reboots would not be noticed. To resume a guest, cont comes first: a
 * guest that was moved is paused until then, and QEMU 7.2 reads commands byte
 * by byte. */
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

/* Run steps on a connection of their own. When QEMU answers a step, the step
 * has taken effect and is logged. */
static int
run_alone(int dirfd, const struct step *steps, size_t count,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);

    return qmp == NULL ? -1 : run_steps(qmp, steps, count, deadline, err);
}

/* Whether the guest is paused by us and not for another reason. */
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

/* The mark only says that QEMU need not be asked why the guest is paused. So it
 * must exist only while that is true, even if a process is killed here. */
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

/* If another process holds the log, that process gathers; wait for it. */
static bool
gather(int dirfd, const struct xk_kvm_live *log, struct xk_deadline deadline)
{
    while (xk_kvm_events_gather(dirfd, log) == -1) {
        if (!xk_deadline_pause(deadline, LOG_PAUSE_MS))
            return false;
    }
    return true;
}

/* Once QEMU has ended, its log decides: it has a line before the guest runs. */
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

/* If QEMU refuses cont, cont has had no effect. If QEMU does not answer, cont
 * may have had one, and a stopped QEMU will execute it when it is resumed. */
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
    /* QEMU would only report that the machine must be reset. */
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
