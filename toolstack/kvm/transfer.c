/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Send a guest out of one QEMU and receive it in another, by QEMU's migration
 * to and from a descriptor (docs/devel/migration.rst of QEMU 7.2).
 *
 * The source stops its guest before the last round and waits there
 * ("pre-switchover") with its images quiesced. The target activates the images
 * only when it is told to run ("late-block-activate"). So images are open for
 * writing on one side at most, and the source can resume until the target runs.
 */
#include "toolstack/kvm/ops.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/kvm/copy_source.h"
#include "toolstack/kvm/copy_target.h"
#include "toolstack/kvm/events.h"
#include "toolstack/kvm/files.h"
#include "toolstack/kvm/launch.h"
#include "toolstack/kvm/live_cards.h"
#include "toolstack/kvm/status.h"
#include "toolstack/qmp.h"
#include "toolstack/record_config.h"

enum {
    TICK_MS = 200,    /* between two queries of a stream's progress */
    END_TICK_MS = 50, /* the same, while the guest is paused */
    END_MS = 5000,    /* for QEMU to cancel a stream */
    /* If a guest dirties memory faster than the link carries it, QEMU throttles
     * it, more from round to round. If that is not enough after this many
     * rounds, a longer downtime is allowed. */
    DOWNTIME_ROUNDS = 15,
    DOWNTIME_MS = 300, /* QEMU's default */
    DOWNTIME_MAX_MS = 5000,
};

#define ANY_SPEED (UINT64_C(1) << 50) /* bytes per second */

/* Meaning of the statuses of QEMU's stream (MigrationStatus,
 * qapi/migration.json). */
enum stage {
    STAGE_NONE,
    STAGE_RUNNING,
    STAGE_STOPPED, /* the guest is paused until we send migrate-continue */
    STAGE_DONE,
    STAGE_FAILED,
    STAGE_CANCELLING,
    STAGE_CANCELLED,
};

struct transfer {
    struct xk_qmp *qmp;
    const struct xk_domain_config *config;
    const struct xk_send_options *options; /* NULL: incoming */
    const struct xk_send_watch *watch;
    struct xk_send_progress progress;
    bool mirrors;   /* its disks are being mirrored */
    bool continued; /* migrate-continue was sent */
    enum stage stage;
    char why[512]; /* QEMU's reason for a failure */
    unsigned downtime_ms;
};

/* ---- progress ---- */

static enum stage
stage_by_name(const char *status)
{
    static const struct {
        const char *status;
        enum stage stage;
    } rows[] = {
        {"none", STAGE_NONE},
        {"setup", STAGE_RUNNING},
        {"active", STAGE_RUNNING},
        {"device", STAGE_RUNNING},
        {"wait-unplug", STAGE_RUNNING},
        {"cancelling", STAGE_CANCELLING},
        {"pre-switchover", STAGE_STOPPED},
        {"completed", STAGE_DONE},
        {"failed", STAGE_FAILED},
        {"cancelled", STAGE_CANCELLED},
    };

    for (size_t i = 0; status != NULL && i < XK_ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].status, status) == 0)
            return rows[i].stage;
    }
    return STAGE_NONE;
}

static void
take_progress(struct transfer *transfer, const struct xk_json *ram)
{
    struct xk_send_progress *progress = &transfer->progress;

    progress->sent_bytes = xk_json_count(ram, "transferred");
    progress->remaining_bytes = xk_json_count(ram, "remaining");
    progress->total_bytes = xk_json_count(ram, "total");
    progress->dirty_rate = xk_json_count(ram, "dirty-pages-rate") *
                           xk_json_count(ram, "page-size");
    progress->rounds = (unsigned)xk_json_count(ram, "dirty-sync-count");
}

static void
note_stopped(struct xk_send_progress *progress)
{
    if (progress->stopped)
        return;
    progress->stopped = true;
    progress->stopped_at_ns = xk_now_ns();
}

