/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/util.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "toolstack/host_drivers.h"
#include "toolstack/hypervisor.h"

enum {
    OPTION_NUMA,
    OPTION_COUNT,
};

static int
get_facts(struct xk_invocation *invocation, struct xk_facts *facts,
          struct xk_error *err)
{
    struct xk_hypervisor *hv = xk_host_default(&invocation->host, err);

    if (hv == NULL)
        return -1;
    xk_facts_add(facts, "hypervisor", "%s", xk_hv_name(hv));
    xk_facts_add(facts, "xk_version", "%s", PACKAGE_VERSION);
    return xk_hv_info(hv, facts, err);
}

static const struct xk_fact *
find_fact(const struct xk_facts *facts, const char *key)
{
    for (size_t i = 0; i < facts->count; i++) {
        if (strcmp(facts->items[i].key, key) == 0)
            return &facts->items[i];
    }
    return NULL;
}

/* Print all facts, or `only` one (NULL: all). */
static void
put_facts(struct xk_invocation *invocation, const struct xk_facts *facts,
          const struct xk_fact *only)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;

    if (invocation->json) {
        writer = xk_json_writer_new(&invocation->out, false);
        xk_json_open_object(writer, NULL);
    }
    for (size_t i = 0; i < facts->count; i++) {
        const struct xk_fact *fact = &facts->items[i];

        if (only != NULL && only != fact)
            continue;
        if (writer != NULL)
            xk_output_fact(writer, fact);
        else if (only != NULL)
            xk_buf_printf(&invocation->out, "%s\n", fact->value);
        else
            xk_buf_printf(&invocation->out, "%-22s : %s\n", fact->key,
                          fact->value);
    }
    if (writer != NULL)
        xk_json_close_object(writer);
}

static int
run_info(struct xk_invocation *invocation, struct xk_error *err)
{
    struct xk_facts facts = {0};
    const struct xk_fact *only = NULL;
    int rc = get_facts(invocation, &facts, err);

    if (rc == 0 && invocation->argument_count > 0) {
        only = find_fact(&facts, invocation->arguments[0]);
        if (only == NULL)
            rc = xk_fail(err, XK_ERR_USAGE, "this host has no fact \"%s\"",
                         invocation->arguments[0]);
    }
    if (rc == 0)
        put_facts(invocation, &facts, only);
    xk_facts_free(&facts);
    return rc;
}

static const struct xk_option options[] = {
    [OPTION_NUMA] = XK_REFUSED('n', "numa", "also print the topology",
                               "use \"lscpu\" and \"numactl --hardware\""),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_info = {
    .name = "info",
    .summary = "show facts about the host and its hypervisor",
    .details = "Prints one fact a line, \"key : value\". With the KEY of a "
               "fact it prints only the value. Memory is in MiB.",
    .options = options,
    .positionals = {{"KEY", XK_ARG_TEXT, .optional = true}},
    .timeout_s = 10,
    .needs_host = true,
    .run = run_info,
};
