/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of the devices of domains: block-list and network-list. */
#ifndef XK_CLI_DEVICE_LIST_H
#define XK_CLI_DEVICE_LIST_H

#include "base/buf.h"
#include "base/json.h"
#include "cli/invocation.h"

/* A list while it is printed. */
struct xk_device_list {
    const char *domain;            /* whose devices are told */
    struct xk_json_writer *writer; /* with --json, else NULL */
    struct xk_buf *out;            /* for rows of the table */
};

struct xk_device_lister {
    const char *header; /* of the table, a line */
    /* Ask the domain's driver, and add each device to the list. */
    int (*ask)(struct xk_device_list *list, const struct xk_domain *domain,
               struct xk_deadline deadline, struct xk_error *err);
};

/* Print the devices of the domains that the arguments name; without arguments,
 * of all domains that can be asked. */
int xk_device_list_run(struct xk_invocation *invocation,
                       const struct xk_device_lister *lister,
                       struct xk_error *err);

/* Add a row, made safe for a terminal. */
void xk_device_list_row(struct xk_device_list *list, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A number of a device, which may not be known. */
struct xk_device_number {
    const char *name; /* in JSON */
    uint64_t value;
    bool known;
};

/* Write them, null for what is not known. */
void xk_device_list_numbers(struct xk_device_list *list,
                            const struct xk_device_number *numbers,
                            size_t count);

#endif