static int
query(struct transfer *transfer, struct xk_deadline deadline,
      struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_json *state;
    const char *why;

    if (xk_qmp_execute(transfer->qmp, "query-migrate", NULL, &answer, deadline,
                       err) == -1)
        return -1;
    state = xk_json_get(answer, "return");
    transfer->stage =
        stage_by_name(xk_json_string(xk_json_get(state, "status")));
    if (transfer->stage == STAGE_STOPPED || transfer->stage == STAGE_DONE)
        note_stopped(&transfer->progress);
    /* QEMU takes time to continue, and refuses a second migrate-continue. */
    if (transfer->stage == STAGE_STOPPED && transfer->continued)
        transfer->stage = STAGE_RUNNING;
    if (xk_json_get(state, "ram") != NULL)
        take_progress(transfer, xk_json_get(state, "ram"));
    why = xk_json_string(xk_json_get(state, "error-desc"));
    if (why != NULL)
        snprintf(transfer->why, sizeof(transfer->why), "%s", why);
    return 0;
}

static bool
goes_on(const struct transfer *transfer)
{
    return transfer->watch == NULL ||
           transfer->watch->go_on(&transfer->progress,
                                  transfer->watch->context);
}

/* ---- setting up ---- */

struct step {
    const char *command;
    const char *arguments;
};

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

static int
set_downtime(struct transfer *transfer, unsigned ms,
             struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *arguments =
        xk_asprintf("{\"downtime-limit\":%u}", ms);

    transfer->downtime_ms = ms;
    return xk_qmp_execute(transfer->qmp, "migrate-set-parameters", arguments,
                          NULL, deadline, err);
}

static int
set_up(struct transfer *transfer, struct xk_deadline deadline,
       struct xk_error *err)
{
    const struct xk_send_options *options = transfer->options;
    const char *live = options->live ? "true" : "false";
    uint64_t speed = options->bandwidth != 0 ? options->bandwidth : ANY_SPEED;
    XK_CLEANUP_FREE char *capabilities =
        xk_asprintf("{\"capabilities\":["
                    "{\"capability\":\"events\",\"state\":true},"
                    "{\"capability\":\"pause-before-switchover\",\"state\":%s},"
                    "{\"capability\":\"auto-converge\",\"state\":%s}]}",
                    live, live);
    XK_CLEANUP_FREE char *parameters =
        xk_asprintf("{\"max-bandwidth\":%" PRIu64 "}", speed);
    const struct step steps[] = {
        {"migrate-set-capabilities", capabilities},
        {"migrate-set-parameters", parameters},
    };

    if (run_steps(transfer->qmp, steps, XK_ARRAY_SIZE(steps), deadline, err) ==
        -1)
        return -1;
    return set_downtime(transfer,
                        options->max_downtime_ms != 0 ? options->max_downtime_ms
                                                      : DOWNTIME_MS,
                        deadline, err);
}

/* Close our end in any case: the end of the stream is seen only once QEMU's end
 * is the last one. */
static int
hand_pipe(struct xk_qmp *qmp, int fd, struct xk_deadline deadline,
          struct xk_error *err)
{
    int r = xk_qmp_send_fd(qmp, fd, "state", deadline, err);

    close(fd);
    return r;
}

/* ---- sending ---- */

static int
allow_downtime(struct transfer *transfer, struct xk_deadline deadline,
               struct xk_error *err)
{
    bool late = transfer->progress.rounds > DOWNTIME_ROUNDS;

    if (!late || transfer->options->max_downtime_ms != 0 ||
        transfer->downtime_ms >= DOWNTIME_MAX_MS)
        return 0;
    return set_downtime(transfer, transfer->downtime_ms * 2, deadline, err);
}

static bool
is_in_flight(const struct transfer *transfer)
{
    return transfer->stage == STAGE_RUNNING ||
           transfer->stage == STAGE_STOPPED ||
           transfer->stage == STAGE_CANCELLING;
}

/* A stream that is cancelled at the moment it stops the guest waits for
 * migrate-continue and does not notice the cancel (migration_maybe_pause() of
 * QEMU 7.2). */
static void
wake_cancelled(struct transfer *transfer, struct xk_deadline deadline)
{
    if (transfer->stage == STAGE_CANCELLING)
        xk_qmp_execute(transfer->qmp, "migrate-continue",
                       "{\"state\":\"cancelling\"}", NULL, deadline, NULL);
}

