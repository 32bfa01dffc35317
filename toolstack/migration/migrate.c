/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source's side of a move. The order of frames is in
 * toolstack/migration/migrate.h. */
#include "toolstack/migration/migrate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/journal.h"
#include "toolstack/migration/disk_channels.h"
#include "toolstack/migration/link_speed.h"
#include "toolstack/migration/manifest.h"
#include "toolstack/migration/pump.h"
#include "toolstack/migration/replies.h"
#include "toolstack/migration/session.h"
#include "toolstack/operation.h"
#include "toolstack/record_config.h"
#include "toolstack/remove.h"
#include "toolstack/seam/transfer_ops.h"

enum {
    REASONS_MAX = 1500, /* bytes of the target's reasons to show */
};

struct move {
    struct xk_host *host;
    struct xk_domain *domain;
    struct xk_domain_config *config;
    struct xk_link *link;
    const struct xk_migrate_options *options;
    struct xk_migrate_result *result;
    struct xk_uuid id;
    bool runs;
    bool begun;     /* the journal has BEGIN */
    bool committed; /* the target decides */
    struct xk_talk talk;
    struct xk_pump *pump; /* while the state is sent */
    struct xk_copies way; /* while the disks are copied */
    struct xk_copy_totals copies;
    struct xk_pump_totals totals;
    struct xk_send_progress progress; /* the last one reported */
    int64_t started_ns;
};

static void
enter(const struct move *move, const char *phase)
{
    if (move->options->phase != NULL)
        move->options->phase(phase, move->options->phase_context);
}

/* ---- the journal ---- */

/* Note what recovery needs: how to reach the target, and whether to resume. */
static int
note_begin(struct move *move, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);
    char id[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&move->id, id);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "move", id);
    xk_json_put_bool(writer, "runs", move->runs);
    xk_json_put_string(writer, "host", move->link->host);
    xk_json_open_array(writer, "command");
    for (size_t i = 0; move->link->argv[i] != NULL; i++)
        xk_json_put_string(writer, NULL, move->link->argv[i]);
    xk_json_close_array(writer);
    xk_json_close_object(writer);
    if (xk_journal_append(move->domain->record, XK_JOURNAL_BEGIN, XK_OP_MIGRATE,
                          text.data, err) == -1)
        return -1;
    move->begun = true;
    return 0;
}

/* ---- the phases ---- */

static int
greet(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    (void)deadline;
    enter(move, "connecting");
    if (xk_link_open(move->link, err) == -1)
        return -1;
    move->talk.to = &move->link->to;
    move->talk.from = &move->link->from;
    return xk_talk_greet(&move->talk, &move->id, err);
}

/* The target compares sizes: a file of another size is not the same storage. */
static void
put_disks(struct xk_json_writer *writer, const struct xk_domain_config *config)
{
    xk_json_open_array(writer, "disks");
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];
        struct stat st;

        if (disk->target == NULL || stat(disk->target, &st) == -1)
            continue;
        xk_json_open_object(writer, NULL);
        xk_json_put_string(writer, "vdev", disk->vdev);
        xk_json_put_string(writer, "path", disk->target);
        xk_json_put_integer(writer, "bytes", st.st_size);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

struct offer {
    struct move *move;
    struct xk_deadline deadline;
};

static int
put_offer(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    const struct offer *offer = context;
    struct move *move = offer->move;

    if (!move->options->copy_disks)
        put_disks(writer, move->config);
    return xk_manifest_put(move->domain, move->config, move->runs,
                           move->options->copy_disks ? &move->copies : NULL,
                           writer, offer->deadline, err);
}

static int
fail_with_reasons(const struct move *move, const struct xk_json *verdict,
                  struct xk_error *err)
{
    const struct xk_json *reasons = xk_json_get(verdict, "reasons");
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *kind = xk_json_string(xk_json_get(verdict, "kind"));

    for (size_t i = 0; i < xk_json_length(reasons); i++) {
        const char *reason = xk_json_string(xk_json_at(reasons, i));

        if (reason != NULL)
            xk_buf_printf(&text, "%s%s", text.length > 0 ? "; " : "", reason);
    }
    return xk_fail(err, xk_error_kind_by_name(kind),
                   "%s cannot take the domain: %.*s", move->link->name,
                   REASONS_MAX,
                   text.length > 0 ? text.data : "no reason was given");
}

static int
offer(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *verdict = NULL;
    struct offer what = {move, deadline};
    const struct xk_json *warnings;

    enter(move, "asking");
    if (xk_talk_say(&move->talk, XK_FRAME_DOMAIN, put_offer, &what, err) ==
            -1 ||
        xk_talk_hear(&move->talk, XK_FRAME_VERDICT, &verdict, deadline, err) ==
            -1)
        return -1;
    warnings = xk_json_get(verdict, "warnings");
    for (size_t i = 0; i < xk_json_length(warnings); i++) {
        const char *text = xk_json_string(xk_json_at(warnings, i));

        if (text != NULL)
            xk_warn("%s: %s", move->link->name, text);
    }
    return xk_json_is_true(xk_json_get(verdict, "ok"))
               ? 0
               : fail_with_reasons(move, verdict, err);
}

