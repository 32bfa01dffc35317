/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/create.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/migration/disk_channels.h"
#include "toolstack/migration/link_speed.h"
#include "toolstack/migration/manifest.h"
#include "toolstack/migration/handover.h"
#include "toolstack/migration/pump.h"
#include "toolstack/migration/reception.h"
#include "toolstack/migration/replies.h"
#include "toolstack/migration/session.h"
#include "toolstack/monitor_start.h"
#include "toolstack/remove.h"
#include "toolstack/seam/transfer_ops.h"

enum {
    CHECK_MS = 20000,
    PREPARE_MS = 60000,
    RUN_MS = 30000,
    MEASUREMENTS_MAX = 64,
};

struct reception {
    struct xk_host *host;
    struct xk_uuid id; /* of the move */
    struct xk_manifest manifest;
    struct xk_domain domain; /* set by prepare() */
    struct xk_talk talk;
    bool tried; /* the hypervisor may have resumed it */
};

/* ---- the verdict ---- */

struct verdict {
    struct xk_problems problems;
    struct xk_error refusal; /* of the whole domain, if refused */
    bool refused;
};

static int
put_verdict(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    static const struct {
        enum xk_severity severity;
        const char *key;
    } lists[] = {{XK_PROBLEM_ERROR, "reasons"},
                 {XK_PROBLEM_WARNING, "warnings"}};
    const struct verdict *verdict = context;
    const struct xk_problems *problems = &verdict->problems;
    bool ok = !verdict->refused && problems->errors == 0;

    (void)err;
    xk_json_put_bool(writer, "ok", ok);
    xk_json_put_string(writer, "kind",
                       xk_error_kind_name(verdict->refused
                                              ? verdict->refusal.kind
                                              : XK_ERR_HOST));
    for (size_t i = 0; i < XK_ARRAY_SIZE(lists); i++) {
        xk_json_open_array(writer, lists[i].key);
        if (i == 0 && verdict->refused)
            xk_json_put_string(writer, NULL, verdict->refusal.message);
        for (size_t k = 0; k < problems->count; k++) {
            if (problems->items[k].severity == lists[i].severity)
                xk_json_put_string(writer, NULL, problems->items[k].message);
        }
        xk_json_close_array(writer);
    }
    return 0;
}

static void
check_disks(const struct xk_json *disks, struct xk_problems *problems)
{
    for (size_t i = 0; i < xk_json_length(disks); i++) {
        const struct xk_json *disk = xk_json_at(disks, i);
        const char *path = xk_json_string(xk_json_get(disk, "path"));
        int64_t bytes = -1;
        struct stat st;

        if (path == NULL ||
            !xk_json_integer(xk_json_get(disk, "bytes"), &bytes) ||
            stat(path, &st) == -1 || !S_ISREG(st.st_mode))
            continue; /* the driver's check reports what is wrong */
        if (st.st_size != bytes)
            xk_problem_add(problems, XK_PROBLEM_ERROR, NULL,
                           "disk \"%s\" is %lld bytes here and %lld there: it "
                           "is not the same storage",
                           path, (long long)st.st_size, (long long)bytes);
    }
}

static void
check_offer(struct reception *reception, struct verdict *verdict)
{
    struct xk_manifest *manifest = &reception->manifest;

    check_disks(xk_json_get(manifest->document, "disks"), &verdict->problems);
    verdict->refused =
        xk_manifest_check(reception->host, manifest, manifest->config, true,
                          &verdict->problems, xk_deadline_in_ms(CHECK_MS),
                          &verdict->refusal) == -1;
}

/* Returns 1 if the offer was accepted, 0 if it was refused, -1 on error. */
static int
answer_offer(struct reception *reception, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_frame_parse(&reception->talk.frame, reception->talk.from->what, err);
    struct verdict verdict = {0};
    int r;

    if (json == NULL || xk_manifest_take(&json, "the offered domain",
                                         &reception->manifest, err) == -1)
        return -1;
    check_offer(reception, &verdict);
    r = xk_talk_say(&reception->talk, XK_FRAME_VERDICT, put_verdict, &verdict,
                    err);
    if (r == 0)
        r = !verdict.refused && verdict.problems.errors == 0;
    xk_problems_free(&verdict.problems);
    return r;
}

/* ---- the phases ---- */

