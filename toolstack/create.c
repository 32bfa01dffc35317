/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/create.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/find.h"
#include "toolstack/journal.h"
#include "toolstack/mac_use.h"
#include "toolstack/monitor_start.h"
#include "toolstack/record_config.h"
#include "toolstack/record_facts.h"
#include "toolstack/remove.h"
#include "toolstack/seam/domain_ops.h"
#include "toolstack/seam/transfer_ops.h"
#include "toolstack/wait.h"

enum {
    LEAVE_MS = 10000 /* wait for a domain of that name to go */
};

/* Returns the lock over names, if the domain's are free; or -1. */
static int
lock_name(struct xk_host *host, const struct xk_domain_config *config,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int names = xk_state_lock(&host->state, deadline, err);

    if (names == -1 ||
        xk_operation_check_free(host, config->name, &config->uuid, deadline,
                                err) == -1)
        return -1;
    return xk_take_fd(&names);
}

static struct xk_record *
make_record(struct xk_host *host, struct xk_hypervisor *hv,
            const struct xk_domain_config *config, const char *operation,
            const char *detail, struct xk_error *err)
{
    XK_CLEANUP_RECORD struct xk_record *record = xk_record_create(
        &host->state, &config->uuid, xk_hv_name(hv), host->verb, err);

    if (record == NULL)
        return NULL;
    if (xk_journal_append(record, XK_JOURNAL_BEGIN, operation, detail, err) ==
            -1 ||
        xk_record_save_config(record, config, err) == -1) {
        xk_record_remove(record, NULL);
        return NULL;
    }
    return XK_TAKE(record);
}

struct xk_record *
xk_operation_reserve(struct xk_host *host, struct xk_hypervisor *hv,
                     const struct xk_domain_config *config,
                     const char *operation, const char *detail,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int names = lock_name(host, config, deadline, err);

    if (names == -1)
        return NULL;
    return make_record(host, hv, config, operation, detail, err);
}

static int
check_addresses(struct xk_host *host, const struct xk_domain_config *config,
                struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_problems problems = {0};
    int r = 0;

    xk_mac_use_check(host, config, 0, &problems, deadline);
    if (problems.errors > 0)
        r = xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    return r;
}

/* The same for a domain that is new, and takes its addresses too. Another
 * create may have passed its checks together with ours. */
static struct xk_record *
reserve_new(struct xk_host *host, struct xk_hypervisor *hv,
            const struct xk_domain_config *config, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_CLOSE int names = lock_name(host, config, deadline, err);

    if (names == -1 || check_addresses(host, config, deadline, err) == -1)
        return NULL;
    return make_record(host, hv, config, XK_OP_CREATE, NULL, err);
}

static int
build_from_start(struct xk_host *host, struct xk_domain *domain,
                 const struct xk_domain_config *config, void *context,
                 struct xk_deadline deadline, struct xk_error *err)
{
    (void)host;
    (void)context;
    return xk_hv_build(domain->hv, domain->record, config, deadline, err);
}

/* Find out what became of a guest that was told to run, without an answer. 0:
 * it ran; -1: it is paused, and may still run later. */
static int
await_start(const struct xk_domain *domain, struct xk_deadline deadline)
{
    struct xk_domain_info info;
    uint64_t cookie = 0;

    for (;;) {
        enum xk_domain_state state;

        if (xk_hv_get(domain->hv, domain, &info, deadline, NULL) == -1)
            return -1;
        state = info.state;
        xk_domain_info_free(&info);
        if (state != XK_STATE_PAUSED)
            return 0;
        if (xk_deadline_left_ms(deadline) == 0 ||
            xk_hv_wait(domain->hv, domain, &cookie, deadline, NULL) == -1)
            return -1;
    }
}

/* *told: the guest may run now or later, whatever is returned. Such a guest is
 * never removed, because it may have written to its disks. */
static int
start(struct xk_domain *domain, bool *told, struct xk_deadline deadline,
      struct xk_error *err)
{
    if (xk_journal_append(domain->record, XK_JOURNAL_INTENT, XK_EFFECT_START,
                          NULL, err) == -1)
        return -1;
    if (xk_hv_unpause_received(domain->hv, domain, told, deadline, err) == 0)
        return 0;
    return *told ? await_start(domain, deadline) : -1;
}

static int
bring_up(struct xk_host *host, const struct xk_domain_config *config,
         xk_operation_build *build, void *context, bool paused,
         struct xk_domain *domain, bool *told, struct xk_deadline deadline,
         struct xk_error *err)
{
    if (build(host, domain, config, context, deadline, err) == -1)
        return -1;
    if (!paused && start(domain, told, deadline, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_CREATE, NULL,
                             err);
}

int
xk_operation_create(struct xk_host *host, struct xk_hypervisor *hv,
                    const struct xk_domain_config *config,
                    xk_operation_build *build, void *context, bool paused,
                    struct xk_domain *domain, struct xk_deadline deadline,
                    struct xk_error *err)
{
    bool told = false;

