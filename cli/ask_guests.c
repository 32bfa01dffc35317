/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ask_guests.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/report.h"
#include "toolstack/domain.h"
#include "toolstack/find.h"
#include "toolstack/list.h"

enum {
    TAKE_BACK_MS = 2000
};

/* One domain and the result of its request. */
struct asked {
    struct xk_domain domain;
    bool failed;
    bool stopped; /* reason is set */
    enum xk_stop_reason reason;
    struct xk_error err;
};

struct asked_list {
    struct asked *items;
    size_t count;
};

static void
free_list(struct asked_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        xk_domain_scope_end(&list->items[i].domain);
    free(list->items);
}

static struct xk_domain *
add(struct asked_list *list)
{
    struct asked *asked;

    XK_GROW(list->items, list->count);
    asked = &list->items[list->count++];
    *asked = (struct asked){0};
    return &asked->domain;
}

static int
add_named(struct xk_invocation *invocation, const char *name,
          struct asked_list *list, struct xk_error *err)
{
    struct xk_domain domain;

    if (xk_domain_find(&invocation->host, name, &domain, invocation->deadline,
                       err) == -1)
        return -1;
    *add(list) = domain;
    return 0;
}

/* Domain 0 is the host itself, and a stopped domain need not be asked. */
static bool
is_to_be_asked(const struct xk_domain_info *info)
{
    return info->domid != 0 &&
           (info->state == XK_STATE_RUNNING || info->state == XK_STATE_PAUSED);
}

/* A domain that is gone by now has done what was asked. */
static int
add_all(struct xk_invocation *invocation, struct asked_list *list,
        struct xk_error *err)
{
    struct xk_domain_list domains = {0};
    int rc = 0;

    if (xk_domain_list(&invocation->host, &domains, invocation->deadline,
                       err) == -1)
        return -1;
    for (size_t i = 0; rc == 0 && i < domains.count; i++) {
        struct xk_error missing = {0};
        struct xk_domain domain;

        if (!is_to_be_asked(&domains.items[i]))
            continue;
        if (xk_domain_take(&invocation->host, &domains.items[i], &domain,
                           &missing) == 0) {
            *add(list) = domain;
        } else if (missing.kind != XK_ERR_NOT_FOUND) {
            *err = missing;
            rc = -1;
        }
    }
    xk_domain_list_free(&domains);
    return rc;
}

static int
collect(struct xk_invocation *invocation, struct asked_list *list,
        struct xk_error *err)
{
    bool all = xk_option_given(invocation, XK_ASK_ALL);

    if (all && invocation->argument_count > 0)
        return xk_fail(err, XK_ERR_USAGE,
                       "name a domain or give -a, but not both");
    if (!all && invocation->argument_count == 0)
        return xk_fail(err, XK_ERR_USAGE, "name a domain, or give -a");
    if (all)
        return add_all(invocation, list, err);
    return add_named(invocation, invocation->arguments[0], list, err);
}

static void
signal_one(struct xk_invocation *invocation, const struct xk_ask *ask,
           struct asked *asked)
{
    xk_report_step(invocation, ask->step, asked->domain.name);
    if (xk_domain_signal(&invocation->host, &asked->domain, ask->signal,
                         xk_option_given(invocation, XK_ASK_FALLBACK),
                         invocation->deadline, &asked->err) == -1)
        asked->failed = true;
}

/* Withdraw the request for a reboot, because nobody waits for it any more. If
 * the domain is gone or has stopped, there is nothing to withdraw. */
static void
take_back(struct xk_invocation *invocation, struct asked *asked)
{
    struct xk_error err = {0};

    (void)xk_domain_signal(&invocation->host, &asked->domain, XK_SIGNAL_NONE,
                           false, xk_deadline_in_ms(TAKE_BACK_MS), &err);
}

/* Wait without limit, unless --timeout is given: a guest may take its time. */
static void
wait_for_one(struct xk_invocation *invocation, const struct xk_ask *ask,
             struct asked *asked)
{
    unsigned waits = xk_option_count(invocation, XK_ASK_WAIT);
    struct xk_deadline deadline =
        invocation->has_timeout ? invocation->deadline : xk_deadline_never();

    if (waits == 0 || asked->failed)
        return;
    xk_report_step(invocation, "waiting", asked->domain.name);
    asked->reason = XK_STOP_COUNT;
    if (xk_domain_wait(&invocation->host, &asked->domain,
                       waits == 1 ? ask->once : ask->twice, &asked->reason,
                       deadline, &asked->err) == -1) {
        asked->failed = true;
        if (ask->signal == XK_SIGNAL_REBOOT)
            take_back(invocation, asked);
    } else
        asked->stopped = asked->reason != XK_STOP_COUNT;
}

static void
put_one(struct xk_json_writer *writer, const struct xk_invocation *invocation,
        const struct asked *asked)
{
    struct xk_domain_info info = {.uuid = asked->domain.uuid,
                                  .name = asked->domain.name,
                                  .domid = asked->domain.domid,
                                  .hypervisor = xk_hv_name(asked->domain.hv)};

    xk_output_domain_handle(writer, &info);
    xk_json_put_string(writer, "requested", invocation->command->name);
    xk_json_put_string(writer, "stop_reason",
                       asked->stopped ? xk_stop_reason_name(asked->reason)
                                      : NULL);
}

static void
put_json(struct xk_invocation *invocation, const struct asked_list *list)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&invocation->out, false);

    xk_json_open_object(writer, NULL);
    if (!xk_option_given(invocation, XK_ASK_ALL) && list->count == 1) {
        put_one(writer, invocation, &list->items[0]);
        xk_json_close_object(writer);
        return;
    }
    xk_json_open_array(writer, "domains");
    for (size_t i = 0; i < list->count; i++) {
        xk_json_open_object(writer, NULL);
        put_one(writer, invocation, &list->items[i]);
        if (list->items[i].failed)
            xk_json_put_error_member(writer, "error", &list->items[i].err);
        else
            xk_json_put_null(writer, "error");
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
    xk_json_close_object(writer);
}

/* The error has the kind of the first failure; its message names all. */
static int
sum_up(const struct xk_invocation *invocation, const struct asked_list *list,
       struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf names = {0};
    const struct asked *first = NULL;
    size_t failed = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct asked *asked = &list->items[i];

        if (!asked->failed)
            continue;
        if (failed++ == 0)
            first = asked;
        xk_buf_printf(&names, "; \"%s\": %s", asked->domain.name,
                      asked->err.message);
    }
    if (first == NULL)
        return 0;
    if (!xk_option_given(invocation, XK_ASK_ALL)) {
        *err = first->err;
        return -1;
    }
    return xk_fail(err, first->err.kind, "%zu of %zu domains failed%s", failed,
                   list->count, names.data);
}

int
xk_ask_run(struct xk_invocation *invocation, const struct xk_ask *ask,
           struct xk_error *err)
{
    struct asked_list list = {0};
    int rc = collect(invocation, &list, err);

    if (rc == 0) {
        for (size_t i = 0; i < list.count; i++)
            signal_one(invocation, ask, &list.items[i]);
        for (size_t i = 0; i < list.count; i++)
            wait_for_one(invocation, ask, &list.items[i]);
        xk_report_step(invocation, "", "");
        rc = sum_up(invocation, &list, err);
        if (invocation->json &&
            (rc == 0 || xk_option_given(invocation, XK_ASK_ALL)))
            put_json(invocation, &list);
    }
    free_list(&list);
    return rc;
}
