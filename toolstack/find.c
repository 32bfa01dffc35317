/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which domain is meant, and whether a name or UUID is free.
 *
 * How it works: collect all domains that fit the request, first from the
 * records of all drivers, then from the lists of those drivers that have
 * domains without a record. A caller that looks for one domain refuses two; a
 * caller that makes one refuses any. A word in the form of a UUID may also be a
 * name, so it is looked for as both.
 */
#include "toolstack/find.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "toolstack/journal.h"
#include "toolstack/record_config.h"
#include "toolstack/record_facts.h"
#include "toolstack/record_look.h"
#include "toolstack/remove.h"
#include "toolstack/seam/domain_ops.h"

enum {
    WISHES_MAX = 2
};

/* One word of a person, and what it may mean. */
struct wish {
    const char *text;
    bool is_uuid, is_domid;
    struct xk_uuid uuid;
    uint64_t domid;
};

struct search {
    struct xk_host *host;
    struct wish wishes[WISHES_MAX];
    const char *names[WISHES_MAX]; /* their texts */
    size_t wish_count;
    bool no_dying; /* ignore domains that are being torn down */
    struct xk_domain *hits;
    size_t hit_count;
};

static void
wish_for(struct search *search, const char *text)
{
    struct wish *wish = &search->wishes[search->wish_count];

    *wish = (struct wish){.text = text};
    wish->is_uuid = xk_uuid_parse(text, &wish->uuid);
    wish->is_domid = xk_parse_u64(text, INT32_MAX, &wish->domid);
    search->names[search->wish_count++] = text;
}

static void
end_search(struct search *search)
{
    for (size_t i = 0; i < search->hit_count; i++)
        xk_domain_close(&search->hits[i]);
    free(search->hits);
}

#define CLEANUP_SEARCH __attribute__((cleanup(end_search)))

/* ---- among the records ---- */

static bool
is_uuid_meant(const struct search *search, const struct xk_uuid *uuid)
{
    for (size_t i = 0; i < search->wish_count; i++) {
        if (search->wishes[i].is_uuid &&
            xk_uuid_equal(&search->wishes[i].uuid, uuid))
            return true;
    }
    return false;
}

static bool
is_name_meant(const struct search *search, const char *name)
{
    for (size_t i = 0; i < search->wish_count; i++) {
        if (strcmp(search->wishes[i].text, name) == 0)
            return true;
    }
    return false;
}

static struct xk_domain *
add_hit(struct search *search, const struct xk_uuid *uuid)
{
    struct xk_domain *hit;

    XK_GROW(search->hits, search->hit_count);
    hit = &search->hits[search->hit_count++];
    *hit = (struct xk_domain){.uuid = *uuid, .domid = -1};
    return hit;
}

/* A hit has no name if its configuration cannot be read, and no driver if this
 * host cannot serve the one that owns it. */
static void
look_at_record(struct search *search, const struct xk_uuid *uuid)
{
    const struct xk_state *state = &search->host->state;
    bool meant = is_uuid_meant(search, uuid);
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    struct xk_domain *hit;

    if (!meant &&
        !xk_record_may_be_named(state, uuid, search->names, search->wish_count))
        return;
    record = xk_record_open(state, uuid, NULL);
    if (record == NULL)
        return;
    config = xk_record_load_config(record, NULL);
    if (!meant && (config == NULL || !is_name_meant(search, config->name)))
        return;
    hit = add_hit(search, uuid);
    hit->name = config == NULL ? NULL : XK_TAKE(config->name);
    hit->hv = xk_host_driver_of(search->host, record, NULL);
    hit->record = XK_TAKE(record);
}

