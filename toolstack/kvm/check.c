/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Check or describe a configuration before anything is created: both make a
 * plan that nobody carries out. */
#include <inttypes.h>
#include <unistd.h>

#include "toolstack/kvm/host.h"
#include "toolstack/kvm/launch.h"
#include "toolstack/kvm/ops.h"
#include "toolstack/kvm/plan_internal.h"

void
xk_kvm_check_memory(struct xk_problems *problems,
                    const struct xk_domain_config *config)
{
    uint64_t free_mib = xk_kvm_available_mib();

    if (free_mib == 0 || config->memory_mib <= free_mib)
        return;
    xk_problem_add(problems, XK_PROBLEM_ERROR,
                   xk_kvm_key_place(config, XK_KEY_MEMORY),
                   "memory=%" PRIu64 ": the host has %" PRIu64 " MiB available",
                   config->memory_mib, free_mib);
}

int
xk_kvm_check(struct xk_hypervisor *hv, const struct xk_domain_config *config,
             struct xk_problems *problems, struct xk_error *err)
{
    struct xk_kvm_plan plan;
    int r;

    xk_kvm_plan_init(&plan, false);
    plan.probe = true;
    plan.problems = problems;
    plan.state = hv != NULL ? hv->state : NULL;
    r = xk_kvm_plan_domain(&plan, config, err);
    xk_kvm_plan_free(&plan);
    if (r == 0)
        xk_kvm_check_memory(problems, config);
    return r;
}

static void
put_plan(struct xk_json_writer *writer, const struct xk_kvm_plan *plan)
{
    xk_json_open_array(writer, "command");
    for (size_t i = 0; i < plan->argc; i++)
        xk_json_put_string(writer, NULL, plan->argv[i]);
    xk_json_close_array(writer);
    xk_json_open_array(writer, "descriptors");
    for (size_t i = 0; i < plan->fd_count; i++) {
        xk_json_open_object(writer, NULL);
        xk_json_put_integer(writer, "number", XK_KVM_FIRST_FD + (int64_t)i);
        xk_json_put_string(writer, "what", plan->fds[i].what);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
    xk_json_put_string(writer, "accelerator",
                       plan->accelerated ? "kvm" : "tcg");
    xk_json_put_string(writer, "no_kvm_reason", plan->no_kvm_reason);
    if (geteuid() == 0)
        xk_json_put_string(writer, "uid", "one of its own");
    else
        xk_json_put_integer(writer, "uid", geteuid());
}

static void
put_warnings(struct xk_json_writer *writer, const struct xk_problems *problems)
{
    xk_json_open_array(writer, "warnings");
    for (size_t i = 0; i < problems->count; i++)
        xk_json_put_string(writer, NULL, problems->items[i].message);
    xk_json_close_array(writer);
}

int
xk_kvm_describe(struct xk_hypervisor *hv, const struct xk_domain_config *config,
                struct xk_json_writer *writer, struct xk_error *err)
{
    struct xk_problems problems = {0};
    struct xk_kvm_plan plan;
    int r;

    xk_kvm_plan_init(&plan, true);
    plan.problems = &problems;
    plan.state = hv != NULL ? hv->state : NULL;
    r = xk_kvm_plan_domain(&plan, config, err);
    if (r == 0)
        r = xk_kvm_launch_complete_plan(&plan, config, -1, NULL, err);
    if (r == 0 && problems.errors > 0)
        r = xk_problems_fail(&problems, err);
    if (r == 0) {
        put_plan(writer, &plan);
        put_warnings(writer, &problems);
    }
    xk_kvm_plan_free(&plan);
    xk_problems_free(&problems);
    return r;
}