    *domain = (struct xk_domain){.hv = hv, .uuid = config->uuid, .domid = -1};
    domain->record = build == NULL
                         ? reserve_new(host, hv, config, deadline, err)
                         : xk_operation_reserve(host, hv, config, XK_OP_CREATE,
                                                NULL, deadline, err);
    if (domain->record == NULL)
        return -1;
    domain->name = xk_strdup(config->name);
    xk_host_need_monitor(host);
    if (bring_up(host, config, build != NULL ? build : build_from_start,
                 context, paused, domain, &told, deadline, err) == 0) {
        xk_record_unlock(domain->record);
        return 0;
    }
    /* The journal has no END: recovery tells the guest to run again. */
    if (told)
        xk_wrap(err,
                "domain \"%s\" was told to run and may still start, so it is "
                "kept; the next verb finishes its create",
                config->name);
    else
        xk_operation_undo(domain);
    xk_domain_close(domain);
    return -1;
}

/* ---- a create that was killed ---- */

static bool
may_have_started(const struct xk_record *record)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool started;

    if (xk_journal_read(record, &journal, NULL) == -1)
        return true;
    begin = xk_journal_unfinished(&journal);
    started = xk_journal_count(&journal, XK_JOURNAL_INTENT, XK_EFFECT_START,
                               begin) > 0;
    xk_journal_free(&journal);
    return started;
}

/* The domain is paused if the last step had no effect. */
static int
finish_start(struct xk_domain *domain, enum xk_domain_state state,
             struct xk_deadline deadline, struct xk_error *err)
{
    if (state == XK_STATE_PAUSED &&
        xk_hv_unpause(domain->hv, domain, deadline, err) == -1)
        return -1;
    return xk_journal_append(domain->record, XK_JOURNAL_END, XK_OP_CREATE, NULL,
                             err);
}

int
xk_operation_finish_create(struct xk_host *host, struct xk_domain *domain,
                           struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_domain_info info;
    enum xk_domain_state state;

    (void)host;
    if (!may_have_started(domain->record)) {
        xk_warn("domain %s: its create was interrupted before the guest "
                "started; the domain is removed",
                domain->record->uuid_text);
        return xk_operation_remove(domain, deadline, err);
    }
    if (xk_hv_get(domain->hv, domain, &info, deadline, err) == 0) {
        state = info.state;
        xk_domain_info_free(&info);
        return finish_start(domain, state, deadline, err);
    }
    return err->kind == XK_ERR_NOT_FOUND
               ? xk_operation_remove_gone(domain, deadline, err)
               : -1;
}

/* ---- create ---- */

static int
check(struct xk_host *host, struct xk_hypervisor *hv,
      const struct xk_domain_config *config, struct xk_deadline deadline,
      struct xk_error *err)
{
    struct xk_problems problems = {0};
    int r = xk_hv_check(hv, config, &problems, err);

    if (r == 0)
        xk_mac_use_check(host, config, 0, &problems, deadline);
    for (size_t i = 0; i < problems.count; i++) {
        XK_CLEANUP_FREE char *text = xk_problem_format(&problems.items[i]);

        if (problems.items[i].severity == XK_PROBLEM_WARNING)
            xk_warn("%s", text);
    }
    if (r == 0 && problems.errors > 0)
        r = xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    return r;
}

/* Whether the domain has stopped and is about to be torn down. */
static bool
is_leaving(const struct xk_domain *domain, struct xk_deadline deadline)
{
    struct xk_error err = {0};
    struct xk_domain_info info;
    bool lives;

    if (domain->record == NULL)
        return false;
    if (xk_hv_get(domain->hv, domain, &info, deadline, &err) == -1)
        return err.kind == XK_ERR_NOT_FOUND;
    lives = info.state == XK_STATE_RUNNING || info.state == XK_STATE_PAUSED;
    xk_domain_info_free(&info);
    return !lives && !xk_record_is_preserved(domain->record);
}

/* A script that waits for a shutdown and then creates the domain again should
 * not have to know how long the policy takes. So wait for a domain that is
 * leaving. True: it may have gone. */
static bool
let_leave(struct xk_host *host, const char *name, struct xk_deadline deadline)
{
    struct xk_domain other;
    struct xk_error ignored = {0};
    bool leaves;

    if (xk_domain_find(host, name, &other, deadline, &ignored) == -1)
        return true;
    leaves = is_leaving(&other, deadline);
    if (leaves)
        xk_domain_wait(host, &other, XK_WAIT_DESTROYED, NULL,
                       xk_deadline_min(deadline, xk_deadline_in_ms(LEAVE_MS)),
                       &ignored);
    xk_domain_close(&other);
    return leaves;
}

/* Check our own records for the name first: a clash then reports "name taken"
 * and not "image in use". Names that only the hypervisor knows are checked
 * under the lock over names. */
static int
need_name(struct xk_host *host, const struct xk_domain_config *config,
          struct xk_deadline deadline, struct xk_error *err)
{
    const char *name = config->name;
    const struct xk_uuid *uuid = &config->uuid;

    if (!xk_operation_is_recorded(host, name) ||
        xk_operation_check_free(host, name, uuid, deadline, err) == 0)
        return 0;
    if (err->kind != XK_ERR_EXISTS || !let_leave(host, name, deadline))
        return -1;
    return xk_operation_check_free(host, name, uuid, deadline, err);
}

int
xk_domain_create(struct xk_host *host, const struct xk_domain_config *config,
                 bool paused, struct xk_domain *domain,
                 struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv = xk_host_default(host, err);

    *domain = (struct xk_domain){.domid = -1};
    if (hv == NULL || need_name(host, config, deadline, err) == -1 ||
        check(host, hv, config, deadline, err) == -1)
        return -1;
    return xk_operation_create(host, hv, config, NULL, NULL, paused, domain,
                               deadline, err);
}
