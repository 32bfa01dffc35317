/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Build a domain through xk-build or xk-libxl, or describe what would be built
 * (dry run). */
#include <stdio.h>

#include "base/cleanup.h"
#include "toolstack/config/vdev.h"
#include "toolstack/config/vif_plug.h"
#include "toolstack/xen/build.h"
#include "toolstack/xen/build_scope.h"
#include "toolstack/xen/device/device.h"
#include "toolstack/xen/device/disk_ours.h"
#include "toolstack/xen/device/vif_ours.h"
#include "toolstack/xen/domains.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/helper/caller.h"
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
xk_xen_helper_config(struct xk_xen *xen, const char *program, const char *verb,
                     const struct xk_record *record,
                     const struct xk_domain_config *config, int stream_fd,
                     const struct xk_send_watch *watch, struct xk_json **result,
                     struct xk_deadline deadline, struct xk_error *err)
{
    const char *const argv[] = {verb, NULL};
    XK_CLEANUP_BUF struct xk_buf input = {0};
    struct xk_xen_call call = {
        .program = program,
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
xk_xen_sync_libxl(struct xk_xen *xen, const char *verb,
                  const struct xk_record *record, unsigned domid,
                  const struct xk_change *change, struct xk_deadline deadline,
                  struct xk_error *err)
{
    char number[16], device[16];
    const char *const argv[] = {verb, number, change->force ? "force" : "ask",
                                device, NULL};
    XK_CLEANUP_BUF struct xk_buf input = {0};
    const struct xk_xen_call call = {
        .argv = argv,
        .input = &input,
        .stream_fd = -1,
        .lock_fd = record->lock_fd,
    };

    snprintf(number, sizeof(number), "%u", domid);
    snprintf(device, sizeof(device), "%u", change->number);
    put_input(change->config, &input);
    return xk_xen_helper(xen, &call, NULL, deadline, err);
}

int
xk_xen_attach_ours(struct xk_xen *xen, const struct xk_record *record,
                   const struct xk_domain_config *config,
                   const struct xk_json *answer, struct xk_deadline deadline,
                   struct xk_error *err)
{
    int64_t domid;

    if (!xk_json_integer(xk_json_get(answer, "domid"), &domid) || domid <= 0)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the helper does not say which domain it made");
    return xk_xen_devices_attach(xen, record, (unsigned)domid, config, deadline,
                                 err);
}

/* Let xk-build build the domain. If it declines, it has made nothing, *answer
 * stays NULL, and libxl has to build the domain. */
static int
try_builder(struct xk_xen *xen, const struct xk_record *record,
            const struct xk_domain_config *config, struct xk_json **answer,
            struct xk_deadline deadline, struct xk_error *err)
{
    if (!xk_xen_builder_takes(config))
        return 0;
    if (xk_xen_helper_config(xen, "xk-build", "build", record, config, -1, NULL,
                             answer, deadline, err) == -1)
        return -1;
    if (xk_json_get(*answer, "declined") != NULL)
        xk_json_free(XK_TAKE(*answer));
    return 0;
}

int
xk_xen_build(struct xk_hypervisor *hv, struct xk_record *record,
             const struct xk_domain_config *config, struct xk_deadline deadline,
             struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (try_builder(xen, record, config, &answer, deadline, err) == -1)
        return -1;
    if (answer == NULL &&
        xk_xen_helper_config(xen, NULL, "build", record, config, -1, NULL,
                             &answer, deadline, err) == -1)
        return -1;
    return xk_xen_attach_ours(xen, record, config, answer, deadline, err);
}

/* Replace the domain by a new one with the same UUID. If it runs already, an
 * earlier restart started it and was killed after its last step. */
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

static void
describe_disks(const struct xk_domain_config *config,
               struct xk_json_writer *writer)
{
    xk_json_open_array(writer, "disks");
    for (size_t i = 0; i < config->disk_count; i++) {
        const struct xk_disk *disk = &config->disks[i];

        if (!xk_disk_is_ours(config, disk))
            continue;
        xk_json_open_object(writer, NULL);
        xk_json_put_string(writer, "vdev", disk->vdev);
        xk_json_put_integer(writer, "devid", xk_disk_number(disk));
        xk_json_put_string(writer, "backend", "xk-backend");
        xk_json_put_string(writer, "target", disk->target);
        xk_json_put_string(writer, "format", xk_disk_format_name(disk->format));
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

static void
describe_plug(const struct xk_vif *vif, struct xk_json_writer *writer)
{
    const struct xk_plug plug = xk_vif_plug(vif);

    if (vif->script != NULL)
        xk_json_put_string(writer, "script", plug.script);
    if (vif->script == NULL || vif->bridge != NULL)
        xk_json_put_string(writer, "bridge", plug.bridge);
}

static void
describe_cards(const struct xk_domain_config *config,
               struct xk_json_writer *writer)
{
    xk_json_open_array(writer, "cards");
    for (size_t i = 0; i < config->vif_count; i++) {
        const struct xk_vif *vif = &config->vifs[i];

        if (!xk_vif_is_ours(vif))
            continue;
        xk_json_open_object(writer, NULL);
        xk_json_put_integer(writer, "devid", vif->devid);
        xk_json_put_string(writer, "backend", "xk-backend");
        if (vif->type == XK_VIF_USER)
            xk_json_put_string(writer, "network", "user");
        else
            describe_plug(vif, writer);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

int
xk_xen_describe(struct xk_hypervisor *hv, const struct xk_domain_config *config,
                struct xk_json_writer *writer, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (xk_xen_helper_config(xk_xen(hv), NULL, "describe", NULL, config, -1,
                             NULL, &answer, xk_deadline_in_ms(DESCRIBE_MS),
                             err) == -1)
        return -1;
    xk_json_put_value(writer, "libxl", xk_json_get(answer, "libxl"));
    describe_disks(config, writer);
    describe_cards(config, writer);
    return 0;
}
