/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of one record: which operation is in progress, and which effects
 * outside the record it may have had. An entry is written before an effect
 * ("intent") and after it ("done"), so that the next verb can finish or undo
 * what a killed one left.
 *
 * Recovery acts only on what the journal says. A journal that is missing, empty
 * or torn says nothing, and is not a reason to end a domain. Times are for
 * people; the order of the entries tells what came first.
 *
 * BEGIN reserves the space for the entries that follow, so that an operation
 * that has begun can end, and a destroy can begin, even if the file system is
 * full by then. A long journal is replaced, in one step, by one that says the
 * same about the domain: how often it was started, that it is kept, and the
 * last entries.
 *
 * Format: one line per entry, with eight hex digits of CRC-32C over the rest, a
 * blank, and the entry as JSON. A line that is torn (its writer was killed) or
 * fails its sum counts as not written, because an effect comes after its entry.
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

/* The first step of an edit (INTENT); detail: the number of the device that it
 * is about. An earlier xk writes none. */
#define XK_EFFECT_DEVICE "device"

enum xk_journal_kind {
    XK_JOURNAL_BEGIN,  /* what: the operation ("create", "destroy", ...) */
    XK_JOURNAL_INTENT, /* what: the effect ("process", "tap"); detail: which */
    XK_JOURNAL_DONE,   /* what, detail: as in the intent */
    XK_JOURNAL_END,    /* what: the operation; it is complete, or undone */
    XK_JOURNAL_NOTE,   /* what happened to the domain; no part in recovery */
    XK_JOURNAL_COUNT,
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

/* Append one entry. The record is locked. If there is no space, a BEGIN fails
 * and nothing is changed. */
int xk_journal_append(const struct xk_record *record, enum xk_journal_kind kind,
                      const char *what, const char *detail,
                      struct xk_error *err);

int xk_journal_read(const struct xk_record *record, struct xk_journal *journal,
                    struct xk_error *err);
void xk_journal_free(struct xk_journal *journal);

/* Returns the BEGIN of the last operation if that has not ended, or NULL. */
const struct xk_journal_entry *
xk_journal_unfinished(const struct xk_journal *journal);

/* Count such entries after the entry `after`, which is one of the journal's;
 * NULL: in all of it. */
unsigned xk_journal_count(const struct xk_journal *journal,
                          enum xk_journal_kind kind, const char *what,
                          const struct xk_journal_entry *after);

/* How often the policy started the domain again: in all, and within the last
 * window_ms of this boot. The journal knows at least the last XK_JOURNAL_RECENT
 * starts. */
unsigned xk_journal_starts(const struct xk_journal *journal);
unsigned xk_journal_starts_within(const struct xk_journal *journal,
                                  int64_t window_ms);

enum {
    XK_JOURNAL_RECENT = 16
};

/* Copy the starts of the last window_ms into the journal of the domain that
 * replaces this one; there they count as its own. */
int xk_journal_pass_starts(const struct xk_record *from,
                           const struct xk_record *to, int64_t window_ms,
                           struct xk_error *err);

/* Whether the record has an unfinished operation. Cheap, because the last entry
 * usually suffices: every verb asks for every record. A journal that says
 * nothing or cannot be read counts as unfinished, so that recovery looks at it.
 */
bool xk_journal_is_unfinished(const struct xk_record *record);

/* Whether the last entry ends an operation; then nothing is unfinished. Does
 * not open the record. True for nearly every record of a host. */
bool xk_journal_is_at_rest(const struct xk_state *state,
                           const struct xk_uuid *uuid);

/* Whether others may use the domain: the journal does not say that it is being
 * made or removed, by a living process or by one that was killed. */
bool xk_journal_is_whole(const struct xk_record *record);

#endif
