/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/options.h"
#include "toolstack/config/resolve.h"
#include "toolstack/config/vdev.h"
#include "toolstack/config/vif_syntax.h"

enum {
    DEVICES_MAX = 1024 /* of each kind, because every pair is compared */
};

/* Returns the list of specifications; NULL if it is not set or had an error. */
static const struct xk_cfg_value *
spec_list(const struct xk_domain_config *config, const struct xk_cfg_file *file,
          enum xk_key key, struct xk_problems *problems)
{
    const struct xk_cfg_setting *setting;

    if (!config->values[key].set)
        return NULL;
    setting = xk_cfg_file_find(file, xk_key_info(key)->name);
    if (setting->value.count <= DEVICES_MAX)
        return &setting->value;
    xk_problem_add(problems, XK_PROBLEM_ERROR, &setting->where,
                   "%s: more than %d", setting->name, DEVICES_MAX);
    return NULL;
}

static bool
same_vdev(const struct xk_disk *a, const struct xk_disk *b)
{
    return a->bus == b->bus && a->index == b->index &&
           a->partition == b->partition;
}

static void
check_disks(const struct xk_domain_config *config, struct xk_problems *problems)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!same_vdev(&config->disks[i], &config->disks[k]))
                continue;
            xk_problem_add(problems, XK_PROBLEM_ERROR, &config->disks[i].where,
                           "the disk '%s' is already defined on line %u",
                           config->disks[i].vdev, config->disks[k].where.line);
            break;
        }
    }
}

static void
resolve_disks(struct xk_domain_config *config, const struct xk_cfg_file *file,
              struct xk_problems *problems)
{
    const struct xk_cfg_value *list =
        spec_list(config, file, XK_KEY_DISK, problems);

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct xk_spec spec = xk_spec_of(&list->items[i], problems);
        struct xk_disk disk;

        if (xk_disk_parse(&spec, &disk) == -1) {
            xk_disk_free(&disk);
            continue;
        }
        XK_GROW(config->disks, config->disk_count);
        config->disks[config->disk_count++] = disk;
    }
    check_disks(config, problems);
}

static void
check_vif(const struct xk_domain_config *config, size_t i,
          struct xk_problems *problems)
{
    const struct xk_vif *vif = &config->vifs[i];

    for (size_t k = 0; k < i; k++) {
        const struct xk_vif *other = &config->vifs[k];

        if (vif->devid == other->devid)
            xk_problem_add(
                problems, XK_PROBLEM_ERROR, &vif->where,
                "the network card with devid %d is already defined on line %u",
                vif->devid, other->where.line);
        if (xk_vif_collides(vif, other))
            xk_problem_add(problems, XK_PROBLEM_ERROR, &vif->where,
                           "a network card with this MAC address is already "
                           "defined on line %u",
                           other->where.line);
    }
}

static bool
is_mac_taken(const struct xk_domain_config *config, size_t i)
{
    for (size_t k = 0; k < config->vif_count; k++) {
        if (k != i && memcmp(config->vifs[i].mac, config->vifs[k].mac,
                             sizeof(config->vifs[i].mac)) == 0)
            return true;
    }
    return false;
}

/* Three random bytes can be those of another card of the domain. */
static void
make_random_macs_differ(struct xk_domain_config *config)
{
    for (size_t i = 0; i < config->vif_count; i++) {
        while (!config->vifs[i].mac_given && is_mac_taken(config, i))
            xk_mac_random(config->vifs[i].mac);
    }
}

static void
resolve_vifs(struct xk_domain_config *config, const struct xk_cfg_file *file,
             struct xk_problems *problems)
{
    const struct xk_cfg_value *list =
        spec_list(config, file, XK_KEY_VIF, problems);

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        struct xk_spec spec = xk_spec_of(&list->items[i], problems);
        struct xk_vif vif;

        if (xk_vif_parse(&spec, &vif) == -1) {
            xk_vif_free(&vif);
            continue;
        }
        if (vif.devid == -1)
            vif.devid = (int)i;
        XK_GROW(config->vifs, config->vif_count);
        config->vifs[config->vif_count++] = vif;
    }
    make_random_macs_differ(config);
    for (size_t i = 0; i < config->vif_count; i++)
        check_vif(config, i, problems);
}

void
xk_resolve_devices(struct xk_domain_config *config,
                   const struct xk_cfg_file *file, struct xk_problems *problems)
{
    resolve_disks(config, file, problems);
    resolve_vifs(config, file, problems);
    xk_options_check(config, file, problems);
}