static int
prepare(struct reception *reception, struct xk_error *err)
{
    struct xk_host *host = reception->host;
    const struct xk_domain_config *config = reception->manifest.config;
    struct xk_domain *domain = &reception->domain;
    struct xk_deadline deadline = xk_deadline_in_ms(PREPARE_MS);
    XK_CLEANUP_BUF struct xk_buf text = {0};

    xk_reception_put(&reception->id, reception->manifest.runs, &text);
    domain->hv = xk_manifest_driver(host, &reception->manifest, err);
    if (domain->hv == NULL)
        return -1;
    domain->uuid = config->uuid;
    domain->record = xk_operation_reserve(
        host, domain->hv, config, XK_OP_RECEIVE, text.data, deadline, err);
    if (domain->record == NULL)
        return -1;
    domain->name = xk_strdup(config->name);
    xk_host_need_monitor(host);
    if (xk_handover_prepare(&host->state, &reception->id, err) == -1 ||
        xk_hv_prepare(domain->hv, domain->record, config,
                      reception->manifest.needs, deadline, err) == -1)
        return -1;
    return xk_talk_say(&reception->talk, XK_FRAME_PREPARED, NULL, NULL, err);
}

static bool
pump_goes_on(const struct xk_send_progress *progress, void *context)
{
    (void)progress;
    return !xk_pump_has_failed(context);
}

static int
receive_state(struct reception *reception, struct xk_error *err)
{
    const struct xk_pump_options options = {.silence_ms =
                                                reception->talk.silence_ms};
    struct xk_hypervisor *hv = reception->domain.hv;
    struct xk_send_watch watch = {pump_goes_on, NULL};
    struct xk_error driver_err = {0};
    struct xk_pump *pump;
    int fd, received;

    pump = xk_pump_in(reception->talk.from, &options, &fd, err);
    if (pump == NULL)
        return -1;
    watch.context = pump;
    received =
        xk_hv_receive(hv, reception->domain.record, reception->manifest.config,
                      fd, &watch, xk_deadline_never(), &driver_err);
    if (xk_pump_join(pump, received == -1, NULL, err) == -1)
        return -1;
    if (received == -1) {
        *err = driver_err;
        return -1;
    }
    return xk_talk_say(&reception->talk, XK_FRAME_RECEIVED, NULL, NULL, err);
}

/* Half the time that the source waits, so that it still hears of a failure. */
static struct xk_deadline
time_to_run(const struct reception *reception)
{
    int64_t half_ms = reception->talk.silence_ms / 2;

    return xk_deadline_in_ms(half_ms < RUN_MS ? half_ms : RUN_MS);
}

/* Resume the domain. *may_run: the guest may run, now or later, whatever is
 * returned. */
static int
let_run(struct reception *reception, bool *may_run, struct xk_error *err)
{
    struct xk_hypervisor *hv = reception->domain.hv;

    *may_run = true;
    if (!reception->manifest.runs)
        return 0;
    return xk_hv_unpause_received(hv, &reception->domain, may_run,
                                  time_to_run(reception), err);
}

/* The guest must run before the source hears RUNNING. "trying" must be written
 * before the hypervisor is asked to resume it, so that no process can refuse
 * the move meanwhile. */
static int
take_over(struct reception *reception, struct xk_error *err)
{
    const struct xk_state *state = &reception->host->state;
    bool may_run;

    if (xk_talk_hear(&reception->talk, XK_FRAME_COMMIT, NULL,
                     xk_deadline_never(), err) == -1)
        return -1;
    if (xk_handover_try(state, &reception->id, err) == -1)
        may_run = false;
    else if (let_run(reception, &may_run, err) == 0)
        return 0;
    reception->tried =
        may_run || xk_handover_withdraw(state, &reception->id, NULL) == -1;
    return -1;
}

static void
give_up(struct reception *reception, const struct xk_error *why)
{
    struct xk_host *host = reception->host;
    struct xk_domain *domain = &reception->domain;
    struct xk_error err = {0};

    /* Do not send FAILED: recovery undoes it later, and the source asks. */
    if (domain->record != NULL &&
        xk_reception_undo(domain, xk_deadline_in_ms(XK_UNDO_MS), &err) == -1) {
        xk_warn("domain \"%s\": its partial copy could not be removed: %s",
                domain->name, err.message);
        return;
    }
    if (domain->record != NULL)
        xk_handover_forget(&host->state, &reception->id);
    xk_peer_tell_failed(reception->talk.to, why, xk_deadline_in_ms(2000));
}

/* From now on the domain is not handed back. If the note fails, recovery writes
 * it. */
static void
own(const struct reception *reception)
{
    struct xk_error err = {0};

    if (xk_handover_own(&reception->host->state, &reception->id, &err) == -1)
        xk_warn("%s", err.message);
}

/* It is unknown whether the guest runs. So the source must never resume it, and
 * this host keeps it. The journal has no END: recovery resumes it again. */
static int
keep(const struct reception *reception, struct xk_error *err)
{
    own(reception);
    return xk_wrap(err,
                   "domain \"%s\" belongs to this host, but may not run yet; "
                   "recovery will resume it",
                   reception->domain.name);
}

