/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/status.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/qmp.h"

enum {
    ASK_MS = 500,
    MARK_MAX = 64, /* bytes */
    WORD_SIZE = 32,
};

/* How long a guest may take to follow a reboot request. */
#define REBOOT_NS INT64_C(60000000000)
#define SECOND_NS INT64_C(1000000000)

int
xk_kvm_dir(const struct xk_domain *domain, struct xk_error *err)
{
    if (domain->record == NULL)
        return xk_fail(err, XK_ERR_NOT_FOUND, "no such domain: \"%s\"",
                       domain->name != NULL ? domain->name : "");
    return domain->record->dir_fd;
}

int
xk_kvm_mark(int record_dir_fd, const char *name, struct xk_error *err)
{
    int fd =
        openat(record_dir_fd, name,
               O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd == -1)
        return xk_fail_errno(err, "create \"%s\"", name);
    close(fd);
    return 0;
}

void
xk_kvm_unmark(int record_dir_fd, const char *name)
{
    unlinkat(record_dir_fd, name, 0);
}

static bool
is_marked(int record_dir_fd, const char *name)
{
    return faccessat(record_dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- a requested reboot ---- */

static int64_t
now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

int
xk_kvm_expect_reboot(int record_dir_fd, struct xk_error *err)
{
    char text[MARK_MAX];
    int length = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64 "\n",
                          now_ns(CLOCK_BOOTTIME), now_ns(CLOCK_REALTIME));

    return xk_write_file(record_dir_fd, XK_KVM_FILE_REBOOT, text,
                         (size_t)length, false, err);
}

static bool
is_within(int64_t ns, int64_t asked)
{
    return ns >= asked - SECOND_NS && ns <= asked + REBOOT_NS;
}

/* Whether the guest powered off because it was asked to reboot. If we look in
 * time, CLOCK_BOOTTIME tells. If we look late, QEMU has noted the time by
 * CLOCK_REALTIME, which may have been set since: try both the offset of the
 * clocks at the request and the offset now. */
static bool
is_requested_reboot(int record_dir_fd, int64_t stopped_us)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    int64_t now = now_ns(CLOCK_BOOTTIME);
    int64_t asked, wall, ahead;

    if (xk_read_file(record_dir_fd, XK_KVM_FILE_REBOOT, MARK_MAX, &text,
                     NULL) == -1 ||
        sscanf(text.data, "%" SCNd64 " %" SCNd64, &asked, &wall) != 2 ||
        asked < 0 || asked > now || wall < 0)
        return false;
    if (is_within(now, asked))
        return true;
    if (stopped_us <= 0 || stopped_us > INT64_MAX / 1000)
        return false;
    ahead = now_ns(CLOCK_REALTIME) - now;
    return is_within(stopped_us * 1000 - (wall - asked), asked) ||
           is_within(stopped_us * 1000 - ahead, asked);
}

/* ---- the state ---- */

/* Ask QEMU for its status (RunState, qapi/run-state.json); "" if it does not
 * answer. */
static void
ask_qemu(int record_dir_fd, char word[WORD_SIZE], struct xk_deadline deadline)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const char *status = NULL;

    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS));
    qmp = xk_qmp_connect(record_dir_fd, XK_KVM_FILE_QMP, deadline, NULL);
    if (qmp != NULL &&
        xk_qmp_execute(qmp, "query-status", NULL, &answer, deadline, NULL) == 0)
        status = xk_json_string(
            xk_json_get(xk_json_get(answer, "return"), "status"));
    snprintf(word, WORD_SIZE, "%s", status != NULL ? status : "");
}

/* The state that QEMU's status means if the log left it in doubt. All other
 * statuses are kinds of being paused. */
static const struct {
    const char *word;
    enum xk_domain_state state;
    enum xk_stop_reason reason;
} words[] = {
    {"running", XK_STATE_RUNNING, XK_STOP_POWEROFF},
    {"suspended", XK_STATE_RUNNING, XK_STOP_POWEROFF},
    {"shutdown", XK_STATE_SHUTDOWN, XK_STOP_POWEROFF},
    {"guest-panicked", XK_STATE_CRASHED, XK_STOP_CRASH},
    {"internal-error", XK_STATE_CRASHED, XK_STOP_CRASH},
    {"watchdog", XK_STATE_SHUTDOWN, XK_STOP_WATCHDOG},
};

