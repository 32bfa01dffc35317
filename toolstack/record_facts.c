/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/record_facts.h"

#include <string.h>

#include "toolstack/hypervisor.h"
#include "toolstack/journal.h"

unsigned
xk_record_starts(const struct xk_record *record, int64_t window_ms)
{
    struct xk_journal journal;
    unsigned starts;

    if (xk_journal_read(record, &journal, NULL) == -1)
        return 0;
    starts = window_ms == 0 ? xk_journal_starts(&journal)
                            : xk_journal_starts_within(&journal, window_ms);
    xk_journal_free(&journal);
    return starts;
}

bool
xk_record_is_preserved(const struct xk_record *record)
{
    struct xk_journal journal;
    unsigned notes;

    if (record == NULL)
        return false;
    if (xk_journal_read(record, &journal, NULL) == -1)
        return true;
    notes =
        xk_journal_count(&journal, XK_JOURNAL_NOTE, XK_NOTE_PRESERVED, NULL);
    xk_journal_free(&journal);
    return notes > 0;
}

bool
xk_record_is_in_doubt(const struct xk_record *record)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool doubt;

    if (!xk_journal_is_unfinished(record) ||
        xk_journal_read(record, &journal, NULL) == -1)
        return false;
    begin = xk_journal_unfinished(&journal);
    doubt =
        begin != NULL && strcmp(begin->what, XK_OP_MIGRATE) == 0 &&
        xk_journal_count(&journal, XK_JOURNAL_NOTE, XK_NOTE_COMMIT, begin) > 0;
    xk_journal_free(&journal);
    return doubt;
}

bool
xk_record_has_reset(const struct xk_record *record, bool *ran)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool found;

    *ran = false;
    if (record == NULL || xk_journal_read(record, &journal, NULL) == -1)
        return false;
    begin = xk_journal_unfinished(&journal);
    found = begin != NULL && strcmp(begin->what, XK_OP_RESET) == 0;
    *ran = found && begin->detail != NULL &&
           strcmp(begin->detail, xk_domain_state_name(XK_STATE_RUNNING)) == 0;
    xk_journal_free(&journal);
    return found;
}
