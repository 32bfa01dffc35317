/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "toolstack/find.h"
#include "toolstack/list.h"
#include "toolstack/seam/store_view_ops.h"

struct shown {
    struct xk_invocation *invocation;
    struct xk_json_writer *writer; /* with --json */
    struct xk_error err;
};

/* ---- ls ---- */

static void
show_node(const char *path, const char *value, void *context)
{
    struct shown *shown = context;
    struct xk_buf *out = &shown->invocation->out;

    if (shown->writer != NULL) {
        xk_json_open_object(shown->writer, NULL);
        xk_json_put_string(shown->writer, "path", path);
        xk_json_put_string(shown->writer, "value", value);
        xk_json_close_object(shown->writer);
        return;
    }
    xk_log_escape(out, path);
    xk_buf_puts(out, " = ");
    xk_log_escape(out, value);
    xk_buf_puts(out, "\n");
}

static void
show_device(const struct xk_store_device *device, void *context)
{
    struct shown *shown = context;
    XK_CLEANUP_BUF struct xk_buf row = {0};
    XK_CLEANUP_BUF struct xk_buf safe = {0};

    if (shown->writer != NULL) {
        xk_json_open_object(shown->writer, NULL);
        xk_json_put_string(shown->writer, "kind", device->kind);
        xk_json_put_string(shown->writer, "id", device->id);
        xk_json_put_string(shown->writer, "frontend_state",
                           device->frontend_state);
        xk_json_put_string(shown->writer, "backend_state",
                           device->backend_state);
        xk_json_put_string(shown->writer, "backend", device->backend);
        xk_json_close_object(shown->writer);
        return;
    }
    xk_buf_printf(&row, "%-8s %-8s %-14s %-14s %s", device->kind, device->id,
                  device->frontend_state, device->backend_state,
                  device->backend);
    xk_log_escape(&safe, row.data);
    xk_buf_printf(&shown->invocation->out, "%s\n", safe.data);
}

static int
walk_store(struct shown *shown, const char *path, struct xk_error *err)
{
    struct xk_invocation *invocation = shown->invocation;
    struct xk_hypervisor *hv = xk_host_default(&invocation->host, err);

    if (hv == NULL || xk_hv_need_store(hv, err) == -1)
        return -1;
    return xk_hv_store_walk(hv, path, show_node, shown, invocation->deadline,
                            err);
}

static int
list_devices(struct shown *shown, const char *name, struct xk_error *err)
{
    struct xk_invocation *invocation = shown->invocation;
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};

    if (xk_domain_find(&invocation->host, name, &domain, invocation->deadline,
                       err) == -1 ||
        xk_hv_need_store(domain.hv, err) == -1)
        return -1;
    if (shown->writer == NULL)
        xk_buf_printf(&invocation->out, "%-8s %-8s %-14s %-14s %s\n", "Kind",
                      "Device", "Frontend", "Backend", "At");
    return xk_hv_store_devices(domain.hv, &domain, show_device, shown,
                               invocation->deadline, err);
}

static int
list_store(struct xk_invocation *invocation, const char *what,
           struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    struct shown shown = {.invocation = invocation};
    int rc;

    if (invocation->json) {
        writer = xk_json_writer_new(&invocation->out, false);
        xk_json_open_array(writer, NULL);
    }
    shown.writer = writer;
    rc = what[0] == '/' ? walk_store(&shown, what, err)
                        : list_devices(&shown, what, err);
    if (writer != NULL)
        xk_json_close_array(writer);
    return rc;
}

/* ---- watch ---- */

/* Print each change at once, for a reader at the other end of a pipe. */
static bool
show_change(const char *path, void *context)
{
    struct shown *shown = context;
    XK_CLEANUP_BUF struct xk_buf line = {0};

    xk_log_escape(&line, path);
    xk_buf_puts(&line, "\n");
    return xk_output_flush(STDOUT_FILENO, "standard output", &line,
                           &shown->err) == 0;
}

static int
watch_store(struct xk_invocation *invocation, const char *what,
            struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    XK_CLEANUP_BUF struct xk_buf path = {0};
    struct xk_hypervisor *hv;
    struct xk_domain_info info;
    struct shown shown = {.invocation = invocation};

    if (what[0] == '/' || what[0] == '@') {
        xk_buf_puts(&path, what);
        hv = xk_host_default(&invocation->host, err);
    } else {
        if (xk_domain_find(&invocation->host, what, &domain,
                           invocation->deadline, err) == -1 ||
            xk_domain_get(&invocation->host, &domain, &info,
                          invocation->deadline, err) == -1)
            return -1;
        xk_buf_printf(&path, "/local/domain/%d", info.domid);
        xk_domain_info_free(&info);
        hv = domain.hv;
    }
    if (hv == NULL || xk_hv_need_store(hv, err) == -1)
        return -1;
    return xk_hv_store_watch(hv, path.data, show_change, &shown,
                             invocation->has_timeout ? invocation->deadline
                                                     : xk_deadline_never(),
                             err);
}

static int
run_store(struct xk_invocation *invocation, struct xk_error *err)
{
    const char *what = invocation->arguments[0];
    const char *where = invocation->arguments[1];

    if (strcmp(what, "ls") == 0)
        return list_store(invocation, where, err);
    if (strcmp(what, "watch") == 0)
        return watch_store(invocation, where, err);
    return xk_fail(err, XK_ERR_USAGE,
                   "\"store\" takes \"ls\" or \"watch\", not \"%s\"", what);
}

const struct xk_command xk_command_store = {
    .name = "store",
    .summary = "show nodes of xenstore",
    .details =
        "\"store ls\" of a domain shows its devices, with the states of both "
        "ends side by side; of a path, all nodes at and below it. \"store "
        "watch\" prints the path of each change at and below the node of a "
        "domain or a path (or @introduceDomain, @releaseDomain) until it is "
        "interrupted or --timeout has passed. Only Xen has a store.",
    .positionals = {{"ls|watch", XK_ARG_TEXT}, {"DOMAIN|PATH", XK_ARG_DOMAIN}},
    .timeout_s = 30,
    .needs_host = true,
    .run = run_store,
};
