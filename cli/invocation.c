/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/invocation.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/report.h"
#include "toolstack/find.h"
#include "toolstack/host.h"
#include "toolstack/list.h"

const char *
xk_option_value(const struct xk_invocation *invocation, int index)
{
    return invocation->option_values[index];
}

bool
xk_option_given(const struct xk_invocation *invocation, int index)
{
    return invocation->option_counts[index] > 0;
}

unsigned
xk_option_count(const struct xk_invocation *invocation, int index)
{
    return invocation->option_counts[index];
}

static void
set_log(bool json, int verbosity)
{
    xk_log_set_json(json);
    if (verbosity > 1)
        xk_log_set_level(XK_LOG_DEBUG);
    else if (verbosity > 0)
        xk_log_set_level(XK_LOG_INFO);
}

int
xk_invocation_run(struct xk_invocation *invocation, struct xk_error *err)
{
    set_log(invocation->json, invocation->verbosity);
    if (invocation->version) {
        xk_help_put_version(invocation);
        return 0;
    }
    if (invocation->help) {
        xk_help_put(invocation, invocation->command);
        return 0;
    }
    if (invocation->command->needs_host &&
        xk_invocation_open_host(invocation, err) == -1)
        return -1;
    return invocation->command->run(invocation, err);
}

void
xk_invocation_free(struct xk_invocation *invocation)
{
    if (invocation->host_is_open)
        xk_host_close(&invocation->host);
    free(invocation->arguments);
    xk_buf_free(&invocation->out);
    xk_problems_free(&invocation->problems);
    memset(invocation, 0, sizeof(*invocation));
}

int
xk_invocation_open_host(struct xk_invocation *invocation, struct xk_error *err)
{
    if (invocation->host_is_open)
        return 0;
    if (xk_host_open(&invocation->host, invocation->hypervisor,
                     invocation->command->name, invocation->deadline,
                     err) == -1)
        return -1;
    invocation->host_is_open = true;
    return 0;
}

bool
xk_invocation_wants_problem(const struct xk_invocation *invocation,
                            const struct xk_problem *problem)
{
    return problem->severity != XK_PROBLEM_NOTE || invocation->verbosity > 0;
}

void
xk_invocation_show_problems(struct xk_invocation *invocation)
{
    if (invocation->json)
        return;
    while (invocation->problems_shown < invocation->problems.count) {
        const struct xk_problem *problem =
            &invocation->problems.items[invocation->problems_shown++];

        if (xk_invocation_wants_problem(invocation, problem))
            xk_report_problem(problem);
    }
}

void
xk_domain_scope_end(struct xk_domain *domain)
{
    if (domain->name != NULL || domain->record != NULL)
        xk_domain_close(domain);
}

static void
put_handle(struct xk_json_writer *writer, const struct xk_domain *domain)
{
    struct xk_domain_info info = {.uuid = domain->uuid,
                                  .name = domain->name,
                                  .domid = domain->domid,
                                  .hypervisor = xk_hv_name(domain->hv)};

    xk_output_domain_handle(writer, &info);
}

void
xk_invocation_put_handle(struct xk_invocation *invocation,
                         const struct xk_domain *domain, const char *key,
                         const char *value)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;

    if (!invocation->json)
        return;
    writer = xk_json_writer_new(&invocation->out, false);
    xk_json_open_object(writer, NULL);
    put_handle(writer, domain);
    xk_json_put_string(writer, key, value);
    xk_json_close_object(writer);
}

int
xk_invocation_put_domain(struct xk_invocation *invocation,
                         const struct xk_domain *domain, struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    struct xk_domain_info info = {0};
    struct xk_error gone = {0};

    if (!invocation->json)
        return 0;
    if (xk_domain_get(&invocation->host, domain, &info, invocation->deadline,
                      &gone) == -1) {
        /* The verb has done its work, whatever has happened to the domain
         * since. */
        if (gone.kind == XK_ERR_NOT_FOUND) {
            xk_invocation_put_handle(invocation, domain, "state", NULL);
            return 0;
        }
        *err = gone;
        return -1;
    }
    writer = xk_json_writer_new(&invocation->out, false);
    xk_json_open_object(writer, NULL);
    xk_output_domain_members(writer, &info);
    xk_json_close_object(writer);
    xk_domain_info_free(&info);
    return 0;
}

int
xk_invocation_act(struct xk_invocation *invocation, xk_domain_action *action,
                  struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_host *host = &invocation->host;

    if (xk_domain_find(host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1 ||
        action(host, &domain, invocation->deadline, err) == -1)
        return -1;
    return xk_invocation_put_domain(invocation, &domain, err);
}