static int
prepare(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    enter(move, "preparing");
    if (note_begin(move, err) == -1 ||
        xk_talk_say(&move->talk, XK_FRAME_PREPARE, NULL, NULL, err) == -1)
        return -1;
    return xk_talk_hear(&move->talk, XK_FRAME_PREPARED, NULL, deadline, err);
}

static bool
see_progress(const struct xk_send_progress *progress, void *context)
{
    struct move *move = context;
    const struct xk_send_watch *watch = move->options->watch;

    if (progress->copying != move->progress.copying)
        enter(move, progress->copying ? "copying disks" : "sending");
    move->progress = *progress;
    if (xk_pump_has_failed(move->pump) || xk_copies_have_failed(&move->way))
        return false;
    return watch == NULL || watch->go_on(progress, watch->context);
}

static int
put_totals(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    (void)err;
    xk_pump_put_totals(writer, context);
    return 0;
}

static int
send_by_driver(struct move *move, int fd, struct xk_deadline deadline,
               struct xk_error *err)
{
    const struct xk_send_options how = {
        .live = move->result->live,
        .bandwidth = move->options->bandwidth,
        .max_downtime_ms = move->options->max_downtime_ms,
        .copy_fds = move->way.fds,
        .copy_count = move->copies.count,
    };
    const struct xk_send_watch watch = {see_progress, move};
    struct xk_hypervisor *hv = move->domain->hv;

    return xk_hv_send(hv, move->domain, &how, fd, &watch, deadline, err);
}

/* If the disks' channels failed, report that; the driver's error is only a
 * consequence. */
static int
send_with_copies(struct move *move, int fd, struct xk_deadline deadline,
                 struct xk_error *err)
{
    struct xk_error way = {0};
    int r = 0;

    if (move->copies.count > 0)
        r = xk_copies_open(&move->way, move->link, &move->id,
                           move->copies.count, move->talk.silence_ms, deadline,
                           err);
    if (r == -1)
        close(fd);
    else
        r = send_by_driver(move, fd, deadline, err);
    if (move->copies.count > 0 &&
        xk_copies_close(&move->way, r == -1, &way) == -1) {
        *err = way;
        return -1;
    }
    return r;
}

static int
pump_state(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_pump_options options = {
        .compression = move->options->compression,
        .silence_ms = move->talk.silence_ms};
    struct xk_error driver_err = {0};
    int fd, sent;

    move->pump =
        xk_pump_out(move->talk.to, move->talk.from, &options, &fd, err);
    if (move->pump == NULL)
        return -1;
    sent = send_with_copies(move, fd, deadline, &driver_err);
    if (xk_pump_join(XK_TAKE(move->pump), sent == -1, &move->totals, err) == -1)
        return -1;
    if (sent == -1)
        *err = driver_err;
    return sent;
}

static int
send_state(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    enter(move, "sending");
    if (pump_state(move, deadline, err) == -1 ||
        xk_talk_say(&move->talk, XK_FRAME_DATA_END, put_totals, &move->totals,
                    err) == -1)
        return -1;
    return xk_talk_hear(&move->talk, XK_FRAME_RECEIVED, NULL, deadline, err);
}

/* After this note is written, leave the domain alone until the target answers.
 * If no answer arrives, the caller marks it in doubt. */
static int
commit(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    (void)deadline;
    enter(move, "handing over");
    if (xk_journal_append(move->domain->record, XK_JOURNAL_NOTE, XK_NOTE_COMMIT,
                          NULL, err) == -1)
        return -1;
    move->committed = true;
    if (xk_talk_say(&move->talk, XK_FRAME_COMMIT, NULL, NULL, err) == -1 ||
        xk_talk_hear(&move->talk, XK_FRAME_RUNNING, NULL, xk_deadline_never(),
                     err) == -1)
        return -1;
    if (move->progress.stopped && move->runs)
        move->result->downtime_ns = xk_now_ns() - move->progress.stopped_at_ns;
    return 0;
}

/* ---- finish and undo ---- */

