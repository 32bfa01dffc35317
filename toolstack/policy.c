/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of a domain that stopped by itself: on_poweroff=, on_reboot=,
 * on_crash=, on_watchdog=, on_soft_reset= of xl.cfg(5).
 *
 * How rename-restart works: the stopped domain gets a new name and a new UUID
 * (its record's directory is renamed) and is kept. A new domain is made from
 * the old configuration, which waits in next.json meanwhile. Each step can be
 * repeated, so recovery starts from the top.
 */
#include "toolstack/policy.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/create.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/list.h"
#include "toolstack/operation.h"
#include "toolstack/record_config.h"
#include "toolstack/record_facts.h"
#include "toolstack/remove.h"
#include "toolstack/seam/device_ops.h"
#include "toolstack/seam/domain_ops.h"

enum {
    /* A guest that stops this often within this time is kept as it is. */
    LOOP_STARTS = 10,
    LOOP_WINDOW_MS = 60000,
    CORE_DUMP_MS = 600000,
    STAMP_SIZE = 32,
    DUMPS_MAX = 8, /* of domains of one name */
    KEPT_MAX = 8,  /* beside a domain, by rename-restart */
    STEM_MAX = 100 /* with a stamp and a number fewer than 128 bytes */
};
static_assert((int)LOOP_STARTS <= (int)XK_JOURNAL_RECENT,
              "the journal knows of them");

typedef int policy(struct xk_host *host, struct xk_domain *domain,
                   const struct xk_domain_config *config,
                   struct xk_deadline deadline, struct xk_error *err);

static void
format_stamp(char stamp[STAMP_SIZE])
{
    time_t now = time(NULL);
    struct tm utc;

    gmtime_r(&now, &utc);
    strftime(stamp, STAMP_SIZE, "%Y%m%dT%H%M%SZ", &utc);
}

/* ---- destroy, preserve, restart ---- */

static int
do_destroy(struct xk_host *host, struct xk_domain *domain,
           const struct xk_domain_config *config, struct xk_deadline deadline,
           struct xk_error *err)
{
    (void)host;
    (void)config;
    if (xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_DESTROY, NULL,
                          err) == -1)
        return -1;
    return xk_operation_remove(domain, deadline, err);
}

static int
do_preserve(struct xk_host *host, struct xk_domain *domain,
            const struct xk_domain_config *config, struct xk_deadline deadline,
            struct xk_error *err)
{
    (void)host;
    (void)config;
    (void)deadline;
    return xk_journal_append(domain->record, XK_JOURNAL_NOTE, XK_NOTE_PRESERVED,
                             NULL, err);
}

/* A domain that cannot be started again (its image is gone, say) is preserved,
 * so that the restart is not retried for ever. */
static int
restart(struct xk_host *host, struct xk_domain *domain,
        const struct xk_domain_config *config, struct xk_deadline deadline,
        struct xk_error *err)
{
    int r = xk_hv_restart(domain->hv, domain->record, config, deadline, err);

    if (r == -1 && err->kind == XK_ERR_TIMEOUT)
        return -1; /* it may need longer than this verb has */
    if (r == -1)
        do_preserve(host, domain, config, deadline, NULL);
    if (xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_RESTART, NULL,
                          r == -1 ? NULL : err) == -1)
        return -1;
    return r;
}

static bool
is_looping(const struct xk_domain *domain)
{
    if (xk_record_starts(domain->record, LOOP_WINDOW_MS) < LOOP_STARTS)
        return false;
    xk_warn("domain \"%s\" stops again after %d starts within %d s: it is kept "
            "as it is until xk destroy",
            domain->name, LOOP_STARTS, LOOP_WINDOW_MS / 1000);
    return true;
}

static int
do_restart(struct xk_host *host, struct xk_domain *domain,
           const struct xk_domain_config *config, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (is_looping(domain))
        return do_preserve(host, domain, config, deadline, err);
    if (xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_RESTART, NULL,
                          err) == -1)
        return -1;
    return restart(host, domain, config, deadline, err);
}

int
xk_operation_finish_restart(struct xk_host *host, struct xk_domain *domain,
                            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);

    return config == NULL ? -1 : restart(host, domain, config, deadline, err);
}

/* ---- rename-restart ---- */

/* How many bytes of a name go into the name of the kept domain, which must be a
 * valid name too. */