static bool
has_stopped(const struct xk_kvm_run *run)
{
    return run->state == XK_STATE_SHUTDOWN || run->state == XK_STATE_CRASHED;
}

/* The log may lack events, so go by QEMU's status. QEMU no longer knows whether
 * a guest that stopped had powered off or wanted a reboot. If the log does not
 * say it either, assume a poweroff: a guest that was to stay off is then not
 * started again. */
static void
correct_by_qemu(int record_dir_fd, struct xk_kvm_run *run,
                struct xk_deadline deadline)
{
    struct xk_kvm_run next = {.state = XK_STATE_PAUSED,
                              .negotiated = run->negotiated,
                              .taken = run->taken,
                              .round = run->round,
                              .log = run->log};
    char word[WORD_SIZE];

    ask_qemu(record_dir_fd, word, deadline);
    if (word[0] == '\0')
        return;
    for (size_t i = 0; i < XK_ARRAY_SIZE(words); i++) {
        if (strcmp(word, words[i].word) == 0) {
            next.state = words[i].state;
            next.reason = words[i].reason;
        }
    }
    if (next.state == XK_STATE_RUNNING)
        xk_kvm_events_settle(record_dir_fd, &next);
    if (next.state == run->state || (has_stopped(&next) && has_stopped(run)))
        return;
    next.powered_off = strcmp(word, "shutdown") == 0;
    xk_info("events may be missing from its log: QEMU says \"%s\"", word);
    *run = next;
}

/* Whether the guest has crashed although no event says so: QEMU died without an
 * event, or it stopped for a reason that neither QEMU nor xk gave. If KVM
 * cannot continue a virtual processor, QEMU stops with no event but STOP. */
static bool
has_crashed(int record_dir_fd, const struct xk_kvm_run *run, bool alive,
            struct xk_deadline deadline)
{
    char word[WORD_SIZE];

    if (has_stopped(run))
        return false;
    if (!alive)
        return true;
    if (!run->stop_unexplained || is_marked(record_dir_fd, XK_KVM_FILE_PAUSED))
        return false;
    ask_qemu(record_dir_fd, word, deadline);
    return strcmp(word, "internal-error") == 0;
}

static void
set_state(int record_dir_fd, const struct xk_kvm_run *run,
          struct xk_kvm_status *status, struct xk_deadline deadline)
{
    status->state = run->state;
    status->reason = run->reason;
    if (has_crashed(record_dir_fd, run, status->alive, deadline)) {
        status->state = XK_STATE_CRASHED;
        status->reason = XK_STOP_CRASH;
    } else if (status->alive && run->ending) {
        status->state = XK_STATE_DYING;
    } else if (run->powered_off &&
               is_requested_reboot(record_dir_fd, run->powered_off_us)) {
        status->reason = XK_STOP_REBOOT;
    }
}

int
xk_kvm_status_read(int record_dir_fd, struct xk_kvm_status *status,
                   struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_process_stat stat = {0};
    struct xk_process *process = &status->process;
    struct xk_kvm_run run;

    *status = (struct xk_kvm_status){0};
    if (xk_kvm_identity_load(record_dir_fd, process, &status->claim, err) == -1)
        return -1;
    /* Check the process first: everything it logged before it ended is then in
     * the log. */
    status->alive = xk_process_alive(process);
    if (status->alive && xk_process_read_stat(process->pid, &stat) == 0)
        status->cpu_time_ns = stat.cpu_ticks * UINT64_C(1000000000) /
                              (uint64_t)sysconf(_SC_CLK_TCK);
    if (xk_kvm_events_read(record_dir_fd, &run, deadline, err) == -1)
        return -1;
    status->logs = run.negotiated;
    if (run.doubtful && status->alive && run.negotiated)
        correct_by_qemu(record_dir_fd, &run, deadline);
    set_state(record_dir_fd, &run, status, deadline);
    return 0;
}
