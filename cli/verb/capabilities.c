/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <string.h>

#include "base/json.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "toolstack/host.h"

/* Whether the driver can run here comes first: where it cannot, no state
 * directory is made. */
static int
ask_driver(const char *name, struct xk_facts *facts, struct xk_error *err)
{
    struct xk_hypervisor *hv;
    struct xk_host host;
    int rc;

    if (xk_driver_find(name, err) == NULL ||
        xk_host_peek(&host, name, err) == -1)
        return -1;
    hv = xk_host_default(&host, err);
    rc = hv == NULL ? -1 : xk_hv_capabilities(hv, facts, err);
    xk_host_close(&host);
    return rc;
}

static void
add_hypervisor(struct xk_facts *facts, const char *name)
{
    struct xk_error err = {0};
    struct xk_facts own = {0};

    if (ask_driver(name, &own, &err) == -1) {
        xk_facts_add_ability(facts, name, err.message);
        xk_facts_free(&own);
        return;
    }
    xk_facts_add_ability(facts, name, NULL);
    for (size_t i = 0; i < own.count; i++) {
        const struct xk_fact *fact = &own.items[i];

        if (strcmp(fact->key, name) == 0)
            continue;
        if (fact->reason != NULL || strcmp(fact->value, "yes") == 0)
            xk_facts_add_ability(facts, fact->key, fact->reason);
        else
            xk_facts_add(facts, fact->key, "%s", fact->value);
    }
    xk_facts_free(&own);
}

static bool
is_ability(const struct xk_fact *fact)
{
    return fact->reason != NULL || strcmp(fact->value, "yes") == 0;
}

static void
put_json(struct xk_buf *out, const struct xk_facts *facts)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(out, false);

    xk_json_open_object(writer, NULL);
    for (size_t i = 0; i < facts->count; i++) {
        const struct xk_fact *fact = &facts->items[i];

        if (!is_ability(fact)) {
            xk_output_fact(writer, fact);
            continue;
        }
        xk_json_open_object(writer, fact->key);
        xk_json_put_bool(writer, "available", fact->reason == NULL);
        xk_json_put_string(writer, "reason", fact->reason);
        xk_json_close_object(writer);
    }
    xk_json_close_object(writer);
}

static void
put_lines(struct xk_buf *out, const struct xk_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct xk_fact *fact = &facts->items[i];

        xk_buf_printf(out, "%s=%s", fact->key, fact->value);
        if (fact->reason != NULL)
            xk_buf_printf(out, ": %s", fact->reason);
        xk_buf_puts(out, "\n");
    }
}

static int
run_capabilities(struct xk_invocation *invocation, struct xk_error *err)
{
    struct xk_facts facts = {0};

    (void)err;
    xk_facts_add(&facts, "version", "%s", PACKAGE_VERSION);
    for (const char *const *name = xk_driver_names; *name != NULL; name++) {
        if (invocation->hypervisor == NULL ||
            strcmp(invocation->hypervisor, *name) == 0)
            add_hypervisor(&facts, *name);
    }
    if (invocation->json)
        put_json(&invocation->out, &facts);
    else
        put_lines(&invocation->out, &facts);
    xk_facts_free(&facts);
    return 0;
}

const struct xk_command xk_command_capabilities = {
    .name = "capabilities",
    .summary = "say what this build can do on this host",
    .details =
        "Prints one \"key=value\" a line. The value of an ability is \"yes\", "
        "or \"no: \" and the reason. Works on any host, also where there is no "
        "hypervisor at all; with --hypervisor only that one is looked at.\n\n"
        "With --json it prints one object: an ability is an object with "
        "available (true, false) and reason (null where it is available), "
        "anything else is a string or a number.",
    .timeout_s = 10,
    .run = run_capabilities,
};
