/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration through libxl: made, or only told. */
#include "base/cleanup.h"
#include "toolstack/xen/helper.h"
#include "toolstack/xen/ops.h"

enum {
    DESCRIBE_MS = 10000
};

static void
put_input(const struct xk_domain_config *config, struct xk_buf *text)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_config_to_json(config, writer, "config");
    xk_json_close_object(writer);
}

int
xk_xen_helper_config(struct xk_xen *xen, const char *verb,
                     const struct xk_record *record,
                     const struct xk_domain_config *config, int stream_fd,
                     const struct xk_send_watch *watch, struct xk_json **result,
                     struct xk_deadline deadline, struct xk_error *err)
{
    const char *const argv[] = {verb, NULL};
    XK_CLEANUP_BUF struct xk_buf input = {0};
    struct xk_xen_call call = {
        .argv = argv,
        .input = &input,
        .stream_fd = stream_fd,
        .lock_fd = record != NULL ? record->lock_fd : -1,
        .watch = watch,
    };

    put_input(config, &input);
    return xk_xen_helper(xen, &call, result, deadline, err);
}

int
xk_xen_build(struct xk_hypervisor *hv, struct xk_record *record,
             const struct xk_domain_config *config, struct xk_deadline deadline,
             struct xk_error *err)
{
    return xk_xen_helper_config(xk_xen(hv), "build", record, config, -1, NULL,
                                NULL, deadline, err);
}

/* Another domain of Xen with the same UUID, from the first instruction on. One
 * that runs by now was started by a restart that was killed after its last
 * step. */
int
xk_xen_restart(struct xk_hypervisor *hv, struct xk_record *record,
               const struct xk_domain_config *config,
               struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_domain domain = {.uuid = record->uuid,
                               .domid = -1,
                               .name = config->name,
                               .record = record};
    struct xk_xen_domain found;

    if (xk_xen_find(xk_xen(hv), &record->uuid, &found, NULL) == 0 &&
        found.state == XK_STATE_RUNNING)
        return 0;
    if (xk_xen_teardown(hv, &domain, deadline, err) == -1 ||
        xk_xen_build(hv, record, config, deadline, err) == -1)
        return -1;
    return xk_xen_unpause(hv, &domain, deadline, err);
}

int
xk_xen_describe(struct xk_hypervisor *hv, const struct xk_domain_config *config,
                struct xk_json_writer *writer, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (xk_xen_helper_config(xk_xen(hv), "describe", NULL, config, -1, NULL,
                             &answer, xk_deadline_in_ms(DESCRIBE_MS),
                             err) == -1)
        return -1;
    xk_json_put_value(writer, "libxl", xk_json_get(answer, "libxl"));
    return 0;
}