static int
stem_length(const char *name)
{
    size_t length = strlen(name);

    if (length <= STEM_MAX)
        return (int)length;
    length = STEM_MAX;
    while (length > 1 && ((unsigned char)name[length] & 0xc0) == 0x80)
        length--; /* do not cut a UTF-8 character */
    return (int)length;
}

/* The name and the time, and a number if that name is taken. */
static char *
name_of_kept(struct xk_host *host, const char *name)
{
    int stem = stem_length(name);
    char stamp[STAMP_SIZE];
    char *kept;

    format_stamp(stamp);
    kept = xk_asprintf("%.*s-%s", stem, name, stamp);
    for (unsigned n = 2; xk_operation_is_recorded(host, kept); n++) {
        free(kept);
        kept = xk_asprintf("%.*s-%s-%u", stem, name, stamp, n);
    }
    return kept;
}

/* Give the stopped domain another name and UUID. */
static int
become_another(struct xk_host *host, struct xk_domain *domain,
               const struct xk_domain_config *next, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(domain->record, err);

    if (config == NULL)
        return -1;
    if (xk_uuid_equal(&config->uuid, &next->uuid)) {
        free(config->name);
        config->name = name_of_kept(host, next->name);
        xk_uuid_random(&config->uuid);
        if (xk_record_save_config(domain->record, config, err) == -1)
            return -1;
    }
    free(domain->name);
    domain->name = xk_strdup(config->name);
    domain->uuid = config->uuid;
    if (xk_uuid_equal(&domain->record->uuid, &config->uuid))
        return 0;
    return xk_record_rekey(domain->record, &config->uuid, err);
}

/* An earlier try may have left a domain, half built or whole. 1: it is whole;
 * 0: there is none; -1: error. */
static int
clear_way(struct xk_host *host, struct xk_hypervisor *hv,
          const struct xk_domain_config *next, struct xk_deadline deadline,
          struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *there =
        xk_record_open(&host->state, &next->uuid, NULL);
    struct xk_domain half = {.hv = hv,
                             .uuid = next->uuid,
                             .domid = -1,
                             .name = next->name,
                             .record = there};

    if (there == NULL)
        return 0;
    if (xk_journal_is_whole(there))
        return 1;
    if (xk_record_try_lock(there, host->verb, NULL) != 1)
        return xk_fail(err, XK_ERR_BUSY,
                       "domain \"%s\" is being created again already",
                       next->name);
    if (xk_operation_finish_create(host, &half, deadline, err) == -1)
        return -1;
    xk_record_cleanup(&there);
    there = xk_record_open(&host->state, &next->uuid, NULL);
    return there != NULL;
}

/* It is the same guest, so its earlier starts count: a guest that stops at each
 * start must be noticed. */
static int
build_next(struct xk_host *host, struct xk_domain *domain,
           const struct xk_domain_config *next, void *context,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_domain *old = context;

    (void)host;
    if (xk_journal_pass_starts(old->record, domain->record, LOOP_WINDOW_MS,
                               err) == -1)
        return -1;
    return xk_hv_build(domain->hv, domain->record, next, deadline, err);
}

static int
create_next(struct xk_host *host, struct xk_domain *old,
            const struct xk_domain_config *next, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_hypervisor *hv = old->hv;
    int there = clear_way(host, hv, next, deadline, err);
    struct xk_domain made;

    if (there != 0)
        return there == 1 ? 0 : -1;
    if (xk_operation_create(host, hv, next, build_next, old, false, &made,
                            deadline, err) == -1)
        return -1;
    xk_domain_close(&made);
    return 0;
}

/* If the new domain cannot be made (an image is gone, say), the old one is kept
 * all the same, so that this is not retried for ever. */
static int
replace_by(struct xk_host *host, struct xk_domain *domain,
           const struct xk_domain_config *next, struct xk_deadline deadline,
           struct xk_error *err)
{
    struct xk_error why = {0};

    if (become_another(host, domain, next, err) == -1 ||
        xk_hv_preserve(domain->hv, domain, deadline, err) == -1)
        return -1;
    if (create_next(host, domain, next, deadline, &why) == -1) {
        if (why.kind == XK_ERR_BUSY || why.kind == XK_ERR_TIMEOUT) {
            *err = why;
            return -1;
        }
        xk_warn("domain \"%s\" could not be created again: %s; it is kept as "
                "\"%s\"",
                next->name, why.message, domain->name);
    }
    return do_preserve(host, domain, next, deadline, err);
}