static int
take_back(struct xk_domain *domain, bool runs, struct xk_deadline deadline,
          struct xk_error *err)
{
    if (xk_hv_take_back(domain->hv, domain, runs, deadline, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_MIGRATE,
                             NULL, err);
}

/* Only before COMMIT, or after the target sent FAILED. */
static void
undo(struct move *move, const struct xk_error *why)
{
    struct xk_error err = {0};

    if (move->talk.to != NULL && !move->committed)
        xk_peer_tell_failed(move->talk.to, why, xk_deadline_in_ms(1000));
    if (move->begun && take_back(move->domain, move->runs,
                                 xk_deadline_in_ms(XK_UNDO_MS), &err) == -1)
        xk_warn("domain \"%s\" could not be resumed: %s", move->domain->name,
                err.message);
}

static int
finish(struct move *move, struct xk_error *err)
{
    struct xk_migrate_result *result = move->result;

    if (xk_operation_remove(move->domain, xk_deadline_in_ms(XK_UNDO_MS), err) ==
        -1)
        return -1;
    /* Best effort: the target keeps its decision until it gets CONFIRM. */
    xk_talk_say(&move->talk, XK_FRAME_CONFIRM, NULL, NULL, NULL);
    result->bytes = move->totals.bytes;
    result->copied_bytes = move->progress.copied_bytes;
    result->wire_bytes = move->link->to.bytes;
    result->rounds = move->progress.rounds;
    result->total_ns = xk_now_ns() - move->started_ns;
    return 0;
}

/* ---- a plan ---- */

static int
measure_load(struct move *move, struct xk_load *load,
             struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv = move->domain->hv;

    enter(move, "measuring");
    if (xk_hv_can_measure(hv))
        return xk_hv_measure(hv, move->domain, load, deadline, err);
    *load = (struct xk_load){.memory_bytes = move->config->memory_mib << 20};
    return 0;
}

static int
plan(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_migrate_options *options = move->options;
    struct xk_forecast_input *input = &options->plan->input;

    *input = (struct xk_forecast_input){
        .bandwidth = options->bandwidth,
        .disk_bytes = move->copies.bytes,
        .max_downtime_ms = options->max_downtime_ms,
        .live = move->result->live,
    };
    if (measure_load(move, &input->load, deadline, err) == -1 ||
        xk_measure_link(&move->talk, &input->link, deadline, err) == -1)
        return -1;
    options->plan->rate_is_known = xk_hv_can_measure(move->domain->hv);
    xk_forecast(input, &options->plan->forecast);
    return 0;
}

static bool
moves_nothing(const struct move *move)
{
    return move->options->dry_run || move->options->plan != NULL;
}

static int
run_phases(struct move *move, struct xk_deadline deadline, struct xk_error *err)
{
    static int (*const phases[])(struct move * move,
                                 struct xk_deadline deadline,
                                 struct xk_error * err) = {
        greet, offer, prepare, send_state, commit,
    };
    size_t count = moves_nothing(move) ? 2 : XK_ARRAY_SIZE(phases);

    for (size_t i = 0; i < count; i++) {
        if (phases[i](move, deadline, err) == -1)
            return xk_link_explain(move->link, err);
    }
    if (move->options->plan != NULL && plan(move, deadline, err) == -1)
        return xk_link_explain(move->link, err);
    return 0;
}

/* Only FAILED proves that the target gave up. Any other frame, and silence,
 * leave that open. */
static bool
target_refused(const struct move *move)
{
    return move->talk.frame.type == XK_FRAME_FAILED;
}

static int
decide_live(struct move *move, struct xk_error *err)
{
    struct xk_error why = {0};

    move->result->live = false;
    if (move->options->live == XK_NOT_LIVE || !move->runs)
        return 0;
    if (xk_hv_can_send_live(move->domain->hv, move->domain, &why) == 0) {
        move->result->live = true;
        return 0;
    }
    if (move->options->live == XK_LIVE) {
        *err = why;
        return -1;
    }
    xk_warn("domain \"%s\" is paused while it is moved: %s", move->domain->name,
            why.message);
    return 0;
}

static int
check_can_copy(const struct move *move, struct xk_error *err)
{
    return move->options->copy_disks ? xk_hv_need_copies(move->domain->hv, err)
                                     : 0;
}

static int
migrate_locked(struct move *move, struct xk_deadline deadline,
               struct xk_error *err)
{
    bool running;

    if (xk_operation_need_alive(move->host, move->domain, &running, deadline,
                                err) == -1)
        return -1;
    move->runs = running;
    move->config = xk_record_load_config(move->domain->record, err);
    if (move->config == NULL || check_can_copy(move, err) == -1 ||
        decide_live(move, err) == -1)
        return -1;
    if (run_phases(move, deadline, err) == 0)
        return moves_nothing(move) ? 0 : finish(move, err);
    if (!move->committed) {
        undo(move, err);
        return -1;
    }
    if (target_refused(move)) {
        undo(move, err);
        move->committed = false;
    }
    return -1;
}

int
xk_domain_migrate(struct xk_host *host, struct xk_domain *domain,
                  struct xk_link *link,
                  const struct xk_migrate_options *options,
                  struct xk_migrate_result *result, bool *doubt,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct move move = {
        .host = host,
        .domain = domain,
        .link = link,
        .options = options,
        .result = result,
        .talk = {.silence_ms = options->silence_ms != 0 ? options->silence_ms
                                                        : XK_SILENCE_MS},
        .started_ns = xk_now_ns(),
    };
    int r;

    *result = (struct xk_migrate_result){0};
    *doubt = false;
    if (domain->record == NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "domain \"%s\" was created by another toolstack, which "
                       "has its configuration: move it with that toolstack",
                       domain->name);
    xk_uuid_random(&move.id);
    if (xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = migrate_locked(&move, deadline, err);
    *doubt = r == -1 && move.committed;
    xk_record_unlock(domain->record);
    xk_talk_end(&move.talk);
    xk_config_free(move.config);
    xk_link_close(link);
    return r == -1 ? xk_wrap(err, "migrate domain \"%s\"", domain->name) : 0;
}
