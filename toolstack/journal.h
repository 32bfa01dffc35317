/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of one record: which operation is under way and which outside
 * effects it may have had. Written before the effect ("intent") and after
 * ("done"), so that what a killed verb left can be finished or undone by the
 * next one.
 *
 * Only what it says is acted on. A journal that is missing, empty or torn says
 * nothing: it is no reason to end a domain. Times are for people; what came
 * after what is told by the order of the entries.
 *
 * BEGIN takes the space for what follows in advance, so that an operation that
 * has begun can end though the file system is full by then; and destroy can
 * begin. A long journal is replaced, as one step, by one that says the same of
 * the domain: how often it was started, that it is kept, and the last entries.
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

/* The words that journals on disk have for operations (BEGIN, END). */
#define XK_OP_CREATE "create"
#define XK_OP_DESTROY "destroy"
#define XK_OP_RENAME "rename"
#define XK_OP_RESTART "restart"
#define XK_OP_REPLACE "rename-restart"
#define XK_OP_SAVE "save"
#define XK_OP_MIGRATE "migrate"
#define XK_OP_RECEIVE "receive"
#define XK_OP_EDIT "edit"   /* detail: what was edited, as "disks" */
#define XK_OP_DISKS "disks" /* an edit of disks that an earlier xk began */
#define XK_OP_RESET "reset" /* detail: the state that the guest was in */

/* Notes: the domain has stopped and is kept for inspection; it was handed to
 * another host, whose decision counts from here on. */
#define XK_NOTE_PRESERVED "preserved"
#define XK_NOTE_COMMIT "commit"

/* The last step of create (INTENT): recovery keeps a domain that may have been
 * started. */
#define XK_EFFECT_START "start"

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
    int64_t time_ms; /* since the epoch: for people, never for a decision */
    int64_t boot_ms; /* CLOCK_BOOTTIME; -1: not known */
};

struct xk_journal {
    struct xk_journal_entry *entries; /* oldest first */
    size_t count;
};

/* Append one entry. Only while the record is locked. Where there is no space
 * for it, BEGIN is refused and nothing is changed. */
int xk_journal_append(const struct xk_record *record, enum xk_journal_kind kind,
                      const char *what, const char *detail,
                      struct xk_error *err);

int xk_journal_read(const struct xk_record *record, struct xk_journal *journal,
                    struct xk_error *err);
void xk_journal_free(struct xk_journal *journal);

/* The BEGIN of the operation begun last and not ended, or NULL. */
const struct xk_journal_entry *
xk_journal_unfinished(const struct xk_journal *journal);

/* How many such entries come after that one, which is the journal's; NULL: in
 * all of it. */
unsigned xk_journal_count(const struct xk_journal *journal,
                          enum xk_journal_kind kind, const char *what,
                          const struct xk_journal_entry *after);

/* How often the domain was started again by policy: all in all, and within the
 * last so many milliseconds of this boot, of which the journal knows at least
 * the last XK_JOURNAL_RECENT. */
unsigned xk_journal_starts(const struct xk_journal *journal);
unsigned xk_journal_starts_within(const struct xk_journal *journal,
                                  int64_t window_ms);

enum {
    XK_JOURNAL_RECENT = 16
};

/* Note in the journal of a domain that takes the place of another what that
 * one's says of the last so many milliseconds: they count as its own starts
 * there. */
int xk_journal_pass_starts(const struct xk_record *from,
                           const struct xk_record *to, int64_t window_ms,
                           struct xk_error *err);

/* Whether the record has an unfinished operation, from the journal's last
 * entries alone: cheap, for every record at the start of every verb. A journal
 * that says nothing or cannot be read counts as unfinished: it is to be looked
 * at. */
bool xk_journal_is_unfinished(const struct xk_record *record);

/* Whether its last entry ends an operation, without opening the record: true
 * for nearly every record of a host, and then it is not unfinished. */
bool xk_journal_is_at_rest(const struct xk_state *state,
                           const struct xk_uuid *uuid);

/* Whether its domain is there for others: the journal does not say that it is
 * being made or removed, by a process that lives or by one that was killed over
 * it. */
bool xk_journal_is_whole(const struct xk_record *record);

#endif