/* On a cancel QEMU resumes a guest that it stopped for the last round. */
static int
cancel(struct transfer *transfer, struct xk_error *err)
{
    struct xk_deadline end = xk_deadline_in_ms(END_MS);
    struct xk_deadline deadline = xk_deadline_in_ms(2 * END_MS);

    if (xk_qmp_execute(transfer->qmp, "migrate_cancel", NULL, NULL, deadline,
                       err) == -1)
        return -1;
    for (;;) {
        if (query(transfer, deadline, err) == -1)
            return -1;
        if (!is_in_flight(transfer))
            return 0;
        if (xk_deadline_left_ms(end) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "QEMU did not cancel its stream");
        xk_qmp_wait_some(transfer->qmp,
                         xk_deadline_min(end, xk_deadline_in_ms(TICK_MS)));
        wake_cancelled(transfer, deadline);
    }
}

/* ---- disks ---- */

static int
query_copies(struct transfer *transfer, bool *ready,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_kvm_mirror mirror;

    *ready = true;
    if (!transfer->mirrors)
        return 0;
    if (xk_kvm_mirror_progress(transfer->qmp, &mirror, deadline, err) == -1)
        return -1;
    transfer->progress.copied_bytes = mirror.done_bytes;
    transfer->progress.copy_bytes = mirror.total_bytes;
    *ready = mirror.ready;
    return 0;
}

static int
copy_disks(struct transfer *transfer, struct xk_deadline deadline,
           struct xk_error *err)
{
    const struct xk_send_options *options = transfer->options;
    bool ready = false;

    if (options->copy_count == 0)
        return 0;
    transfer->mirrors = true;
    transfer->progress.copying = true;
    if (!goes_on(transfer))
        return xk_fail(err, XK_ERR_FAILED, "cancelled");
    if (xk_kvm_mirror_start(transfer->qmp, transfer->config, options->copy_fds,
                            options->copy_count, options->bandwidth, deadline,
                            err) == -1)
        return -1;
    while (!ready) {
        if (query_copies(transfer, &ready, deadline, err) == -1)
            return -1;
        if (!goes_on(transfer))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "its disks could not be copied in time");
        if (!ready)
            xk_qmp_wait_some(
                transfer->qmp,
                xk_deadline_min(deadline, xk_deadline_in_ms(TICK_MS)));
    }
    transfer->progress.copying = false;
    return 0;
}

static int
end_copies(struct transfer *transfer, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (!transfer->mirrors)
        return 0;
    transfer->mirrors = false;
    return xk_kvm_mirror_finish(transfer->qmp, deadline, err);
}

/* Called once the guest is paused. The other side was told what the guest has
 * before that, and the guest may have ejected a card since: then the stream
 * lacks a card that was told of. */
static int
complete_guest(struct transfer *transfer, struct xk_deadline deadline,
               struct xk_error *err)
{
    if (xk_kvm_need_cards(transfer->qmp, transfer->config, deadline, err) == -1)
        return -1;
    return end_copies(transfer, deadline, err);
}

/* ---- memory ---- */

/* 1: go on, 0: done, -1: error. */
static int
step_send(struct transfer *transfer, struct xk_deadline deadline,
          struct xk_error *err)
{
    bool ready;

    switch (transfer->stage) {
    case STAGE_STOPPED:
        if (!goes_on(transfer))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        if (complete_guest(transfer, deadline, err) == -1)
            return -1;
        transfer->continued = true;
        return xk_qmp_execute(transfer->qmp, "migrate-continue",
                              "{\"state\":\"pre-switchover\"}", NULL, deadline,
                              err) == -1
                   ? -1
                   : 1;
    case STAGE_RUNNING:
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "its memory could not be sent in time");
        if (!goes_on(transfer))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        if (query_copies(transfer, &ready, deadline, err) == -1)
            return -1;
        return allow_downtime(transfer, deadline, err) == -1 ? -1 : 1;
    case STAGE_DONE:
        goes_on(transfer);
        return 0;
    case STAGE_NONE:
    case STAGE_FAILED:
    case STAGE_CANCELLING:
    case STAGE_CANCELLED:
    default:
        return xk_fail(err, XK_ERR_FAILED, "QEMU could not send it: %s",
                       transfer->why[0] != '\0' ? transfer->why : "cancelled");
    }
}