int
xk_operation_finish_replace(struct xk_host *host, struct xk_domain *domain,
                            struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *next = NULL;
    struct xk_record *record = domain->record;

    if (xk_record_has_next(record)) {
        next = xk_record_load_next(record, err);
        if (next == NULL || replace_by(host, domain, next, deadline, err) == -1)
            return -1;
        xk_record_drop_next(record);
    }
    return xk_journal_append(record, XK_JOURNAL_END, XK_OP_REPLACE, NULL, err);
}

/* Until xk_hv_preserve() has returned, the hypervisor may know the domain by
 * its old UUID. */
void
xk_operation_end_replaced(struct xk_host *host, struct xk_domain *domain,
                          struct xk_deadline deadline)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *next = NULL;
    XK_CLEANUP_RECORD struct xk_record *there = NULL;
    struct xk_domain_info info;
    struct xk_domain old = {.hv = domain->hv, .domid = -1};
    struct xk_error err = {0};

    if (domain->record == NULL || !xk_record_has_next(domain->record))
        return;
    next = xk_record_load_next(domain->record, &err);
    if (next == NULL || xk_uuid_equal(&next->uuid, &domain->record->uuid))
        return;
    old.uuid = next->uuid;
    old.name = next->name;
    there = xk_record_open(&host->state, &next->uuid, NULL);
    if (there != NULL ||
        xk_hv_get(domain->hv, &old, &info, deadline, &err) == -1)
        return;
    xk_domain_info_free(&info);
    if (xk_hv_teardown(domain->hv, &old, deadline, &err) == -1)
        xk_warn("domain \"%s\": %s", old.name, err.message);
}

static bool
is_kept_of(struct xk_host *host, const struct xk_uuid *uuid, const char *name)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&host->state, uuid, NULL);
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        record == NULL ? NULL : xk_record_load_config(record, NULL);
    size_t length = (size_t)stem_length(name);
    unsigned day, time_of_day;

    return config != NULL && strncmp(config->name, name, length) == 0 &&
           sscanf(config->name + length, "-%8uT%6uZ", &day, &time_of_day) ==
               2 &&
           xk_record_is_preserved(record);
}

/* A kept domain takes all its memory, and guests choose when they stop. So the
 * number is bounded; the first ones are kept, because they tell most. */
static bool
is_kept_often(struct xk_host *host, const char *name)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    unsigned kept = 0;
    size_t count;

    if (xk_state_list(&host->state, &uuids, &count, NULL) == -1)
        return false;
    for (size_t i = 0; i < count; i++)
        kept += is_kept_of(host, &uuids[i], name);
    if (kept < KEPT_MAX)
        return false;
    xk_warn(
        "domain \"%s\": %u stopped domains of this name are kept already, so "
        "this one is restarted instead; destroy some to keep more",
        name, kept);
    return true;
}

static int
do_replace(struct xk_host *host, struct xk_domain *domain,
           const struct xk_domain_config *config, struct xk_deadline deadline,
           struct xk_error *err)
{
    if (is_looping(domain))
        return do_preserve(host, domain, config, deadline, err);
    if (is_kept_often(host, domain->name))
        return do_restart(host, domain, config, deadline, err);
    if (xk_journal_append(domain->record, XK_JOURNAL_BEGIN, XK_OP_REPLACE, NULL,
                          err) == -1 ||
        xk_record_save_next(domain->record, config, err) == -1)
        return -1;
    return xk_operation_finish_replace(host, domain, deadline, err);
}

/* ---- core dumps ---- */

/* Count the dumps of domains of that name. Their file names are as long as that
 * of the next dump. */
static unsigned
count_dumps(const char *folder, const char *name, const char *next)
{
    XK_CLEANUP_DIR DIR *dir = opendir(folder);
    const size_t length = strlen(strrchr(next, '/') + 1);
    const struct dirent *entry;
    unsigned count = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        count += strncmp(entry->d_name, name, strlen(name)) == 0 &&
                 strlen(entry->d_name) == length;
    return count;
}

/* A dump is as large as the domain, and guests choose when they crash. So the
 * number is bounded; the first ones are kept, because they tell most. */