static int
search_records(struct search *search, struct xk_error *err)
{
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    size_t count;

    if (xk_state_list(&search->host->state, &uuids, &count, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++)
        look_at_record(search, &uuids[i]);
    return 0;
}

bool
xk_operation_is_recorded(struct xk_host *host, const char *name)
{
    CLEANUP_SEARCH struct search search = {.host = host};

    wish_for(&search, name);
    return search_records(&search, NULL) == 0 && search.hit_count > 0;
}

/* ---- among what drivers have ---- */

static bool
is_meant(const struct search *search, const struct xk_domain_info *info)
{
    if (is_uuid_meant(search, &info->uuid))
        return true;
    for (size_t i = 0; i < search->wish_count; i++) {
        const struct wish *wish = &search->wishes[i];

        if (wish->is_domid
                ? info->domid >= 0 && (uint64_t)info->domid == wish->domid
                : info->name != NULL && strcmp(info->name, wish->text) == 0)
            return true;
    }
    return false;
}

static bool
is_hit(const struct search *search, const struct xk_hypervisor *hv,
       const struct xk_uuid *uuid)
{
    for (size_t i = 0; i < search->hit_count; i++) {
        if (search->hits[i].hv == hv &&
            xk_uuid_equal(&search->hits[i].uuid, uuid))
            return true;
    }
    return false;
}

/* The record of a domain that hv has, or NULL. */
static struct xk_record *
record_of(struct xk_host *host, const struct xk_hypervisor *hv,
          const struct xk_uuid *uuid)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&host->state, uuid, NULL);

    if (record == NULL || xk_host_driver_of(host, record, NULL) != hv)
        return NULL;
    return XK_TAKE(record);
}

