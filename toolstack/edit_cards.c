/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/edit_cards.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "net-helpers/mac.h"
#include "toolstack/config/driver_facts.h"
#include "toolstack/config/vif_syntax.h"
#include "toolstack/edit_devices.h"
#include "toolstack/known_drivers.h"
#include "toolstack/mac_use.h"

/* ---- which card ---- */

/* A card is named by its devid or its MAC address, as with xl. */
static bool
is_meant(const char *wanted, unsigned devid, const uint8_t mac[6])
{
    uint64_t number;
    uint8_t address[6];

    if (xk_parse_u64(wanted, UINT32_MAX, &number))
        return number == devid;
    return xk_mac_parse(wanted, address) &&
           memcmp(address, mac, sizeof(address)) == 0;
}

static void
search_card(const struct xk_card_info *info, void *context)
{
    struct xk_device_search *search = context;
    uint8_t mac[6];

    if (info->mac == NULL || !xk_mac_parse(info->mac, mac))
        memset(mac, 0, sizeof(mac));
    if (!is_meant(search->name, info->number, mac))
        return;
    search->found = true;
    search->number = info->number;
}

static int
search(const struct xk_domain *domain, struct xk_device_search *search,
       struct xk_deadline deadline, struct xk_error *err)
{
    return xk_hv_cards(domain->hv, domain, search_card, search, deadline, err);
}

/* ---- attach ---- */

static int
parse_spec(const char *text, struct xk_vif *vif, struct xk_error *err)
{
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, NULL, &problems);
    int r = xk_vif_parse(&spec, vif);

    if (r == -1)
        xk_edit_bad_spec(text, &problems, err);
    xk_problems_free(&problems);
    return r;
}

/* The devids below `count` that are taken. */
struct taken {
    bool *devids;
    size_t count;
};

static void
take(const struct taken *taken, uint64_t devid)
{
    if (devid < taken->count)
        taken->devids[devid] = true;
}

static void
take_told(const struct xk_card_info *info, void *context)
{
    take(context, info->number);
}

/* A devid that the guest has not released is not free. If the domain had more
 * such cards than the array has room for, its end would not be free either. */
enum {
    SPARE_DEVIDS = 64
};

static int
choose_devid(const struct xk_domain *domain,
             const struct xk_domain_config *config, int *devid,
             struct xk_deadline deadline, struct xk_error *err)
{
    size_t count = config->vif_count + SPARE_DEVIDS;
    XK_CLEANUP_FREE bool *devids = xk_calloc(count, sizeof(*devids));
    struct taken taken = {devids, count};

    for (size_t i = 0; i < config->vif_count; i++)
        take(&taken, (uint64_t)config->vifs[i].devid);
    if (xk_hv_cards(domain->hv, domain, take_told, &taken, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!devids[i]) {
            *devid = (int)i;
            return 0;
        }
    }
    return xk_fail(err, XK_ERR_IN_USE,
                   "its guest still uses %d network cards that were detached",
                   SPARE_DEVIDS);
}

static int
need_new(const struct xk_domain_config *config, const struct xk_vif *vif,
         struct xk_error *err)
{
    char mac[XK_MAC_TEXT_SIZE];

    xk_mac_format(vif->mac, mac);
    for (size_t i = 0; i < config->vif_count; i++) {
        if (config->vifs[i].devid == vif->devid)
            return xk_fail(err, XK_ERR_EXISTS,
                           "it has a network card with devid %d already",
                           vif->devid);
        if (xk_vif_collides(vif, &config->vifs[i]))
            return xk_fail(err, XK_ERR_EXISTS,
                           "it has a network card with the address %s already, "
                           "devid %d",
                           mac, config->vifs[i].devid);
    }
    return 0;
}

/* Fail as a create of the configuration with the card would. */
static int
check_last(struct xk_host *host, const struct xk_domain *domain,
           const struct xk_domain_config *config, const char *spec,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_driver_facts *facts =
        xk_known_driver_find(xk_hv_name(domain->hv));
    size_t last = config->vif_count - 1;
    struct xk_problems problems = {0};
    int r = 0;

    if (facts != NULL)
        xk_vif_check_on(config, &config->vifs[last], facts, &problems);
    if (problems.errors == 0)
        xk_mac_use_check(host, config, last, &problems, deadline);
    for (size_t i = 0; i < problems.count; i++) {
        if (problems.items[i].severity == XK_PROBLEM_WARNING)
            xk_warn("\"%s\": %s", spec, problems.items[i].message);
    }
    if (problems.errors > 0)
        r = xk_edit_bad_spec(spec, &problems, err);
    xk_problems_free(&problems);
    return r;
}

/* The address of a card that gives none is random, as at a create. */
static int
settle(const struct xk_domain *domain, const struct xk_domain_config *config,
       struct xk_vif *vif, struct xk_deadline deadline, struct xk_error *err)
{
    if (vif->devid == -1 &&
        choose_devid(domain, config, &vif->devid, deadline, err) == -1)
        return -1;
    return need_new(config, vif, err);
}

static int
add(struct xk_host *host, const struct xk_domain *domain,
    struct xk_domain_config *config, const char *spec, unsigned *number,
    struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_vif vif = {0};

    if (parse_spec(spec, &vif, err) == -1 ||
        settle(domain, config, &vif, deadline, err) == -1) {
        xk_vif_free(&vif);
        return -1;
    }
    *number = (unsigned)vif.devid;
    XK_GROW(config->vifs, config->vif_count);
    config->vifs[config->vif_count++] = vif;
    return check_last(host, domain, config, spec, deadline, err);
}

/* ---- detach ---- */

/* Cards on two bridges may have one address. */
static struct xk_vif *
find(struct xk_domain_config *config, const char *name, struct xk_error *err)
{
    struct xk_vif *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < config->vif_count; i++) {
        struct xk_vif *vif = &config->vifs[i];

        if (!is_meant(name, (unsigned)vif->devid, vif->mac))
            continue;
        found = vif;
        count++;
    }
    if (count == 1)
        return found;
    if (count == 0)
        xk_fail(err, XK_ERR_NOT_FOUND,
                "it has no network card \"%s\": give a devid or a MAC address "
                "as xk network-list shows them",
                name);
    else
        xk_fail(err, XK_ERR_USAGE,
                "it has %zu network cards with the address \"%s\": give a "
                "devid",
                count, name);
    return NULL;
}

static int
take_out(struct xk_domain_config *config, const char *name, unsigned *number,
         struct xk_error *err)
{
    struct xk_vif *vif = find(config, name, err);

    if (vif == NULL)
        return -1;
    *number = (unsigned)vif->devid;
    xk_vif_free(vif);
    XK_TAKE_OUT(config->vifs, config->vif_count, (size_t)(vif - config->vifs));
    return 0;
}

static const struct xk_edit_kind cards = {
    .what = XK_SYNC_CARDS,
    .noun = "network card",
    .detaching = "network-detach",
    .add = add,
    .take_out = take_out,
    .search = search,
};

int
xk_domain_attach_card(struct xk_host *host, struct xk_domain *domain,
                      const char *spec, struct xk_deadline deadline,
                      struct xk_error *err)
{
    return xk_edit_attach(host, domain, &cards, spec, deadline, err);
}

int
xk_domain_detach_card(struct xk_host *host, struct xk_domain *domain,
                      const char *name, bool force, struct xk_deadline deadline,
                      struct xk_error *err)
{
    return xk_edit_detach(host, domain, &cards, name, force, deadline, err);
}