/* If the source does not hear RUNNING, it asks. Keep the decision file until
 * the journal has END: recovery reads it. */
static int
finish(struct reception *reception, struct xk_error *err)
{
    struct xk_talk *talk = &reception->talk;
    bool said = xk_talk_say(talk, XK_FRAME_RUNNING, NULL, NULL, NULL) == 0;
    bool confirmed;

    own(reception);
    confirmed = said && xk_talk_hear(talk, XK_FRAME_CONFIRM, NULL,
                                     xk_deadline_never(), NULL) == 0;
    if (xk_journal_append(reception->domain.record, XK_JOURNAL_END,
                          XK_OP_RECEIVE, NULL, err) == -1)
        return -1;
    if (confirmed)
        xk_handover_forget(&reception->host->state, &reception->id);
    return 0;
}

/* Answer measurements until the source decides. Returns 1 for PREPARE, 0 if the
 * source leaves (a dry run or a plan), -1 on error. */
static int
await_prepare(struct reception *reception, struct xk_error *err)
{
    struct xk_talk *talk = &reception->talk;

    for (int i = 0; i < MEASUREMENTS_MAX; i++) {
        if (xk_frame_read(talk->from, &talk->frame,
                          xk_deadline_in_ms(talk->silence_ms), NULL) == -1)
            return 0;
        if (talk->frame.type == XK_FRAME_PREPARE)
            return 1;
        if (talk->frame.type == XK_FRAME_FAILED)
            return 0;
        if (talk->frame.type == XK_FRAME_ALIVE)
            continue;
        if (talk->frame.type != XK_FRAME_MEASURE)
            break;
        if (xk_measure_answer(talk, err) == -1)
            return -1;
    }
    return xk_peer_unexpected(&talk->frame, talk->from->what, "prepare", err);
}

static int
receive_domain(struct reception *reception, struct xk_error *err)
{
    int r = answer_offer(reception, err);

    if (r == 1)
        r = await_prepare(reception, err);
    if (r == 0)
        return 0;
    if (r == -1 || prepare(reception, err) == -1 ||
        receive_state(reception, err) == -1 ||
        take_over(reception, err) == -1) {
        if (reception->tried)
            return keep(reception, err);
        give_up(reception, err);
        return -1;
    }
    return finish(reception, err);
}

/* ---- the disks, by a second connection ---- */

static int
serve_copies(struct reception *reception, struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    int r = xk_reception_find(&reception->host->state, &reception->id, &record,
                              err);

    if (r == 0 && record == NULL)
        r = xk_fail(err, XK_ERR_STATE, "no such move is in progress here");
    if (r == 0)
        r = xk_copies_serve(reception->host, record, &reception->talk, err);
    if (r == -1)
        xk_peer_tell_failed(reception->talk.to, err, xk_deadline_in_ms(2000));
    return r;
}

/* ---- the connection ---- */

static int
serve(struct reception *reception, struct xk_error *err)
{
    struct xk_talk *talk = &reception->talk;

    if (xk_talk_be_greeted(talk, &reception->id, err) == -1 ||
        xk_frame_read(talk->from, &talk->frame,
                      xk_deadline_in_ms(talk->silence_ms), err) == -1)
        return -1;
    switch ((int)talk->frame.type) {
    case XK_FRAME_DOMAIN:
        return receive_domain(reception, err);
    case XK_FRAME_CHANNELS:
        return serve_copies(reception, err);
    case XK_FRAME_QUERY:
        return xk_reception_answer(&reception->host->state, &reception->id,
                                   talk, err);
    case XK_FRAME_FAILED:
        return xk_peer_failed(&talk->frame, talk->from->what, err);
    default:
        return xk_peer_unexpected(&talk->frame, talk->from->what, "domain",
                                  err);
    }
}

int
xk_migrate_receive(struct xk_host *host, int in_fd, int out_fd, char **name,
                   struct xk_error *err)
{
    static const char source[] = "the source";
    struct xk_frame_stream to = {.fd = out_fd, .what = source};
    struct xk_frame_stream from = {.fd = in_fd, .what = source};
    struct reception reception = {
        .host = host,
        .domain = {.domid = -1},
        .talk = {.to = &to, .from = &from, .silence_ms = XK_SILENCE_MS},
    };
    int r;

    fcntl(out_fd, F_SETFL, O_NONBLOCK);
    r = serve(&reception, err);
    if (name != NULL)
        *name = r == 0 ? XK_TAKE(reception.domain.name) : NULL;
    xk_domain_close(&reception.domain);
    xk_manifest_free(&reception.manifest);
    xk_talk_end(&reception.talk);
    return r;
}
