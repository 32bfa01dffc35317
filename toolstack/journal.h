/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of one record: which operation is under way and which outside
 * effects it may have had. Written before the effect ("intent") and after
 * ("done"), so that what a killed verb left can be finished or undone by the
 * next one.
 *
 * One line per entry: eight hex digits of CRC-32C over the rest, a blank, and
 * the JSON of the entry. A line that is torn (its writer was killed) or fails
 * its sum is as if it had not been written: the effect comes after its entry.
 */
#ifndef XK_TOOLSTACK_JOURNAL_H
#define XK_TOOLSTACK_JOURNAL_H

#include <stdbool.h>

#include "base/error.h"
#include "toolstack/record.h"

enum xk_journal_kind {
    XK_JOURNAL_BEGIN,  /* what: the operation ("create", "destroy", ...) */
    XK_JOURNAL_INTENT, /* what: the effect ("process", "tap"); detail: which */
    XK_JOURNAL_DONE,   /* what, detail: as in the intent */
    XK_JOURNAL_END,    /* what: the operation; it is complete, or undone */
    XK_JOURNAL_NOTE,   /* what happened to the domain; no part in recovery */
};

struct xk_journal_entry {
    enum xk_journal_kind kind;
    char *what;
    char *detail;    /* NULL: none */
    int64_t time_ms; /* since the epoch */
};

struct xk_journal {
    struct xk_journal_entry *entries; /* oldest first */
    size_t count;
};

/* Append one entry. Only while the record is locked. */
int xk_journal_append(const struct xk_record *record, enum xk_journal_kind kind,
                      const char *what, const char *detail,
                      struct xk_error *err);

int xk_journal_read(const struct xk_record *record, struct xk_journal *journal,
                    struct xk_error *err);
void xk_journal_free(struct xk_journal *journal);

/* The BEGIN of the operation begun last and not ended, or NULL. */
const struct xk_journal_entry *
xk_journal_unfinished(const struct xk_journal *journal);

/* How many such entries are there since that time (since the epoch)? */
unsigned xk_journal_count(const struct xk_journal *journal,
                          enum xk_journal_kind kind, const char *what,
                          int64_t since_ms);

/* Whether the record has an unfinished operation, from the journal's last
 * entries alone: cheap, for every record at the start of every verb. A journal
 * that is empty or cannot be read counts as unfinished. */
bool xk_journal_is_unfinished(const struct xk_record *record);

/* Whether its last entry ends an operation, without opening the record: true
 * for nearly every record of a host, and then it is not unfinished. */
bool xk_journal_is_at_rest(const struct xk_state *state,
                           const struct xk_uuid *uuid);

/* Whether its domain is there for others: neither being made nor being removed,
 * by a process that lives or by one that was killed over it. */
bool xk_journal_is_whole(const struct xk_record *record);

#endif
