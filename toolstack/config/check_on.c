/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks a configuration against the facts of a driver. */
#include <string.h>

#include "toolstack/config/driver_facts.h"
#include "toolstack/config/vif_plug.h"

/* A configuration, the driver it is checked for, and the list to fill. */
struct check {
    const struct xk_domain_config *config;
    const struct xk_driver_facts *driver;
    struct xk_problems *problems;
};

/* True if the value equals the default, so that it need not be reported. */
static bool
asks_nothing(const struct xk_domain_config *config, enum xk_key key)
{
    const struct xk_value *value = &config->values[key];

    if (key == XK_KEY_MAXMEM)
        return config->maxmem_mib == config->memory_mib;
    if (key == XK_KEY_MAXVCPUS)
        return config->maxvcpus == config->vcpus;
    switch (xk_key_info(key)->type) {
    case XK_KEY_BOOL:
        return value->integer == 0;
    case XK_KEY_STRING:
        return *value->text == '\0';
    case XK_KEY_ENUM:
        return strcmp(value->text, "none") == 0 ||
               strcmp(value->text, "0") == 0 ||
               strcmp(value->text, "default") == 0 ||
               strcmp(value->text, "disabled") == 0;
    case XK_KEY_LIST:
    case XK_KEY_NESTED:
        return value->item_count == 0;
    case XK_KEY_INTEGER:
    case XK_KEY_TYPE_COUNT:
        break;
    }
    return false;
}

static void
check_key(const struct check *check, enum xk_key key)
{
    const struct xk_key_info *info = xk_key_info(key);
    const struct xk_key_fate *fate = &check->driver->keys[key];
    const struct xk_location *where = &check->config->values[key].where;
    const char *name = check->driver->name;
    bool tuning = (info->flags & XK_KEY_TUNING) != 0;

    switch (fate->fate) {
    case XK_FATE_MAPPED:
        /* A boolean that is off is mapped too. */
        if (info->type == XK_KEY_BOOL || !asks_nothing(check->config, key))
            xk_problem_add(check->problems, XK_PROBLEM_NOTE, where,
                           "on %s: %s is mapped: %s", name, info->name,
                           fate->why);
        break;
    case XK_FATE_IGNORED:
        xk_problem_add(check->problems, XK_PROBLEM_NOTE, where,
                       "on %s: %s is ignored: %s", name, info->name, fate->why);
        break;
    case XK_FATE_UNSUPPORTED:
        if (!asks_nothing(check->config, key))
            xk_problem_add(check->problems,
                           tuning ? XK_PROBLEM_WARNING : XK_PROBLEM_ERROR,
                           where, "on %s: %s is not supported: %s", name,
                           info->name, fate->why);
        break;
    case XK_FATE_SAME:
    case XK_FATE_COUNT:
        break;
    }
}

static void
check_value(const struct check *check, const struct xk_value_fate *fate)
{
    const struct xk_value *value = &check->config->values[fate->key];
    const char *key = xk_key_info(fate->key)->name;
    const char *name = check->driver->name;

    if (value->text != NULL && strcmp(value->text, fate->text) == 0)
        xk_problem_add(check->problems, XK_PROBLEM_ERROR, &value->where,
                       "on %s: %s=\"%s\" is not supported: %s", name, key,
                       fate->text, fate->why);
    for (size_t i = 0; i < value->item_count; i++) {
        if (strncmp(value->items[i], fate->text, strlen(fate->text)) == 0)
            xk_problem_add(check->problems, XK_PROBLEM_ERROR,
                           &value->item_where[i],
                           "on %s: %s \"%.64s\" is not supported: %s", name,
                           key, value->items[i], fate->why);
    }
}

static void
report(const struct check *check, const struct xk_remark *remark,
       const struct xk_location *where)
{
    struct xk_problems *problems = check->problems;
    size_t before = problems->count;

    xk_problem_add(problems, remark->severity, where, "on %s: %s",
                   check->driver->name, remark->text);
    if (remark->unsupported && problems->count > before)
        problems->items[before].kind = XK_ERR_UNSUPPORTED;
}

static void
check_domain(const struct check *check, const struct xk_domain_fate *fate)
{
    if (fate->applies(check->config))
        report(check, &fate->remark, &check->config->values[fate->key].where);
}

static void
check_disk(const struct check *check, const struct xk_disk *disk)
{
    for (size_t i = 0; i < check->driver->disk_count; i++) {
        const struct xk_disk_fate *fate = &check->driver->disks[i];

        if (fate->applies(disk))
            report(check, &fate->remark, &disk->where);
    }
}

/* What the words name may be on another host. */
static void
check_plug(const struct check *check, const struct xk_vif *vif)
{
    const struct xk_plug plug = xk_vif_plug(vif);
    struct xk_error why = {0};

    if (xk_plug_read(&plug, &why) == -1)
        xk_problem_add(check->problems, XK_PROBLEM_ERROR, &vif->where,
                       "on %s: %s", check->driver->name, why.message);
}

static void
check_vif(const struct check *check, const struct xk_vif *vif,
          const struct xk_vif_fate *fates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fates[i].applies(vif))
            report(check, &fates[i].remark, &vif->where);
    }
}

void
xk_vif_check_on(const struct xk_domain_config *config, const struct xk_vif *vif,
                const struct xk_driver_facts *driver,
                struct xk_problems *problems)
{
    const struct check check = {config, driver, problems};

    check_vif(&check, vif, driver->vifs, driver->vif_count);
    if (config->type == XK_TYPE_HVM)
        check_vif(&check, vif, driver->hvm_vifs, driver->hvm_vif_count);
    if (driver->plugs_in != NULL && driver->plugs_in(vif))
        check_plug(&check, vif);
}

void
xk_config_check_on(const struct xk_domain_config *config,
                   const struct xk_driver_facts *driver,
                   struct xk_problems *problems)
{
    const struct check check = {config, driver, problems};

    for (size_t i = 0; i < XK_KEY_COUNT; i++) {
        if (config->values[i].set)
            check_key(&check, (enum xk_key)i);
    }
    for (size_t i = 0; i < driver->value_count; i++)
        check_value(&check, &driver->values[i]);
    for (size_t i = 0; i < driver->domain_count; i++)
        check_domain(&check, &driver->domains[i]);
    for (size_t i = 0; i < config->disk_count; i++)
        check_disk(&check, &config->disks[i]);
    for (size_t i = 0; i < config->vif_count; i++)
        xk_vif_check_on(config, &config->vifs[i], driver, problems);
}
