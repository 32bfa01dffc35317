/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <stdio.h>

#include "base/util.h"
#include "cli/device_list.h"
#include "toolstack/seam/device_ops.h"

static void
put_card(struct xk_device_list *list, const struct xk_card_info *info)
{
    struct xk_json_writer *writer = list->writer;
    const struct xk_device_number numbers[] = {
        {"queues", info->queues, info->queues != 0},
        {"mtu", info->mtu, info->mtu != 0},
        {"rate_bytes_per_s", info->rate_bytes_per_s,
         info->rate_bytes_per_s != 0},
        {"rx_bytes", info->rx_bytes, info->known},
        {"rx_packets", info->rx_packets, info->known},
        {"rx_dropped", info->rx_dropped, info->known},
        {"tx_bytes", info->tx_bytes, info->known},
        {"tx_packets", info->tx_packets, info->known},
        {"tx_dropped", info->tx_dropped, info->known},
        {"errors", info->errors, info->known},
    };

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "domain", list->domain);
    xk_json_put_integer(writer, "devid", info->number);
    xk_json_put_string(writer, "mac", info->mac);
    xk_json_put_string(writer, "type", info->type);
    xk_json_put_string(writer, "bridge", info->bridge);
    xk_json_put_string(writer, "interface", info->interface);
    xk_json_put_string(writer, "model", info->model);
    xk_json_put_string(writer, "backend", info->backend);
    xk_json_put_string(writer, "state", info->state);
    xk_json_put_string(writer, "reason", info->reason);
    xk_device_list_numbers(list, numbers, XK_ARRAY_SIZE(numbers));
    xk_json_close_object(writer);
}

static const char *
or_dash(const char *text)
{
    return text != NULL ? text : "-";
}

static void
put_row(struct xk_device_list *list, const struct xk_card_info *info)
{
    char counts[64];

    if (info->known)
        snprintf(counts, sizeof(counts), "%13llu %13llu",
                 (unsigned long long)info->rx_bytes,
                 (unsigned long long)info->tx_bytes);
    else
        snprintf(counts, sizeof(counts), "%13s %13s", "-", "-");
    xk_device_list_row(
        list, "%-5u %-17s %-6s %-15s %-15s %-7s %-12s %s  %s%s%s", info->number,
        or_dash(info->mac), or_dash(info->type), or_dash(info->bridge),
        or_dash(info->interface), or_dash(info->backend), or_dash(info->state),
        counts, list->domain, info->reason != NULL ? ": " : "",
        info->reason != NULL ? info->reason : "");
}

static void
show(const struct xk_card_info *info, void *context)
{
    struct xk_device_list *list = context;

    if (list->writer != NULL)
        put_card(list, info);
    else
        put_row(list, info);
}

static int
ask(struct xk_device_list *list, const struct xk_domain *domain,
    struct xk_deadline deadline, struct xk_error *err)
{
    return xk_hv_cards(domain->hv, domain, show, list, deadline, err);
}

static int
run_network_list(struct xk_invocation *invocation, struct xk_error *err)
{
    static const struct xk_device_lister lister = {
        "Devid Mac               Type   Bridge          Interface       "
        "Backend "
        "State             Rx-bytes      Tx-bytes  Domain",
        ask};

    return xk_device_list_run(invocation, &lister, err);
}

const struct xk_command xk_command_network_list = {
    .name = "network-list",
    .summary = "list the network cards of domains",
    .details =
        "Shows each network card with what serves it (xk: xk-backend, linux: "
        "the kernel's netback, qemu), its state, and what went through it, "
        "as the guest sees it: rx is what the guest received. Nobody counts "
        "what goes through a user-mode network of QEMU's; such counts are "
        "\"-\", or null with --json.\n\n"
        "A card is \"connected\" once the guest uses it and \"waiting\" until "
        "then, which it is for as long as the guest has no driver for it or "
        "its system has not come up; \"not served\" if its process does not "
        "answer, which the monitor mends; \"leaving\" if a detach waits for "
        "the guest; \"stopped\" if its frontend broke the protocol, with the "
        "reason. Without DOMAIN, the "
        "cards of all domains are shown, also of those that xl made.",
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN, .optional = true,
                     .repeated = true}},
    .timeout_s = 60,
    .needs_host = true,
    .run = run_network_list,
};
