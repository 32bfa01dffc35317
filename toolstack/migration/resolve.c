/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/resolve.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/journal.h"
#include "toolstack/migration/handover.h"
#include "toolstack/migration/past_move.h"
#include "toolstack/migration/session.h"
#include "toolstack/remove.h"
#include "toolstack/seam/transfer_ops.h"

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
    struct xk_past_move move;
    int r;

    (void)host;
    if (xk_past_move_read(domain->record, &move, err) == -1)
        return -1;
    r = move.committed ? 0 : go_on_here(domain, move.runs, deadline, err);
    xk_past_move_free(&move);
    return r;
}

/* ---- asking ---- */

static int
ask(const struct xk_past_move *move, struct xk_link *link, struct xk_talk *talk,
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
carry_out(struct xk_domain *domain, const struct xk_past_move *move,
          enum xk_handover fate, struct xk_deadline deadline,
          struct xk_error *err)
{
    switch (fate) {
    case XK_HANDOVER_OWNED:
        return xk_operation_remove(domain, deadline, err);
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
ask_and_carry_out(struct xk_domain *domain, const struct xk_past_move *move,
                  enum xk_handover *fate, struct xk_deadline deadline,
                  struct xk_error *err)
{
    struct xk_talk talk = {.silence_ms = XK_SILENCE_MS};
    struct xk_link link;
    int r;

    if (xk_past_move_link(move, &link, err) == -1)
        return -1;
    r = ask(move, &link, &talk, fate, deadline, err);
    if (r == 0)
        r = carry_out(domain, move, *fate, deadline, err);
    /* The target may now forget its decision. */
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
    struct xk_past_move move;
    int r;

    *fate = how == XK_RESOLVE_GONE   ? XK_HANDOVER_OWNED
            : how == XK_RESOLVE_KEEP ? XK_HANDOVER_REFUSED
                                     : XK_HANDOVER_OPEN;
    if (domain->record == NULL)
        return xk_fail(err, XK_ERR_STATE, "domain \"%s\" is not in doubt",
                       domain->name);
    if (xk_record_lock(domain->record, host->verb, deadline, err) == -1)
        return xk_wrap(err, "domain \"%s\"", domain->name);
    r = xk_past_move_read(domain->record, &move, err);
    if (r == 0 && !move.committed) {
        /* The target cannot have it: recovery resumes it here. */
        r = xk_fail(err, XK_ERR_STATE, "it is not in doubt");
        xk_past_move_free(&move);
    } else if (r == 0) {
        r = how == XK_RESOLVE_ASK
                ? ask_and_carry_out(domain, &move, fate, deadline, err)
                : carry_out(domain, &move, *fate, deadline, err);
        xk_past_move_free(&move);
    }
    xk_record_unlock(domain->record);
    return r == -1 ? xk_wrap(err, "domain \"%s\"", domain->name) : 0;
}
