/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/hypervisor.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"

static const char *const state_names[] = {
    [XK_STATE_RUNNING] = "running",   [XK_STATE_PAUSED] = "paused",
    [XK_STATE_SHUTDOWN] = "shutdown", [XK_STATE_CRASHED] = "crashed",
    [XK_STATE_DYING] = "dying",       [XK_STATE_IN_DOUBT] = "in-doubt",
};
static_assert(XK_ARRAY_SIZE(state_names) == XK_STATE_COUNT,
              "one name per state");

const char *
xk_domain_state_name(enum xk_domain_state state)
{
    return state_names[state];
}

void
xk_domain_info_free(struct xk_domain_info *info)
{
    free(info->name);
    *info = (struct xk_domain_info){.domid = -1};
}

void
xk_domain_list_free(struct xk_domain_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        xk_domain_info_free(&list->items[i]);
    free(list->items);
    *list = (struct xk_domain_list){0};
}

static struct xk_fact *
add_fact(struct xk_facts *facts, const char *key)
{
    XK_GROW(facts->items, facts->count);
    facts->items[facts->count].key = xk_strdup(key);
    return &facts->items[facts->count++];
}

void
xk_facts_add(struct xk_facts *facts, const char *key, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_fact(facts, key)->value = xk_vasprintf(fmt, args);
    va_end(args);
}

void
xk_facts_add_number(struct xk_facts *facts, const char *key, int64_t number)
{
    struct xk_fact *fact = add_fact(facts, key);

    fact->value = xk_asprintf("%" PRId64, number);
    fact->number = true;
}

void
xk_facts_add_ability(struct xk_facts *facts, const char *key,
                     const char *reason_missing)
{
    struct xk_fact *fact = add_fact(facts, key);

    fact->value = xk_strdup(reason_missing == NULL ? "yes" : "no");
    fact->reason = reason_missing == NULL ? NULL : xk_strdup(reason_missing);
}

void
xk_facts_free(struct xk_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->items[i].key);
        free(facts->items[i].value);
        free(facts->items[i].reason);
    }
    free(facts->items);
    *facts = (struct xk_facts){0};
}
