/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a source does about a move whose end it did not see. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/journal.h"
#include "toolstack/migration/migrate.h"
#include "toolstack/migration/session.h"
#include "toolstack/operations.h"
#include "toolstack/seam/transfer_ops.h"

/* What the journal says of a move. */
struct past_move {
    struct xk_json *begin; /* its detail */
    struct xk_uuid id;
    bool runs;
    bool committed;
};

static int
read_begin(const struct xk_journal_entry *begin, struct past_move *move,
           struct xk_error *err)
{
    const char *id;

    if (begin->detail == NULL)
        return xk_fail(err, XK_ERR_PROTOCOL, "the journal has no move");
    move->begin =
        xk_json_parse(begin->detail, strlen(begin->detail), "journal", err);
    if (move->begin == NULL)
        return -1;
    id = xk_json_need_string(move->begin, "move", err);
    if (id == NULL)
        return -1;
    move->runs = xk_json_is_true(xk_json_get(move->begin, "runs"));
    return xk_uuid_parse(id, &move->id)
               ? 0
               : xk_fail(err, XK_ERR_PROTOCOL, "the journal names no move");
}

/* XK_ERR_STATE where no move is unfinished. */
static int
read_move(const struct xk_record *record, struct past_move *move,
          struct xk_error *err)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    int r;

    *move = (struct past_move){0};
    if (xk_journal_read(record, &journal, err) == -1)
        return -1;
    begin = xk_journal_unfinished(&journal);
    if (begin == NULL || strcmp(begin->what, XK_OP_MIGRATE) != 0) {
        r = xk_fail(err, XK_ERR_STATE, "it is not in doubt");
    } else {
        r = read_begin(begin, move, err);
        move->committed = xk_journal_count(&journal, XK_JOURNAL_NOTE,
                                           XK_NOTE_COMMIT, begin) > 0;
    }
    xk_journal_free(&journal);
    if (r == -1)
        xk_json_free(XK_TAKE(move->begin));
    return r;
}

bool
xk_migrate_in_doubt(const struct xk_record *record)
{
    struct past_move move;
    bool doubt;

    if (!xk_journal_is_unfinished(record) ||
        read_move(record, &move, NULL) == -1)
        return false;
    doubt = move.committed;
    xk_json_free(move.begin);
    return doubt;
}

/* ---- ends ---- */

static int
go_on_here(struct xk_domain *domain, bool runs, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (xk_hv_take_back(domain->hv, domain, runs, deadline, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_MIGRATE,
                             NULL, err);
}

/* After COMMIT only the target's answer, or the user, may resolve it. */
int
xk_migrate_recover(struct xk_host *host, struct xk_domain *domain,
                   struct xk_deadline deadline, struct xk_error *err)
{
    struct past_move move;
    int r;

    (void)host;
    if (read_move(domain->record, &move, err) == -1)
        return -1;
    r = move.committed ? 0 : go_on_here(domain, move.runs, deadline, err);
    xk_json_free(move.begin);
    return r;
}

/* ---- asking ---- */

static int
make_link(const struct past_move *move, struct xk_link *link,
          struct xk_error *err)
{
    const struct xk_json *command = xk_json_get(move->begin, "command");
    const char *host = xk_json_string(xk_json_get(move->begin, "host"));
    const char *argv[XK_LINK_WORDS_MAX + 1] = {NULL};
    size_t count = xk_json_length(command);

    if (count == 0 || count > XK_LINK_WORDS_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the journal has no way to the "
                       "other host");
    for (size_t i = 0; i < count; i++) {
        argv[i] = xk_json_string(xk_json_at(command, i));
        if (argv[i] == NULL)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "the journal has no way to the other host");
    }
    xk_link_by_words(link, host != NULL ? host : "?", argv);
    return 0;
}

static int
ask(const struct past_move *move, struct xk_link *link, struct xk_talk *talk,
    enum xk_handover *fate, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (xk_link_open(link, err) == -1)
        return -1;
    talk->to = &link->to;
    talk->from = &link->from;
    if (xk_talk_greet(talk, &move->id, err) == -1 ||
        xk_talk_say(talk, XK_FRAME_QUERY, NULL, NULL, err) == -1 ||
        xk_talk_hear(talk, XK_FRAME_ANSWER, &answer, deadline, err) == -1)
        return xk_link_explain(link, err);
    *fate = xk_handover_by_name(xk_json_string(xk_json_get(answer, "fate")));
    return 0;
}

static int
carry_out(struct xk_host *host, struct xk_domain *domain,
          const struct past_move *move, enum xk_handover fate,
          struct xk_deadline deadline, struct xk_error *err)
{
    switch (fate) {
    case XK_HANDOVER_OWNED:
        return xk_operation_remove(host, domain, deadline, err);
    case XK_HANDOVER_REFUSED:
        return go_on_here(domain, move->runs, deadline, err);
    case XK_HANDOVER_OPEN:
    case XK_HANDOVER_TRYING:
    default:
        return xk_fail(err, XK_ERR_BUSY,
                       "the other host has not decided yet; try again");
    }
}

static int
ask_and_carry_out(struct xk_host *host, struct xk_domain *domain,
                  const struct past_move *move, enum xk_handover *fate,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_talk talk = {.silence_ms = XK_SILENCE_MS};
    struct xk_link link;
    int r;

    if (make_link(move, &link, err) == -1)
        return -1;
    r = ask(move, &link, &talk, fate, deadline, err);
    if (r == 0)
        r = carry_out(host, domain, move, *fate, deadline, err);
    /* Then the target may forget it. */
    if (r == 0)
        xk_talk_say(&talk, XK_FRAME_CONFIRM, NULL, NULL, NULL);
    xk_talk_end(&talk);
    xk_link_free(&link);
    return r;
}

int
xk_migrate_resolve(struct xk_host *host, struct xk_domain *domain,
                   enum xk_resolve how, enum xk_handover *fate,
                   struct xk_deadline deadline, struct xk_error *err)
{
    struct past_move move;
    int r;

    *fate = how == XK_RESOLVE_GONE   ? XK_HANDOVER_OWNED
            : how == XK_RESOLVE_KEEP ? XK_HANDOVER_REFUSED
                                     : XK_HANDOVER_OPEN;
    if (domain->record == NULL)
        return xk_fail(err, XK_ERR_STATE, "domain \"%s\" is not in doubt",
                       domain->name);
    if (xk_record_lock(domain->record, host->verb, deadline, err) == -1)
        return xk_wrap(err, "domain \"%s\"", domain->name);
    r = read_move(domain->record, &move, err);
    if (r == 0 && !move.committed) {
        /* The target cannot have it: recovery resumes it here. */
        r = xk_fail(err, XK_ERR_STATE, "it is not in doubt");
        xk_json_free(move.begin);
    } else if (r == 0) {
        r = how == XK_RESOLVE_ASK
                ? ask_and_carry_out(host, domain, &move, fate, deadline, err)
                : carry_out(host, domain, &move, *fate, deadline, err);
        xk_json_free(move.begin);
    }
    xk_record_unlock(domain->record);
    return r == -1 ? xk_wrap(err, "domain \"%s\"", domain->name) : 0;
}
