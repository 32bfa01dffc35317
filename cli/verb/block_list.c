/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/invocation.h"
#include "toolstack/find.h"
#include "toolstack/seam/device_ops.h"

struct shown {
    struct xk_invocation *invocation;
    struct xk_json_writer *writer; /* with --json */
    const char *domain;
    bool has_header;
};

/* ---- one disk ---- */

static void
put_counts(struct xk_json_writer *writer, const struct xk_disk_info *info)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"size_bytes", info->bytes},
        {"queues", info->queues},
        {"read_requests", info->read_requests},
        {"read_bytes", info->read_bytes},
        {"write_requests", info->write_requests},
        {"write_bytes", info->write_bytes},
        {"flush_requests", info->flush_requests},
        {"discard_requests", info->discard_requests},
        {"errors", info->errors},
        {"inflight", info->inflight},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        if (info->known)
            xk_json_put_integer(writer, rows[i].name, (int64_t)rows[i].value);
        else
            xk_json_put_null(writer, rows[i].name);
    }
}

static void
put_disk(struct xk_json_writer *writer, const char *domain,
         const struct xk_disk_info *info)
{
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "domain", domain);
    xk_json_put_string(writer, "vdev", info->vdev);
    xk_json_put_integer(writer, "devid", info->number);
    xk_json_put_string(writer, "target", info->target);
    xk_json_put_string(writer, "format", info->format);
    xk_json_put_string(writer, "backend", info->backend);
    xk_json_put_string(writer, "state", info->state);
    xk_json_put_string(writer, "reason", info->reason);
    xk_json_put_bool(writer, "read_only", info->read_only);
    xk_json_put_bool(writer, "cdrom", info->cdrom);
    put_counts(writer, info);
    xk_json_close_object(writer);
}

static void
put_row(struct xk_buf *out, const struct xk_disk_info *info)
{
    XK_CLEANUP_BUF struct xk_buf row = {0};
    XK_CLEANUP_BUF struct xk_buf safe = {0};

    xk_buf_printf(&row, "%-6s %-10u %-8s %-11s %-7s %-2s", info->vdev,
                  info->number, info->backend, info->state, info->format,
                  info->read_only ? "r" : "w");
    if (info->known)
        xk_buf_printf(&row, " %6u %9llu %9llu %6llu", info->queues,
                      (unsigned long long)info->read_requests,
                      (unsigned long long)info->write_requests,
                      (unsigned long long)info->errors);
    else
        xk_buf_printf(&row, " %6s %9s %9s %6s", "-", "-", "-", "-");
    xk_buf_printf(&row, "  %s%s%s", info->target != NULL ? info->target : "-",
                  info->reason != NULL ? ": " : "",
                  info->reason != NULL ? info->reason : "");
    xk_log_escape(&safe, row.data);
    xk_buf_printf(out, "%s\n", safe.data);
}

static void
show(const struct xk_disk_info *info, void *context)
{
    struct shown *shown = context;

    if (shown->writer != NULL)
        put_disk(shown->writer, shown->domain, info);
    else
        put_row(&shown->invocation->out, info);
}

/* ---- the disks of a domain ---- */

/* Print the header once, above the first domain. */
static void
put_header(struct shown *shown)
{
    if (shown->writer != NULL || shown->has_header)
        return;
    shown->has_header = true;
    xk_buf_printf(&shown->invocation->out,
                  "%-6s %-10s %-8s %-11s %-7s %-2s %6s %9s %9s %6s  %s\n",
                  "Vdev", "Number", "Backend", "State", "Format", "", "Queues",
                  "Reads", "Writes", "Errors", "Target");
}

static int
show_domain(struct xk_invocation *invocation, const char *name,
            struct shown *shown, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};

    if (xk_domain_find(&invocation->host, name, &domain, invocation->deadline,
                       err) == -1)
        return -1;
    shown->domain = domain.name;
    put_header(shown);
    return xk_hv_disks(domain.hv, &domain, show, shown, invocation->deadline,
                       err);
}

static int
run_block_list(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    struct shown shown = {.invocation = invocation};
    int r = 0;

    if (invocation->json) {
        writer = xk_json_writer_new(&invocation->out, false);
        xk_json_open_array(writer, NULL);
    }
    shown.writer = writer;
    for (size_t i = 0; r == 0 && i < invocation->argument_count; i++)
        r = show_domain(invocation, invocation->arguments[i], &shown, err);
    if (writer != NULL)
        xk_json_close_array(writer);
    return r;
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