static int
follow_send(struct transfer *transfer, struct xk_deadline deadline,
            struct xk_error *err)
{
    int r;

    for (;;) {
        if (query(transfer, deadline, err) == -1)
            return -1;
        r = step_send(transfer, deadline, err);
        if (r != 1)
            return r;
        if (transfer->stage == STAGE_RUNNING)
            xk_qmp_wait_some(
                transfer->qmp,
                xk_deadline_min(deadline, xk_deadline_in_ms(transfer->continued
                                                                ? END_TICK_MS
                                                                : TICK_MS)));
    }
}

static int
stop_guest(struct transfer *transfer, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (xk_qmp_execute(transfer->qmp, "stop", NULL, NULL, deadline, err) == -1)
        return -1;
    note_stopped(&transfer->progress);
    return complete_guest(transfer, deadline, err);
}

static int
send_stream(struct transfer *transfer, int fd, struct xk_deadline deadline,
            struct xk_error *err)
{
    int r;

    r = set_up(transfer, deadline, err);
    if (r == 0)
        r = copy_disks(transfer, deadline, err);
    /* A live guest goes on writing until the last round. */
    if (r == 0 && !transfer->options->live)
        r = stop_guest(transfer, deadline, err);
    if (r == -1) {
        close(fd);
        return -1;
    }
    if (hand_pipe(transfer->qmp, fd, deadline, err) == -1 ||
        xk_qmp_execute(transfer->qmp, "migrate", "{\"uri\":\"fd:state\"}", NULL,
                       deadline, err) == -1)
        return -1;
    r = follow_send(transfer, deadline, err);
    if (r == -1)
        cancel(transfer, NULL);
    return r;
}

/* Read it from the events: our QMP connection to QEMU is in use. Returns 1, 0
 * or -1. */
static int
has_stopped(int dirfd, struct xk_kvm_run *run, struct xk_deadline deadline,
            struct xk_error *err)
{
    if (xk_kvm_events_read(dirfd, run, deadline, err) == -1)
        return -1;
    return run->state == XK_STATE_SHUTDOWN || run->state == XK_STATE_CRASHED;
}

/* If a guest stops while it is sent, the other QEMU does not know why. So the
 * guest stays here, for its policy. */
static int
need_unstopped(int dirfd, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_kvm_run run;
    int stopped = has_stopped(dirfd, &run, deadline, err);

    return stopped != 1
               ? stopped
               : xk_fail(err, XK_ERR_STATE,
                         "its guest stopped meanwhile (%s), so it stays here",
                         xk_stop_reason_name(run.reason));
}

int
xk_kvm_send(struct xk_hypervisor *hv, const struct xk_domain *domain,
            const struct xk_send_options *options, int fd,
            const struct xk_send_watch *watch, struct xk_deadline deadline,
            struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    struct transfer transfer = {.options = options, .watch = watch};

    (void)hv;
    if (dirfd != -1)
        config = xk_record_load_config(domain->record, err);
    if (config != NULL)
        qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL) {
        close(fd);
        return -1;
    }
    transfer.config = config;
    transfer.qmp = qmp;
    return send_stream(&transfer, fd, deadline, err) == -1
               ? -1
               : need_unstopped(dirfd, deadline, err);
}

/* A QEMU that has sent its guest re-activates its images only on 'cont'. So to
 * return to paused we must cont, then stop. */
