/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/device_list.h"

#include <stdarg.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "toolstack/find.h"
#include "toolstack/list.h"

void
xk_device_list_row(struct xk_device_list *list, const char *fmt, ...)
{
    XK_CLEANUP_FREE char *row = NULL;
    va_list args;

    va_start(args, fmt);
    row = xk_vasprintf(fmt, args);
    va_end(args);
    xk_log_escape(list->out, row);
    xk_buf_puts(list->out, "\n");
}

void
xk_device_list_numbers(struct xk_device_list *list,
                       const struct xk_device_number *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i].known)
            xk_json_put_integer(list->writer, numbers[i].name,
                                (int64_t)numbers[i].value);
        else
            xk_json_put_null(list->writer, numbers[i].name);
    }
}

static int
ask_named(struct xk_invocation *invocation,
          const struct xk_device_lister *lister, struct xk_device_list *list,
          const char *name, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};

    if (xk_domain_find(&invocation->host, name, &domain, invocation->deadline,
                       err) == -1)
        return -1;
    list->domain = domain.name;
    return lister->ask(list, &domain, invocation->deadline, err);
}

/* A domain that ends meanwhile has no devices. */
static int
ask_listed(struct xk_invocation *invocation,
           const struct xk_device_lister *lister, struct xk_device_list *list,
           const struct xk_domain_info *info, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};

    list->domain = info->name != NULL ? info->name : "";
    if (xk_domain_take(&invocation->host, info, &domain, err) == 0 &&
        lister->ask(list, &domain, invocation->deadline, err) == 0)
        return 0;
    return err->kind == XK_ERR_NOT_FOUND || err->kind == XK_ERR_UNSUPPORTED
               ? 0
               : -1;
}

static int
ask_all(struct xk_invocation *invocation, const struct xk_device_lister *lister,
        struct xk_device_list *list, struct xk_error *err)
{
    struct xk_domain_list domains = {0};
    int r =
        xk_domain_list(&invocation->host, &domains, invocation->deadline, err);

    for (size_t i = 0; r == 0 && i < domains.count; i++)
        r = ask_listed(invocation, lister, list, &domains.items[i], err);
    xk_domain_list_free(&domains);
    return r;
}

int
xk_device_list_run(struct xk_invocation *invocation,
                   const struct xk_device_lister *lister, struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    XK_CLEANUP_BUF struct xk_buf rows = {0};
    struct xk_device_list list = {.out = &rows};
    int r = 0;

    if (invocation->json) {
        writer = xk_json_writer_new(&invocation->out, false);
        xk_json_open_array(writer, NULL);
    }
    list.writer = writer;
    if (invocation->argument_count == 0)
        r = ask_all(invocation, lister, &list, err);
    for (size_t i = 0; r == 0 && i < invocation->argument_count; i++)
        r = ask_named(invocation, lister, &list, invocation->arguments[i], err);
    if (writer != NULL)
        xk_json_close_array(writer);
    else if (r == 0 || rows.length > 0)
        xk_buf_printf(&invocation->out, "%s\n%s", lister->header,
                      rows.data != NULL ? rows.data : "");
    return r;
}
