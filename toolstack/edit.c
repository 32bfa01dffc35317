/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/edit.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/journal.h"
#include "toolstack/operation.h"
#include "toolstack/record_config.h"
#include "toolstack/remove.h"

static const struct {
    const char *word; /* in journals on disk, and for people */
    const char *hint; /* where a person sees what the domain has */
} edits[] = {
    [XK_SYNC_DISKS] = {"disks", "xk block-list shows what it has"},
    [XK_SYNC_CARDS] = {"network cards", "xk network-list shows what it has"},
};
static_assert(XK_ARRAY_SIZE(edits) == XK_SYNC_COUNT, "a row per kind of edit");

/* Recovery must know which device the edit is about: others may be on their
 * way out, or the guest may have ejected them. */
static int
begin(struct xk_domain *domain, const struct xk_change *change,
      struct xk_error *err)
{
    XK_CLEANUP_FREE char *number = xk_asprintf("%u", change->number);

    if (xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_EDIT,
                          edits[change->what].word, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_INTENT,
                             XK_EFFECT_DEVICE, number, err);
}

/* Without the old configuration, which no later recovery must find. */
static int
end(struct xk_domain *domain, struct xk_error *err)
{
    xk_record_drop_kept_config(domain->record);
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_EDIT, NULL,
                             err);
}

/* Make the domain agree with the configuration that is saved. */
static int
sync_saved(struct xk_domain *domain, struct xk_change change,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);

    if (config == NULL)
        return -1;
    change.config = config;
    return xk_hv_sync(domain->hv, domain, &change, deadline, err);
}

/* ---- an edit ---- */

/* Restore the old configuration and make the domain agree with it, within a
 * time of its own: the caller's deadline may be over. What is taken away by
 * force is new. */
static int
undo(struct xk_domain *domain, struct xk_change change, struct xk_error *err)
{
    change.force = true;
    if (xk_record_restore_config(domain->record, err) == -1)
        return -1;
    return sync_saved(domain, change, xk_deadline_in_ms(XK_UNDO_MS), err);
}

/* Without END the next verb finishes or undoes the edit: finish(). */
static void
undo_and_end(struct xk_domain *domain, const struct xk_edit *edit,
             const struct xk_change *change)
{
    struct xk_error why = {0};

    if (edit->stands || undo(domain, *change, &why) == 0)
        end(domain, NULL);
    else
        xk_warn("domain \"%s\": undoing the change of its %s failed: %s; the "
                "next verb goes on",
                domain->name, edits[edit->what].word, why.message);
}

/* An edit that stands has no way back, so nothing is kept for one. */
static int
save(struct xk_domain *domain, const struct xk_edit *edit,
     const struct xk_domain_config *config, struct xk_error *err)
{
    if (!edit->stands && xk_record_keep_config(domain->record, err) == -1)
        return -1;
    return xk_record_save_config(domain->record, config, err);
}

static int
sync_or_undo(struct xk_domain *domain, const struct xk_edit *edit,
             const struct xk_change *change, struct xk_deadline deadline,
             struct xk_error *err)
{
    if (begin(domain, change, err) == -1 ||
        save(domain, edit, change->config, err) == -1)
        return -1;
    if (xk_hv_sync(domain->hv, domain, change, deadline, err) == 0)
        return end(domain, err);
    undo_and_end(domain, edit, change);
    return -1;
}

static int
edit_locked(struct xk_host *host, struct xk_domain *domain,
            const struct xk_edit *edit, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);
    struct xk_change change = {.what = edit->what, .config = config};

    if (config == NULL ||
        xk_operation_need_alive(host, domain, NULL, deadline, err) == -1 ||
        edit->apply(edit, domain, config, &change, deadline, err) == -1)
        return -1;
    return sync_or_undo(domain, edit, &change, deadline, err);
}

int
xk_edit_need_record(const struct xk_domain *domain, enum xk_sync what,
                    struct xk_error *err)
{
    if (domain->record != NULL)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "domain \"%s\" was made by another toolstack: change its "
                   "%s with that",
                   domain->name, edits[what].word);
}