static int
search_list(struct search *search, struct xk_hypervisor *hv,
            struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_domain_list list = {0};

    if (xk_hv_list(hv, &list, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < list.count; i++) {
        const struct xk_domain_info *info = &list.items[i];
        struct xk_domain *hit;

        if (!is_meant(search, info) || is_hit(search, hv, &info->uuid) ||
            (search->no_dying && info->state == XK_STATE_DYING))
            continue;
        hit = add_hit(search, &info->uuid);
        hit->hv = hv;
        hit->domid = info->domid;
        hit->name = xk_strdup(info->name == NULL ? "" : info->name);
        hit->record = record_of(search->host, hv, &info->uuid);
    }
    xk_domain_list_free(&list);
    return 0;
}

/* 0 also if the driver cannot run here: then it has no domains. */
static int
search_driver(struct search *search, const struct xk_hypervisor_ops *driver,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error why = {0};
    struct xk_hypervisor *hv = xk_host_driver(search->host, driver->name, &why);

    if (hv != NULL)
        return search_list(search, hv, deadline, err) == 0
                   ? 0
                   : xk_wrap(err, "ask %s for its domains", driver->name);
    if (why.kind == XK_ERR_HOST)
        return 0;
    if (err != NULL)
        *err = why;
    return -1;
}

/* ---- the one that is meant ---- */

/* A driver has at most one domain of a name, so a record of that name settles
 * it. But a word in the form of a UUID may mean two things. */
static bool
is_to_be_asked(const struct search *search,
               const struct xk_hypervisor_ops *driver)
{
    const char *wanted = search->host->wanted;

    if (!driver->has_strangers ||
        (wanted != NULL && strcmp(wanted, driver->name) != 0))
        return false;
    for (size_t i = 0; i < search->hit_count; i++) {
        if (!search->wishes[0].is_uuid && search->hits[i].hv != NULL &&
            xk_hv_driver(search->hits[i].hv) == driver)
            return false;
    }
    return true;
}

static bool
is_of_wanted(const struct search *search, const struct xk_domain *hit)
{
    const char *wanted = search->host->wanted;

    return wanted != NULL && hit->hv != NULL &&
           strcmp(xk_hv_name(hit->hv), wanted) == 0;
}

/* Of several hits, choose the one of the driver that a person named. */
static struct xk_domain *
choose(const struct search *search)
{
    struct xk_domain *chosen = NULL;

    if (search->hit_count == 1)
        return &search->hits[0];
    for (size_t i = 0; i < search->hit_count; i++) {
        if (!is_of_wanted(search, &search->hits[i]))
            continue;
        if (chosen != NULL)
            return NULL;
        chosen = &search->hits[i];
    }
    return chosen;
}

static void
fail_ambiguous(const struct search *search, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    char uuid[XK_UUID_TEXT_SIZE];

    for (size_t i = 0; i < search->hit_count; i++) {
        const struct xk_domain *hit = &search->hits[i];

        xk_uuid_format(&hit->uuid, uuid);
        xk_buf_printf(&text, "%s\"%s\", UUID %s, on %s", i == 0 ? "" : "; ",
                      hit->name != NULL ? hit->name : "", uuid,
                      hit->hv != NULL ? xk_hv_name(hit->hv) : "no hypervisor");
    }
    xk_fail(
        err, XK_ERR_USAGE,
        "several domains are called \"%s\" (%s): use a word that only one of "
        "them has",
        search->wishes[0].text, text.data);
}

/* A domain whose configuration is lost can still be destroyed: its UUID serves
 * as its name. */
static char *
name_of(const struct xk_record *record)
{
    struct xk_error err = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(record, &err);

    if (config != NULL)
        return XK_TAKE(config->name);
    xk_warn("domain %s: %s", record->uuid_text, err.message);
    return xk_strdup(record->uuid_text);
}

static int
give(struct search *search, struct xk_domain *hit, struct xk_domain *domain,
     struct xk_error *err)
{
    if (hit->name == NULL)
        hit->name = name_of(hit->record);
    if (hit->hv == NULL) {
        hit->hv = xk_host_driver_of(search->host, hit->record, err);
        if (hit->hv == NULL)
            return xk_wrap(err, "domain \"%s\"", hit->name);
    }
    if (hit->record != NULL)
        hit->starts = xk_record_starts(hit->record, 0);
    *domain = *hit;
    *hit = (struct xk_domain){.domid = -1};
    return 0;
}

int
xk_domain_find(struct xk_host *host, const char *what, struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err)
{
    CLEANUP_SEARCH struct search search = {.host = host};
    const struct xk_hypervisor_ops *driver;
    struct xk_domain *hit;

    *domain = (struct xk_domain){.domid = -1};
    wish_for(&search, what);
    if (search_records(&search, err) == -1)
        return -1;
    for (size_t i = 0; (driver = xk_host_ops(host, i)) != NULL; i++) {
        if (is_to_be_asked(&search, driver) &&
            search_driver(&search, driver, deadline, err) == -1)
            return -1;
    }
    /* If there is no hypervisor, report that instead. */
    if (search.hits == NULL)
        return xk_host_default(host, err) == NULL
                   ? -1
                   : xk_fail(err, XK_ERR_NOT_FOUND, "no such domain: \"%s\"",
                             what);
    hit = choose(&search);
    if (hit == NULL) {
        fail_ambiguous(&search, err);
        return -1;
    }
    return give(&search, hit, domain, err);
}

int
xk_domain_open(struct xk_host *host, const struct xk_uuid *uuid,
               struct xk_domain *domain, struct xk_error *err)
{
    CLEANUP_SEARCH struct search search = {.host = host};
    struct xk_domain *hit = add_hit(&search, uuid);

    *domain = (struct xk_domain){.domid = -1};
    hit->record = xk_record_open(&host->state, uuid, err);
    return hit->record == NULL ? -1 : give(&search, hit, domain, err);
}

int
xk_domain_take(struct xk_host *host, const struct xk_domain_info *info,
               struct xk_domain *domain, struct xk_error *err)
{
    struct xk_hypervisor *hv = xk_host_driver(host, info->hypervisor, err);

    *domain = (struct xk_domain){.domid = -1};
    if (hv == NULL)
        return -1;
    *domain = (struct xk_domain){
        .hv = hv,
        .uuid = info->uuid,
        .domid = info->domid,
        .record = record_of(host, hv, &info->uuid),
    };
    if (domain->record == NULL && !xk_hv_driver(hv)->has_strangers)
        return xk_fail(err, XK_ERR_NOT_FOUND, "domain \"%s\" is gone",
                       info->name);
    domain->name = xk_strdup(info->name == NULL ? "" : info->name);
    if (domain->record != NULL)
        domain->starts = xk_record_starts(domain->record, 0);
    return 0;
}

void
xk_domain_close(struct xk_domain *domain)
{
    xk_record_cleanup(&domain->record);
    free(domain->name);
    *domain = (struct xk_domain){.domid = -1};
}

/* ---- whether a name is free ---- */

static bool
is_gone(const struct xk_domain *domain, struct xk_deadline deadline)
{
    struct xk_error err = {0};
    struct xk_domain_info info;

    if (xk_hv_get(domain->hv, domain, &info, deadline, &err) == -1)
        return err.kind == XK_ERR_NOT_FOUND;
    xk_domain_info_free(&info);
    return false;
}

/* Remove the record of a domain that another toolstack has destroyed, so that
 * its name is free. Only the domain's own driver can say that it is gone, and
 * only under the record's lock: a restart removes the domain for a moment. */
static bool
forget_if_gone(struct xk_host *host, struct xk_domain *domain,
               struct xk_deadline deadline)
{
    bool gone;

    if (domain->record == NULL || domain->hv == NULL ||
        !is_gone(domain, deadline) ||
        xk_record_try_lock(domain->record, host->verb, NULL) != 1)
        return false;
    gone =
        !xk_journal_is_unfinished(domain->record) && is_gone(domain, deadline);
    if (gone) {
        xk_warn("domain \"%s\" is gone: its record is removed", domain->name);
        gone = xk_operation_remove(domain, deadline, NULL) == 0;
    }
    xk_record_unlock(domain->record);
    return gone;
}

static int
fail_taken(const struct search *search, const struct xk_domain *hit,
           struct xk_error *err)
{
    const struct wish *name = &search->wishes[0];
    const char *other = hit->name != NULL ? hit->name : "";
    char uuid[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&hit->uuid, uuid);
    if (strcmp(other, name->text) == 0)
        return xk_fail(err, XK_ERR_EXISTS,
                       "a domain called \"%s\" exists already%s%s", other,
                       hit->record == NULL ? "" : ", UUID ",
                       hit->record == NULL ? "" : uuid);
    if (name->is_uuid && xk_uuid_equal(&name->uuid, &hit->uuid))
        return xk_fail(err, XK_ERR_EXISTS,
                       "\"%s\" is the UUID of domain \"%s\": the name "
                       "would be ambiguous",
                       name->text, other);
    if (is_uuid_meant(search, &hit->uuid))
        return xk_fail(err, XK_ERR_EXISTS, "domain \"%s\" has its UUID %s",
                       other, uuid);
    return xk_fail(err, XK_ERR_EXISTS,
                   "its UUID %s is the name of another domain", other);
}

/* Check the hits from number `first` on. A domain may have its own UUID as its
 * name. */
static int
refuse_hits(struct search *search, size_t first, const struct xk_uuid *self,
            struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = first; i < search->hit_count; i++) {
        struct xk_domain *hit = &search->hits[i];
        bool is_called = hit->name != NULL && is_name_meant(search, hit->name);

        if (self != NULL && !is_called && xk_uuid_equal(self, &hit->uuid))
            continue;
        if (!forget_if_gone(search->host, hit, deadline))
            return fail_taken(search, hit, err);
    }
    return 0;
}