static int
check_dumps(const char *folder, const char *name, const char *next,
            struct xk_error *err)
{
    if (count_dumps(folder, name, next) < DUMPS_MAX)
        return 0;
    return xk_fail(
        err, XK_ERR_FAILED,
        "\"%s\" holds %d core dumps of this domain already; remove some",
        folder, DUMPS_MAX);
}

/* A dump that fails (no space) must not keep the domain from its policy. */
static void
dump_core(struct xk_host *host, struct xk_domain *domain)
{
    XK_CLEANUP_FREE char *folder = xk_asprintf("%s/dump", host->state.lib_path);
    XK_CLEANUP_FREE char *path = NULL;
    char stamp[STAMP_SIZE];
    struct xk_error err = {0};

    format_stamp(stamp);
    path = xk_asprintf("%s/%s-%s.core", folder, domain->name, stamp);
    if (xk_make_dirs(folder, 0700, &err) == -1 ||
        check_dumps(folder, domain->name, path, &err) == -1 ||
        xk_hv_core_dump(domain->hv, domain, path,
                        xk_deadline_in_ms(CORE_DUMP_MS), &err) == -1)
        xk_warn("domain \"%s\": no core dump: %s", domain->name, err.message);
}

/* ---- the table ---- */

static const struct {
    bool core_dump;
    policy *carry_out;
} policies[] = {
    [XK_ACTION_DESTROY] = {false, do_destroy},
    [XK_ACTION_RESTART] = {false, do_restart},
    [XK_ACTION_RENAME_RESTART] = {false, do_replace},
    [XK_ACTION_PRESERVE] = {false, do_preserve},
    [XK_ACTION_COREDUMP_DESTROY] = {true, do_destroy},
    [XK_ACTION_COREDUMP_RESTART] = {true, do_restart},
    /* No driver has a soft reset, so the guest starts anew. */
    [XK_ACTION_SOFT_RESET] = {false, do_restart},
};
static_assert(XK_ARRAY_SIZE(policies) == XK_ACTION_COUNT, "a row per action");

/* 1: it has, for *reason; 0: it has not, or needs nothing more; -1: error. */
static int
has_stopped(struct xk_host *host, struct xk_domain *domain,
            enum xk_stop_reason *reason, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_domain_info info;
    bool stopped;

    if (xk_domain_get(host, domain, &info, deadline, err) == -1)
        return err->kind == XK_ERR_NOT_FOUND
                   ? xk_operation_remove_gone(domain, deadline, err)
                   : -1;
    stopped = info.state == XK_STATE_SHUTDOWN || info.state == XK_STATE_CRASHED;
    *reason = info.stop_reason;
    xk_domain_info_free(&info);
    if (!stopped || *reason == XK_STOP_SUSPEND)
        return 0;
    return !xk_record_is_preserved(domain->record);
}

static int
apply_locked(struct xk_host *host, struct xk_domain *domain,
             struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    enum xk_stop_reason reason = XK_STOP_POWEROFF;
    enum xk_action action;
    int stopped = has_stopped(host, domain, &reason, deadline, err);

    if (stopped == 0 && xk_hv_needs_repair(domain->hv, domain->record))
        return xk_hv_repair(domain->hv, domain->record, deadline, err);
    if (stopped != 1)
        return stopped;
    config = xk_record_load_config(domain->record, err);
    if (config == NULL)
        return -1;
    action = config->on[reason];
    xk_info("domain \"%s\" stopped (%s): %s", domain->name,
            xk_stop_reason_name(reason), xk_action_name(action));
    if (policies[action].core_dump)
        dump_core(host, domain);
    if (policies[action].carry_out(host, domain, config, deadline, err) == -1)
        return xk_wrap(err, "%s domain \"%s\"", xk_action_name(action),
                       domain->name);
    return 0;
}

int
xk_domain_apply_policy(struct xk_host *host, struct xk_domain *domain,
                       struct xk_deadline deadline, struct xk_error *err)
{
    int r;

    if (domain->record == NULL)
        return 0;
    if (xk_operation_lock(host, domain, deadline, err) == -1)
        return err->kind == XK_ERR_NOT_FOUND ? 0 : -1;
    r = apply_locked(host, domain, deadline, err);
    xk_record_unlock(domain->record);
    return r;
}
