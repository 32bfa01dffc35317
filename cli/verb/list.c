/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "toolstack/find.h"
#include "toolstack/list.h"
#include "toolstack/record.h"
#include "toolstack/record_config.h"

enum {
    OPTION_LONG,
    OPTION_VERBOSE,
    OPTION_CONTEXT,
    OPTION_CPUPOOL,
    OPTION_NUMA,
    OPTION_COUNT,
};

/* Look up the named domains, in the order of the command line. */
static int
get_named(struct xk_invocation *invocation, struct xk_domain_list *list,
          struct xk_error *err)
{
    for (size_t i = 0; i < invocation->argument_count; i++) {
        XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
        struct xk_domain_info info;

        if (xk_domain_find(&invocation->host, invocation->arguments[i], &domain,
                           invocation->deadline, err) == -1 ||
            xk_domain_get(&invocation->host, &domain, &info,
                          invocation->deadline, err) == -1)
            return -1;
        XK_GROW(list->items, list->count);
        list->items[list->count++] = info;
    }
    return 0;
}

/* Print the columns of xl (tools/xl/xl_info.c of Xen). */
static void
put_row(struct xk_buf *out, const struct xk_domain_info *info, bool verbose,
        bool mixed)
{
    XK_CLEANUP_BUF struct xk_buf name = {0};
    char letters[XK_STATE_LETTERS_SIZE];
    char uuid[XK_UUID_TEXT_SIZE];
    char domid[16] = "-";

    /* Other toolstacks may accept names that xk refuses. */
    xk_log_escape(&name, info->name != NULL ? info->name : "");
    xk_output_state_letters(info, letters);
    if (info->domid >= 0)
        snprintf(domid, sizeof(domid), "%d", info->domid);
    xk_buf_printf(out, "%-40s %5s %5llu %5u     %s  %8.1f",
                  name.length > 0 ? name.data : "", domid,
                  (unsigned long long)info->memory_mib, info->vcpus, letters,
                  (double)info->cpu_time_ns / 1e9);
    if (verbose) {
        xk_uuid_format(&info->uuid, uuid);
        xk_buf_printf(out, " %s", uuid);
        if (info->state == XK_STATE_SHUTDOWN || info->state == XK_STATE_CRASHED)
            xk_buf_printf(out, " %8x", (unsigned)info->stop_reason);
        else
            xk_buf_printf(out, " %8s", "-");
        xk_buf_printf(out, " %16s", "-");
    }
    if (mixed)
        xk_buf_printf(out, " %s", info->hypervisor);
    xk_buf_puts(out, "\n");
}

/* Return whether the column of hypervisors is needed. Scripts that read xl's
 * table must not see it on a host with one hypervisor. */
static bool
is_mixed(const struct xk_domain_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(list->items[i].hypervisor, list->items[0].hypervisor) != 0)
            return true;
    }
    return false;
}

static void
put_table(struct xk_invocation *invocation, const struct xk_domain_list *list)
{
    bool verbose = xk_option_given(invocation, OPTION_VERBOSE);
    bool mixed = is_mixed(list);

    xk_buf_puts(&invocation->out,
                "Name                                        ID   Mem VCPUs\t"
                "State\tTime(s)");
    if (verbose)
        xk_buf_puts(&invocation->out, "   UUID                            "
                                      "Reason-Code\tSecurity Label");
    if (mixed)
        xk_buf_puts(&invocation->out, " Hypervisor");
    xk_buf_puts(&invocation->out, "\n");
    for (size_t i = 0; i < list->count; i++)
        put_row(&invocation->out, &list->items[i], verbose, mixed);
}

/* Write the configuration of a domain; null for a domain that another toolstack
 * made. */
static void
put_config(const struct xk_invocation *invocation,
           struct xk_json_writer *writer, const struct xk_uuid *uuid)
{
    XK_CLEANUP_RECORD struct xk_record *record =
        xk_record_open(&invocation->host.state, uuid, NULL);
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    struct xk_error ignored;

    if (record != NULL)
        config = xk_record_load_config(record, &ignored);
    if (config != NULL)
        xk_config_show(config, writer, "config");
    else
        xk_json_put_null(writer, "config");
}

static void
put_json(struct xk_invocation *invocation, const struct xk_domain_list *list)
{
    bool with_config = xk_option_given(invocation, OPTION_LONG);
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&invocation->out, !invocation->json);

    xk_json_open_array(writer, NULL);
    for (size_t i = 0; i < list->count; i++) {
        xk_json_open_object(writer, NULL);
        xk_output_domain_members(writer, &list->items[i]);
        if (with_config)
            put_config(invocation, writer, &list->items[i].uuid);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

static int
run_list(struct xk_invocation *invocation, struct xk_error *err)
{
    struct xk_domain_list list = {0};
    int rc;

    if (invocation->argument_count > 0)
        rc = get_named(invocation, &list, err);
    else
        rc =
            xk_domain_list(&invocation->host, &list, invocation->deadline, err);
    if (rc == 0 &&
        (invocation->json || xk_option_given(invocation, OPTION_LONG)))
        put_json(invocation, &list);
    else if (rc == 0)
        put_table(invocation, &list);
    xk_domain_list_free(&list);
    return rc;
}

static const struct xk_option options[] = {
    [OPTION_LONG] =
        XK_FLAG('l', "long", "print JSON with the whole configuration"),
    [OPTION_VERBOSE] =
        XK_FLAG('v', "verbose", "also print the UUID and the reason of a stop"),
    [OPTION_CONTEXT] = XK_REFUSED('Z', "context", "print the security label",
                                  "labels are not read yet"),
    [OPTION_CPUPOOL] = XK_REFUSED('c', "cpupool", "print the CPU pool",
                                  "CPU pools are not managed yet"),
    [OPTION_NUMA] = XK_REFUSED('n', "numa", "print the NUMA affinity",
                               "NUMA affinity is not managed yet"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_list = {
    .name = "list",
    .summary = "list domains and their states",
    .details =
        "Lists all domains, of Xen and of KVM, or the named ones; with "
        "--hypervisor only those of that hypervisor. Mem is in MiB, Time in "
        "seconds of CPU time; ID is the domid, \"-\" for a domain without one "
        "(KVM). If there are domains of both hypervisors, a last column names "
        "the hypervisor of each.\n\n"
        "State is six letters, each \"-\" if it does not apply: r, it runs; b, "
        "it is blocked, or ?, it is in doubt (see \"xk migrate\"); p, it is "
        "paused; s, it has stopped; then why it stopped, \"-\" for a shutdown, "
        "r for a reboot, s for a suspend, c for a crash, w for its watchdog, S "
        "for a soft reset; d, it is being torn down.\n\n"
        "With --json it prints an array of objects with name, uuid, domid "
        "(null on KVM), hypervisor (xen, kvm), type (pv, pvh, hvm), state "
        "(running, paused, shutdown, crashed, dying, in-doubt), stop_reason "
        "(null while it runs), memory_mib, maxmem_mib, vcpus and cpu_time_s.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN, .optional = true,
                     .repeated = true}},
    .timeout_s = 10,
    .needs_host = true,
    .run = run_list,
};
