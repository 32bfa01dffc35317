/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/mac_use.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/bridge.h"
#include "net-helpers/mac.h"
#include "net-helpers/plug.h"
#include "toolstack/journal.h"
#include "toolstack/record_config.h"
#include "toolstack/record_look.h"
#include "toolstack/seam/domain_ops.h"

struct check {
    struct xk_host *host;
    const struct xk_domain_config *config;
    size_t first;
    struct xk_problems *problems;
    struct xk_deadline deadline;
};

/* NULL: the card is on no bridge of this host. What a script of the user's own
 * does with a bridge that the card does not name is not known. */
static const char *
bridge_of(const struct xk_vif *vif)
{
    enum xk_plug_kind kind = xk_plug_kind(vif->script);

    if (vif->type == XK_VIF_USER || vif->backend_domain != NULL ||
        kind == XK_PLUG_ROUTE)
        return NULL;
    if (vif->bridge != NULL)
        return vif->bridge;
    if (vif->script == NULL)
        return xk_bridge_usual();
    return kind != XK_PLUG_SCRIPT ? XK_BRIDGE_DEFAULT : NULL;
}

static bool
collide(const struct xk_vif *vif, const struct xk_vif *other)
{
    const char *bridge, *other_bridge;

    if (memcmp(vif->mac, other->mac, sizeof(vif->mac)) != 0)
        return false;
    bridge = bridge_of(vif);
    other_bridge = bridge_of(other);
    return bridge != NULL && other_bridge != NULL &&
           strcmp(bridge, other_bridge) == 0;
}

static const struct xk_vif *
find_same(const struct xk_vif *vif, const struct xk_domain_config *other)
{
    for (size_t i = 0; i < other->vif_count; i++) {
        if (collide(vif, &other->vifs[i]))
            return &other->vifs[i];
    }
    return NULL;
}

/* The operations at whose end a domain runs. */
static bool
makes_domain(const struct xk_journal_entry *begin)
{
    static const char *const operations[] = {XK_OP_CREATE, XK_OP_RECEIVE,
                                             XK_OP_RESTART, XK_OP_REPLACE};

    for (size_t i = 0; i < XK_ARRAY_SIZE(operations); i++) {
        if (strcmp(begin->what, operations[i]) == 0)
            return true;
    }
    return false;
}

/* It will be on its bridge, but the hypervisor may not know it yet. */
static bool
is_being_made(const struct xk_record *record)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool is_made;

    if (xk_journal_read(record, &journal, NULL) == -1)
        return false;
    begin = xk_journal_unfinished(&journal);
    is_made = begin != NULL && makes_domain(begin);
    xk_journal_free(&journal);
    return is_made;
}

/* A domain that has stopped, and is kept, has no card on a bridge. */
static bool
is_up(const struct check *check, struct xk_record *record)
{
    struct xk_domain domain = {
        .hv = xk_host_driver_of(check->host, record, NULL),
        .uuid = record->uuid,
        .domid = -1,
        .record = record,
    };
    struct xk_domain_info info;
    bool up;

    if (is_being_made(record))
        return true;
    if (domain.hv == NULL ||
        xk_hv_get(domain.hv, &domain, &info, check->deadline, NULL) == -1)
        return false;
    up = info.state == XK_STATE_RUNNING || info.state == XK_STATE_PAUSED;
    xk_domain_info_free(&info);
    return up;
}

static void
report(const struct check *check, const struct xk_vif *vif,
       const struct xk_domain_config *other)
{
    char mac[XK_MAC_TEXT_SIZE];
    struct xk_error why = {0};

    xk_mac_format(vif->mac, mac);
    xk_fail(&why, XK_ERR_IN_USE,
            "mac: domain \"%s\" has a network card with the address %s on "
            "bridge \"%s\": give another address, or none",
            other->name, mac, bridge_of(vif));
    xk_problem_add_error(check->problems, &vif->where, &why);
}

/* Ask for the state only if there is something to report. */
static void
check_record(const struct check *check, struct xk_record *record,
             const struct xk_domain_config *other)
{
    const struct xk_domain_config *config = check->config;
    bool asked = false;

    for (size_t i = check->first; i < config->vif_count; i++) {
        if (find_same(&config->vifs[i], other) == NULL)
            continue;
        if (!asked && !is_up(check, record))
            return;
        asked = true;
        report(check, &config->vifs[i], other);
    }
}

/* The addresses as records write them; the caller frees them and the list. */
static char **
list_addresses(const struct xk_domain_config *config)
{
    char **texts = xk_calloc(config->vif_count + 1, sizeof(*texts));

    for (size_t i = 0; i < config->vif_count; i++) {
        char mac[XK_MAC_TEXT_SIZE];

        xk_mac_format(config->vifs[i].mac, mac);
        texts[i] = xk_strdup(mac);
    }
    return texts;
}

static void
check_uuid(const struct check *check, const struct xk_uuid *uuid)
{
    XK_CLEANUP_RECORD struct xk_record *record = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *other = NULL;

    if (xk_uuid_equal(uuid, &check->config->uuid))
        return;
    record = xk_record_open(&check->host->state, uuid, NULL);
    other = record != NULL ? xk_record_load_config(record, NULL) : NULL;
    if (other != NULL && strcmp(other->name, check->config->name) != 0)
        check_record(check, record, other);
}

void
xk_mac_use_check(struct xk_host *host, const struct xk_domain_config *config,
                 size_t first, struct xk_problems *problems,
                 struct xk_deadline deadline)
{
    const struct check check = {host, config, first, problems, deadline};
    XK_CLEANUP_FREE struct xk_uuid *uuids = NULL;
    char **texts;
    size_t count;

    if (first == config->vif_count ||
        xk_state_list(&host->state, &uuids, &count, NULL) == -1)
        return;
    texts = list_addresses(config);
    for (size_t i = 0; i < count; i++) {
        if (xk_record_may_hold(&host->state, &uuids[i],
                               (const char *const *)texts + first,
                               config->vif_count - first))
            check_uuid(&check, &uuids[i]);
    }
    for (size_t i = 0; i < config->vif_count; i++)
        free(texts[i]);
    free(texts);
}
