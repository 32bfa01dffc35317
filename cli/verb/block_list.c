/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <stdio.h>

#include "base/util.h"
#include "cli/device_list.h"
#include "toolstack/seam/device_ops.h"

static void
put_disk(struct xk_device_list *list, const struct xk_disk_info *info)
{
    struct xk_json_writer *writer = list->writer;
    const struct xk_device_number counts[] = {
        {"size_bytes", info->bytes, info->known},
        {"queues", info->queues, info->known},
        {"read_requests", info->read_requests, info->known},
        {"read_bytes", info->read_bytes, info->known},
        {"write_requests", info->write_requests, info->known},
        {"write_bytes", info->write_bytes, info->known},
        {"flush_requests", info->flush_requests, info->known},
        {"discard_requests", info->discard_requests, info->known},
        {"errors", info->errors, info->known},
        {"inflight", info->inflight, info->known},
    };

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "domain", list->domain);
    xk_json_put_string(writer, "vdev", info->vdev);
    xk_json_put_integer(writer, "devid", info->number);
    xk_json_put_string(writer, "target", info->target);
    xk_json_put_string(writer, "format", info->format);
    xk_json_put_string(writer, "backend", info->backend);
    xk_json_put_string(writer, "state", info->state);
    xk_json_put_string(writer, "reason", info->reason);
    xk_json_put_bool(writer, "read_only", info->read_only);
    xk_json_put_bool(writer, "cdrom", info->cdrom);
    xk_device_list_numbers(list, counts, XK_ARRAY_SIZE(counts));
    xk_json_close_object(writer);
}

static void
put_row(struct xk_device_list *list, const struct xk_disk_info *info)
{
    char counts[64];

    if (info->known)
        snprintf(counts, sizeof(counts), "%6u %9llu %9llu %6llu", info->queues,
                 (unsigned long long)info->read_requests,
                 (unsigned long long)info->write_requests,
                 (unsigned long long)info->errors);
    else
        snprintf(counts, sizeof(counts), "%6s %9s %9s %6s", "-", "-", "-", "-");
    xk_device_list_row(list, "%-6s %-10u %-8s %-11s %-7s %-2s %s  %s%s%s",
                       info->vdev, info->number, info->backend, info->state,
                       info->format, info->read_only ? "r" : "w", counts,
                       info->target != NULL ? info->target : "-",
                       info->reason != NULL ? ": " : "",
                       info->reason != NULL ? info->reason : "");
}

static void
show(const struct xk_disk_info *info, void *context)
{
    struct xk_device_list *list = context;

    if (list->writer != NULL)
        put_disk(list, info);
    else
        put_row(list, info);
}

static int
ask(struct xk_device_list *list, const struct xk_domain *domain,
    struct xk_deadline deadline, struct xk_error *err)
{
    return xk_hv_disks(domain->hv, domain, show, list, deadline, err);
}

static int
run_block_list(struct xk_invocation *invocation, struct xk_error *err)
{
    static const struct xk_device_lister lister = {
        "Vdev   Number     Backend  State       Format     Queues     Reads    "
        "Writes Errors  Target",
        ask};

    return xk_device_list_run(invocation, &lister, err);
}

const struct xk_command xk_command_block_list = {
    .name = "block-list",
    .summary = "list the disks of domains",
    .details = "Shows each disk with the program that serves it (xk: "
               "xk-backend), its state, and, for xk-backend, counts of its "
               "requests. If a device was stopped because its frontend broke "
               "the protocol, the reason is shown. A device whose process was "
               "killed is \"waiting\" until the last request of that process "
               "has ended, because nothing else may write to the image before.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN, .repeated = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_block_list,
};