int
xk_edit_run(struct xk_host *host, struct xk_domain *domain,
            const struct xk_edit *edit, struct xk_deadline deadline,
            struct xk_error *err)
{
    int r;

    if (xk_hv_need_sync(domain->hv, edit->what, err) == -1 ||
        xk_edit_need_record(domain, edit->what, err) == -1 ||
        xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = edit_locked(host, domain, edit, deadline, err);
    xk_operation_unlock(domain);
    return r == 0 ? 0 : xk_wrap(err, "domain \"%s\"", domain->name);
}

/* ---- an edit that was killed ---- */

static bool
find_edit(const char *detail, enum xk_sync *what)
{
    for (size_t i = 0; detail != NULL && i < XK_ARRAY_SIZE(edits); i++) {
        if (strcmp(detail, edits[i].word) == 0) {
            *what = (enum xk_sync)i;
            return true;
        }
    }
    return false;
}

bool
xk_edit_is_known(const char *detail)
{
    enum xk_sync what;

    return find_edit(detail, &what);
}

/* Whether the old configuration was there, and is the record's again. */
static bool
go_back(struct xk_domain *domain, const struct xk_change *change,
        struct xk_deadline deadline)
{
    struct xk_error why = {0};

    if (xk_record_restore_config(domain->record, &why) != 1)
        return false;
    if (sync_saved(domain, *change, deadline, &why) == -1)
        xk_warn("domain \"%s\": %s", domain->name, why.message);
    return true;
}

/* Forward, as that was asked for; where that fails, back. An undo that was
 * interrupted has restored the old configuration: then forward is back. */
static int
finish(struct xk_domain *domain, const struct xk_change *change,
       struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);
    struct xk_change forward = *change;
    struct xk_error why = {0};

    if (config == NULL)
        return -1;
    forward.config = config;
    if (xk_hv_sync(domain->hv, domain, &forward, deadline, &why) == -1)
        xk_warn("domain \"%s\": an interrupted change of its %s could not be "
                "finished%s: %s; %s",
                config->name, edits[change->what].word,
                go_back(domain, change, deadline) ? " and was undone" : "",
                why.message, edits[change->what].hint);
    return end(domain, err);
}

/* Read the number from the entries of the edit, which are the last ones. */
static unsigned
number_of(const struct xk_journal *journal,
          const struct xk_journal_entry *begin)
{
    const struct xk_journal_entry *end = journal->entries + journal->count;
    uint64_t number;

    for (const struct xk_journal_entry *entry = begin; entry < end; entry++) {
        if (entry->kind == XK_JOURNAL_INTENT &&
            strcmp(entry->what, XK_EFFECT_DEVICE) == 0 &&
            entry->detail != NULL &&
            xk_parse_u64(entry->detail, UINT32_MAX, &number))
            return (unsigned)number;
    }
    return XK_EVERY_DEVICE;
}

static int
read_interrupted(const struct xk_record *record, struct xk_change *change,
                 struct xk_error *err)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool found;

    if (xk_journal_read(record, &journal, err) == -1)
        return -1;
    begin = xk_journal_unfinished(&journal);
    found = begin != NULL && strcmp(begin->what, XK_OP_EDIT) == 0 &&
            find_edit(begin->detail, &change->what);
    if (found)
        change->number = number_of(&journal, begin);
    xk_journal_free(&journal);
    return found ? 0
                 : xk_fail(err, XK_ERR_PROTOCOL,
                           "the journal does not say what was edited");
}

int
xk_operation_finish_edit(struct xk_host *host, struct xk_domain *domain,
                         struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_change change = {.recovery = true};

    (void)host;
    if (read_interrupted(domain->record, &change, err) == -1)
        return -1;
    return finish(domain, &change, deadline, err);
}

int
xk_operation_finish_disks(struct xk_host *host, struct xk_domain *domain,
                          struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_change change = {
        .what = XK_SYNC_DISKS, .number = XK_EVERY_DEVICE, .recovery = true};

    (void)host;
    return finish(domain, &change, deadline, err);
}
