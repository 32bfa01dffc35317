/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/past_move.h"

#include <string.h>

#include "base/cleanup.h"
#include "toolstack/journal.h"

static int
read_begin(const struct xk_journal_entry *begin, struct xk_past_move *move,
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
               : xk_fail(err, XK_ERR_PROTOCOL,
                         "the journal does not name a move");
}

int
xk_past_move_read(const struct xk_record *record, struct xk_past_move *move,
                  struct xk_error *err)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    int r;

    *move = (struct xk_past_move){0};
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
        xk_past_move_free(move);
    return r;
}

void
xk_past_move_free(struct xk_past_move *move)
{
    xk_json_free(XK_TAKE(move->begin));
}

int
xk_past_move_link(const struct xk_past_move *move, struct xk_link *link,
                  struct xk_error *err)
{
    const struct xk_json *command = xk_json_get(move->begin, "command");
    const char *host = xk_json_string(xk_json_get(move->begin, "host"));
    const char *argv[XK_LINK_WORDS_MAX + 1] = {NULL};
    size_t count = xk_json_length(command);

    if (count == 0 || count > XK_LINK_WORDS_MAX)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the journal does not say how to reach the other host");
    for (size_t i = 0; i < count; i++) {
        argv[i] = xk_json_string(xk_json_at(command, i));
        if (argv[i] == NULL)
            return xk_fail(
                err, XK_ERR_PROTOCOL,
                "the journal does not say how to reach the other host");
    }
    xk_link_by_words(link, host != NULL ? host : "?", argv);
    return 0;
}
