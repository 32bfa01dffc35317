/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/reception.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "toolstack/created_file.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/migration/handover.h"
#include "toolstack/seam/domain_ops.h"

/* ---- the journal ---- */

void
xk_reception_put(const struct xk_uuid *move, bool runs, struct xk_buf *text)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);
    char id[XK_UUID_TEXT_SIZE];

    xk_uuid_format(move, id);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "move", id);
    xk_json_put_bool(writer, "runs", runs);
    xk_json_close_object(writer);
}

static int
parse_note(const char *detail, struct xk_uuid *id, bool *runs,
           struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        detail == NULL ? NULL
                       : xk_json_parse(detail, strlen(detail), "journal", NULL);
    const char *text = xk_json_string(xk_json_get(json, "move"));

    *runs = xk_json_is_true(xk_json_get(json, "runs"));
    return text != NULL && xk_uuid_parse(text, id)
               ? 0
               : xk_fail(err, XK_ERR_PROTOCOL,
                         "the journal does not name a move");
}

/* Returns 1 with the move in progress, 0 if there is none, -1 on error. */
static int
read_note(const struct xk_record *record, struct xk_uuid *id, bool *runs,
          struct xk_error *err)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    int r = 0;

    if (xk_journal_read(record, &journal, err) == -1)
        return -1;
    begin = xk_journal_unfinished(&journal);
    if (begin != NULL && strcmp(begin->what, XK_OP_RECEIVE) == 0)
        r = parse_note(begin->detail, id, runs, err) == 0 ? 1 : -1;
    xk_journal_free(&journal);
    return r;
}

/* ---- undo ---- */

int
xk_reception_undo(struct xk_domain *domain, struct xk_deadline deadline,
                  struct xk_error *err)
{
    if (xk_hv_teardown(domain->hv, domain, deadline, err) == -1)
        return -1;
    xk_made_files_remove(domain->record);
    return xk_record_remove(domain->record, err);
}

/* ---- questions ---- */

static int
put_fate(struct xk_json_writer *writer, void *context, struct xk_error *err)
{
    const enum xk_handover *fate = context;

    (void)err;
    xk_json_put_string(writer, "fate", xk_handover_name(*fate));
    return 0;
}

/* Returns 1 if the record receives by this move, 0 if it does not, -1 if that
 * cannot be determined. */
static int
is_of_move(const struct xk_record *record, const struct xk_uuid *move,
           struct xk_error *err)
{
    struct xk_uuid id;
    bool runs;
    int r;

    if (!xk_journal_is_unfinished(record))
        return 0;
    r = read_note(record, &id, &runs, err);
    return r == 1 ? xk_uuid_equal(&id, move) : r;
}

/* A record may be removed while the list is read. */
static bool
is_gone(const struct xk_error *why)
{
    return why->kind == XK_ERR_NOT_FOUND || why->errnum == ENOENT;
}

int
xk_reception_find(const struct xk_state *state, const struct xk_uuid *move,
                  struct xk_record **record, struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    *record = NULL;
    if (xk_state_list(state, &uuids, &count, err) == -1)
        return -1;
    for (size_t i = 0; i < count && *record == NULL; i++) {
        struct xk_error why = {0};
        XK_CLEANUP_RECORD struct xk_record *found =
            xk_record_open(state, &uuids[i], &why);

        if (found != NULL && is_of_move(found, move, &why) == 1)
            *record = XK_TAKE(found);
        else if (why.message[0] != '\0' && !is_gone(&why))
            return xk_fail(err, why.kind, "%s", why.message);
    }
    return 0;
}

/* Apply the rules of toolstack/migration/handover.h. Look for the record before
 * reading the decision: a decision is on disk before its record is removed.
 * *over: no record receives by this move any more. */
static int
find_fate(const struct xk_state *state, const struct xk_uuid *move,
          enum xk_handover *fate, bool *over, struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *record = NULL;

    if (xk_reception_find(state, move, &record, err) == -1 ||
        xk_handover_read(state, move, fate, err) == -1)
        return -1;
    *over = record == NULL;
    if (!*over && *fate != XK_HANDOVER_OWNED)
        *fate = XK_HANDOVER_OPEN;
    if (*over && *fate == XK_HANDOVER_TRYING)
        *fate = XK_HANDOVER_OWNED;
    return *over && *fate == XK_HANDOVER_OPEN
               ? xk_handover_refuse(state, move, fate, err)
               : 0;
}

int
xk_reception_answer(const struct xk_state *state, const struct xk_uuid *move,
                    struct xk_talk *talk, struct xk_error *err)
{
    enum xk_handover fate;
    bool over;

    if (find_fate(state, move, &fate, &over, err) == -1 ||
        xk_talk_say(talk, XK_FRAME_ANSWER, put_fate, &fate, err) == -1)
        return -1;
    /* Keep the decision while a record receives: its process or recovery needs
     * it. */
    if (over && xk_talk_hear(talk, XK_FRAME_CONFIRM, NULL, xk_deadline_never(),
                             NULL) == 0)
        xk_handover_forget(state, move);
    return 0;
}

/* ---- recovery ---- */

/* The domain is owned: bring it to the state that it is meant to have. If it
 * has stopped, died or been removed since, its policy applies. */
static int
go_forward(struct xk_host *host, struct xk_domain *domain, bool runs,
           struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_domain_info info;
    struct xk_error why = {0};
    bool paused = false;

    if (xk_domain_get(host, domain, &info, deadline, &why) == 0) {
        paused = info.state == XK_STATE_PAUSED;
        xk_domain_info_free(&info);
    } else if (why.kind != XK_ERR_NOT_FOUND) {
        return xk_fail(err, why.kind, "%s", why.message);
    }
    if (paused && runs &&
        xk_hv_unpause(domain->hv, domain, deadline, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_RECEIVE,
                             NULL, err);
}

int
xk_receive_recover(struct xk_host *host, struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err)
{
    enum xk_handover fate;
    struct xk_error why = {0};
    struct xk_uuid id;
    bool runs;
    int r = read_note(domain->record, &id, &runs, err);

    if (r != 1)
        return r;
    if (xk_handover_read(&host->state, &id, &fate, err) == -1)
        return -1;
    /* The only process that could have withdrawn "trying" is dead. */
    if (fate == XK_HANDOVER_TRYING &&
        xk_handover_own(&host->state, &id, &why) == -1)
        xk_warn("%s", why.message);
    if (fate == XK_HANDOVER_TRYING || fate == XK_HANDOVER_OWNED)
        return go_forward(host, domain, runs, deadline, err);
    if (xk_reception_undo(domain, deadline, err) == -1)
        return -1;
    if (fate == XK_HANDOVER_OPEN)
        xk_handover_forget(&host->state, &id);
    return 0;
}