/* Ask drivers only if the records give no answer. */
static int
check_free(struct search *search, const struct xk_uuid *self,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_hypervisor_ops *driver;
    size_t in_records;

    search->no_dying = true;
    if (search_records(search, err) == -1 ||
        refuse_hits(search, 0, self, deadline, err) == -1)
        return -1;
    in_records = search->hit_count;
    for (size_t i = 0; (driver = xk_host_ops(search->host, i)) != NULL; i++) {
        if (driver->has_strangers &&
            search_driver(search, driver, deadline, err) == -1)
            return -1;
    }
    return refuse_hits(search, in_records, self, deadline, err);
}

int
xk_operation_check_free(struct xk_host *host, const char *name,
                        const struct xk_uuid *uuid, struct xk_deadline deadline,
                        struct xk_error *err)
{
    CLEANUP_SEARCH struct search search = {.host = host};
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(uuid, text);
    wish_for(&search, name);
    wish_for(&search, text);
    return check_free(&search, NULL, deadline, err);
}

int
xk_operation_check_name(struct xk_host *host, const char *name,
                        const struct xk_uuid *self, struct xk_deadline deadline,
                        struct xk_error *err)
{
    CLEANUP_SEARCH struct search search = {.host = host};

    wish_for(&search, name);
    return check_free(&search, self, deadline, err);
}