int
xk_kvm_take_back(struct xk_hypervisor *hv, const struct xk_domain *domain,
                 bool runs, struct xk_deadline deadline, struct xk_error *err)
{
    int dirfd = xk_kvm_dir(domain, err);
    XK_CLEANUP_QMP struct xk_qmp *qmp = NULL;
    struct transfer transfer = {0};
    struct xk_kvm_status status;
    struct xk_kvm_run run;
    int stopped;

    (void)hv;
    if (dirfd == -1 || xk_kvm_status_read(dirfd, &status, deadline, err) == -1)
        return -1;
    /* The domain has crashed, and its policy decides. */
    if (!status.alive)
        return 0;
    qmp = xk_qmp_connect(dirfd, XK_KVM_FILE_QMP, deadline, err);
    if (qmp == NULL)
        return -1;
    transfer.qmp = qmp;
    if (query(&transfer, deadline, err) == -1)
        return -1;
    if (is_in_flight(&transfer) && cancel(&transfer, err) == -1)
        return -1;
    if (xk_kvm_mirror_abandon(qmp, deadline, err) == -1)
        return -1;
    stopped = has_stopped(dirfd, &run, deadline, err);
    if (stopped != 0)
        return stopped == 1 ? 0 : -1; /* its policy decides */
    if ((runs || transfer.stage == STAGE_DONE) &&
        xk_qmp_execute(qmp, "cont", NULL, NULL, deadline, err) == -1)
        return -1;
    return runs ? 0 : xk_qmp_execute(qmp, "stop", NULL, NULL, deadline, err);
}

/* ---- receiving ---- */

static int
follow_receive(struct transfer *transfer, struct xk_deadline deadline,
               struct xk_error *err)
{
    for (;;) {
        if (query(transfer, deadline, err) == -1)
            return -1;
        if (transfer->stage == STAGE_DONE)
            return 0;
        if (transfer->stage == STAGE_FAILED)
            return xk_fail(err, XK_ERR_FAILED, "QEMU cannot load it: %s",
                           transfer->why);
        if (xk_deadline_left_ms(deadline) == 0)
            return xk_fail(err, XK_ERR_TIMEOUT,
                           "its memory did not arrive in time");
        if (!goes_on(transfer))
            return xk_fail(err, XK_ERR_FAILED, "cancelled");
        xk_qmp_wait_some(transfer->qmp,
                         xk_deadline_min(deadline, xk_deadline_in_ms(TICK_MS)));
    }
}

/* Set this before the source begins: a command that QEMU gets later prolongs
 * the pause of a small guest. */
int
xk_kvm_expect_stream(const struct xk_record *record,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(record->dir_fd, XK_KVM_FILE_QMP, deadline, err);
    static const struct step steps[] = {
        {"migrate-set-capabilities",
         "{\"capabilities\":["
         "{\"capability\":\"events\",\"state\":true},"
         "{\"capability\":\"late-block-activate\",\"state\":true}]}"},
    };

    return qmp == NULL
               ? -1
               : run_steps(qmp, steps, XK_ARRAY_SIZE(steps), deadline, err);
}

static int
receive_stream(struct transfer *transfer, int fd, struct xk_deadline deadline,
               struct xk_error *err)
{
    if (hand_pipe(transfer->qmp, fd, deadline, err) == -1 ||
        xk_qmp_execute(transfer->qmp, "migrate-incoming",
                       "{\"uri\":\"fd:state\"}", NULL, deadline, err) == -1)
        return -1;
    return follow_receive(transfer, deadline, err);
}

/* QEMU exits if it cannot load the stream; its last output says why. */
int
xk_kvm_receive(struct xk_hypervisor *hv, struct xk_record *record,
               const struct xk_domain_config *config, int fd,
               const struct xk_send_watch *watch, struct xk_deadline deadline,
               struct xk_error *err)
{
    XK_CLEANUP_LIVE struct xk_kvm_live words =
        xk_kvm_live_of(record->dir_fd, XK_KVM_LOG_QEMU);
    XK_CLEANUP_QMP struct xk_qmp *qmp =
        xk_qmp_connect(record->dir_fd, XK_KVM_FILE_QMP, deadline, err);
    struct transfer transfer = {.qmp = qmp, .watch = watch};

    (void)hv;
    (void)config;
    if (qmp == NULL) {
        close(fd);
        return -1;
    }
    if (receive_stream(&transfer, fd, deadline, err) == 0)
        return xk_kvm_copies_end(qmp, record, deadline, err);
    return xk_kvm_launch_explain(record, &words, deadline, err);
}
