/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is done to the disks of a domain that is there. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/config/vdev.h"
#include "toolstack/xen/helper.h"
#include "toolstack/xen/ops.h"
#include "toolstack/xen/suspend.h"
#include "toolstack/xen/vbd.h"
#include "xenstore-helpers/paths.h"
#include "xenstore-helpers/xenbus.h"

enum {
    SHORT_LIFE_S = 2,
};

/* ---- served again ---- */

/* One that is handed to another host, or is being taken apart, has none on
 * purpose; one that is suspended may be another toolstack's to deal with. */
bool
xk_xen_needs_repair(struct xk_hypervisor *hv, const struct xk_record *record)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &record->uuid, &found, NULL) == -1)
        return false;
    if (xk_xen_is_suspended(&found))
        return xk_suspend_is_left(xen, record, found.domid,
                                  xk_deadline_in_ms(XK_XEN_STORE_MS));
    return (found.state == XK_STATE_RUNNING ||
            found.state == XK_STATE_PAUSED) &&
           xk_vbds_need_start(record);
}

/* It suspended after its save or move was given up. It is looked at anew: to
 * serve its disks may have taken a while. */
static int
let_go_on(struct xk_xen *xen, const struct xk_record *record,
          struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen_domain found;

    if (!xk_suspend_may_be_left(record))
        return 0;
    if (xk_xen_find(xen, &record->uuid, &found, err) == -1)
        return -1;
    if (!xk_xen_is_suspended(&found) ||
        !xk_suspend_is_left(xen, record, found.domid, deadline))
        return 0;
    if (xk_xen_helper_simple(xen, "resume", record, found.domid, NULL, deadline,
                             err) == -1)
        return -1;
    xk_suspend_forget(record);
    xk_info("domain %s: it suspended after its save or move was given up, and "
            "goes on",
            record->uuid_text);
    return 0;
}

/* A time that is yet to come is of a clock that was set back since: the guest
 * must not wait until then. */
static bool
is_recent(const struct stat *st)
{
    time_t age = time(NULL) - st->st_mtime;

    return age >= 0 && age < SHORT_LIFE_S;
}

/* A guest that makes them die must not make us work without end: whoever asks
 * for this waits longer after each failure. */
static bool
has_just_started(const struct xk_vbd *vbd)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/lock", vbd->path);
    struct stat st;

    return vbd->json != NULL && !xk_vbd_is_served(vbd) &&
           stat(path, &st) == 0 && is_recent(&st);
}

/* Nobody waits to be told what is lost of it, and it goes in any case. */
static int
remove_left(struct xk_xen *xen, const struct xk_record *record,
            const struct xk_vbd *vbd, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_error why;

    if (xk_vbd_settle(vbd, deadline, &why) == -1)
        xk_warn("domain %s: %s", record->uuid_text, why.message);
    return xk_vbd_remove(xen, record, vbd, deadline, err);
}

/* 1: it is taken away, since its guest has let go of it. */
static int
remove_if_left(struct xk_xen *xen, const struct xk_record *record,
               const struct xk_vbd *vbd, struct xk_deadline deadline,
               struct xk_error *err)
{
    int left;

    if (vbd->json == NULL || !xk_vbd_is_leaving(vbd) || xk_vbd_is_served(vbd))
        return 0;
    left = xk_vbd_has_left(xen, vbd, deadline, err);
    if (left == 1 && remove_left(xen, record, vbd, deadline, err) == -1)
        return -1;
    return left;
}

int
xk_xen_repair(struct xk_hypervisor *hv, const struct xk_record *record,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};

    if (xk_vbds_list(record, &vbds, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        const struct xk_vbd *vbd = &vbds.items[i];
        int gone = remove_if_left(xk_xen(hv), record, vbd, deadline, err);

        if (gone == -1)
            return -1;
        if (gone == 0 && has_just_started(vbd))
            return xk_fail(err, XK_ERR_FAILED,
                           "what serves disk %s ended soon after its start; "
                           "its log in \"%s\" tells why",
                           vbd->vdev, vbd->path);
    }
    if (xk_vbds_start(xk_xen(hv), record, deadline, err) == -1)
        return -1;
    return let_go_on(xk_xen(hv), record, deadline, err);
}

/* ---- libxl's ---- */

static int
list_libxl(struct xk_xen *xen, unsigned domid, struct xk_store_names *names,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domid);
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/device/vbd", libxl);
    struct xk_error missing = {0};

    if (xk_xen_need_store(xen, deadline, err) == -1)
        return -1;
    if (xk_store_list(xen->store, XK_STORE_NO_TX, path, names,
                      xk_xen_store_deadline(deadline), &missing) == 0 ||
        missing.kind == XK_ERR_NOT_FOUND)
        return 0;
    *err = missing;
    return -1;
}

static bool
any_of_libxl(const struct xk_domain_config *config)
{
    for (size_t i = 0; i < config->disk_count; i++) {
        if (!xk_vbd_is_ours(config, &config->disks[i]))
            return true;
    }
    return false;
}

static int
sync_libxl(struct xk_xen *xen, const struct xk_record *record, unsigned domid,
           const struct xk_disk_change *change, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};

    if (list_libxl(xen, domid, &names, deadline, err) == -1)
        return -1;
    if (names.count == 0 && !any_of_libxl(change->config))
        return 0;
    return xk_xen_sync_libxl_disks(xen, record, domid, change, deadline, err);
}

int
xk_xen_sync_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
                  const struct xk_disk_change *change,
                  struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        xk_vbds_change(xen, domain->record, found.domid, change, deadline,
                       err) == -1)
        return -1;
    return sync_libxl(xen, domain->record, found.domid, change, deadline, err);
}

static int
grow_image(const struct xk_vbd *vbd, uint64_t bytes,
           struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *answer =
        xk_vbd_ask(vbd, "{\"query\":\"status\"}", deadline, err);
    int64_t now;

    if (answer == NULL)
        return -1;
    if (!xk_json_integer(xk_json_get(answer, "image_bytes"), &now))
        return xk_fail(err, XK_ERR_PROTOCOL, "xk-backend tells no size");
    if ((uint64_t)now > bytes)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" has %lld bytes; it is not made smaller",
                       vbd->target, (long long)now);
    return xk_vbd_resize(vbd, bytes, deadline, err);
}

int
xk_xen_resize_disk(struct xk_hypervisor *hv, const struct xk_domain *domain,
                   const struct xk_disk *disk, uint64_t bytes,
                   struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};
    XK_CLEANUP_JSON struct xk_json *answer = NULL;
    const struct xk_vbd *vbd;

    (void)hv;
    if (xk_vbds_list(domain->record, &vbds, err) == -1)
        return -1;
    vbd = xk_vbds_find(&vbds, xk_disk_number(disk));
    if (vbd != NULL && xk_vbd_need_known(vbd, err) == -1)
        return -1;
    if (vbd == NULL || vbd->json == NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "disk %s is not served by xk-backend: only its disks "
                       "change their size while a guest runs",
                       disk->vdev);
    if (bytes != 0)
        return grow_image(vbd, bytes, deadline, err);
    answer = xk_vbd_ask(vbd, "{\"resize\":true}", deadline, err);
    return answer == NULL ? -1 : 0;
}

/* ---- told ---- */

static void
take_status(const struct xk_json *answer, struct xk_disk_info *info)
{
    const struct {
        const char *name;
        uint64_t *to;
    } numbers[] = {
        {"image_bytes", &info->bytes},
        {"read_requests", &info->read_requests},
        {"read_bytes", &info->read_bytes},
        {"write_requests", &info->write_requests},
        {"write_bytes", &info->write_bytes},
        {"flush_requests", &info->flush_requests},
        {"discard_requests", &info->discard_requests},
        {"errors", &info->errors},
        {"inflight", &info->inflight},
    };
    const char *state = xk_json_string(xk_json_get(answer, "state"));

    for (size_t i = 0; i < XK_ARRAY_SIZE(numbers); i++)
        *numbers[i].to = xk_json_count(answer, numbers[i].name);
    info->queues = (unsigned)xk_json_count(answer, "queues");
    info->state = state != NULL ? state : "?";
    info->reason = xk_json_string(xk_json_get(answer, "reason"));
    info->known = true;
}

/* Whoever serves it next waits for what the last one began. */
static bool
waits_for_image(const struct xk_vbd *vbd, struct xk_error *why)
{
    XK_CLEANUP_CLOSE int daemon = xk_vbd_open_process(vbd, true);

    return daemon == -1 &&
           xk_vbd_await_image(vbd, xk_deadline_in_ms(0), why) == -1 &&
           why->kind == XK_ERR_IN_USE;
}

static void
tell_ours(const struct xk_vbd *vbd, xk_disk_told *disk, void *context,
          struct xk_deadline deadline)
{
    struct xk_disk_info info = {
        .vdev = vbd->vdev,
        .number = vbd->number,
        .target = vbd->target[0] != '\0' ? vbd->target : NULL,
        .format = vbd->format,
        .backend = "xk",
        .state = "not served",
        .read_only = xk_json_is_true(xk_json_get(vbd->json, "readonly")),
        .cdrom = xk_json_is_true(xk_json_get(vbd->json, "cdrom")),
    };
    struct xk_error why = {0};
    XK_CLEANUP_JSON struct xk_json *answer =
        xk_vbd_ask(vbd, "{\"query\":\"status\"}", deadline, NULL);

    if (answer != NULL)
        take_status(answer, &info);
    else if (waits_for_image(vbd, &why)) {
        info.state = "waiting";
        info.reason = why.message;
    }
    if (xk_vbd_is_leaving(vbd))
        info.state = "leaving";
    disk(&info, context);
}

enum {
    NODE_DEV,
    NODE_TYPE,
    NODE_PARAMS,
    NODE_STATE,
    NODE_MODE,
    NODE_DEVICE_TYPE,
    NODE_COUNT,
};

/* "aio:/path" and "qcow2:/path" name the format first. */
static const char *
after_colon(const char *params)
{
    const char *slash = strchr(params, '/');
    const char *colon = strchr(params, ':');

    return colon != NULL && (slash == NULL || colon < slash) ? colon + 1
                                                             : params;
}

static void
tell_nodes(const struct xk_buf *nodes, unsigned number, xk_disk_told *disk,
           void *context)
{
    const char *texts[NODE_COUNT];
    enum xk_xenbus_state state;
    struct xk_disk_info info = {.number = number};

    for (int i = 0; i < NODE_COUNT; i++)
        texts[i] = nodes[i].data != NULL ? nodes[i].data : "";
    xk_xenbus_state_parse(texts[NODE_STATE], &state);
    info.vdev = texts[NODE_DEV];
    info.target = after_colon(texts[NODE_PARAMS]);
    info.format = "";
    info.backend = texts[NODE_TYPE];
    info.state = xk_xenbus_state_name((int)state);
    info.read_only = strcmp(texts[NODE_MODE], "r") == 0;
    info.cdrom = strcmp(texts[NODE_DEVICE_TYPE], "cdrom") == 0;
    disk(&info, context);
}

static int
tell_libxl(struct xk_xen *xen, unsigned domid, const char *id,
           xk_disk_told *disk, void *context, struct xk_deadline deadline,
           struct xk_error *err)
{
    static const char *const names[NODE_COUNT] = {
        "dev", "type", "params", "state", "mode", "device-type"};
    XK_CLEANUP_FREE char *libxl = xk_path_libxl(domid);
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/device/vbd/%s/backend", libxl, id);
    XK_CLEANUP_BUF struct xk_buf backend = {0};
    struct xk_buf nodes[NODE_COUNT] = {{0}};
    char *paths[NODE_COUNT];
    uint64_t number = 0;
    int r;

    xk_parse_u64(id, UINT32_MAX, &number);
    if (xk_store_read(xen->store, XK_STORE_NO_TX, path, XK_STORE_VALUE_MAX,
                      &backend, xk_xen_store_deadline(deadline), NULL) == -1)
        return 0; /* it went in between */
    for (int i = 0; i < NODE_COUNT; i++)
        paths[i] = xk_asprintf("%s/%s", backend.data, names[i]);
    r = xk_store_read_all(
        xen->store, XK_STORE_NO_TX, (const char *const *)paths, NODE_COUNT,
        XK_STORE_VALUE_MAX, nodes, xk_xen_store_deadline(deadline), err);
    if (r == 0)
        tell_nodes(nodes, (unsigned)number, disk, context);
    for (int i = 0; i < NODE_COUNT; i++) {
        xk_buf_free(&nodes[i]);
        free(paths[i]);
    }
    return r;
}

int
xk_xen_disks(struct xk_hypervisor *hv, const struct xk_domain *domain,
             xk_disk_told *disk, void *context, struct xk_deadline deadline,
             struct xk_error *err)
{
    struct xk_xen *xen = xk_xen(hv);
    XK_CLEANUP_STORE_NAMES struct xk_store_names names = {0};
    XK_CLEANUP_VBDS struct xk_vbds vbds = {0};
    struct xk_xen_domain found;

    if (xk_xen_find(xen, &domain->uuid, &found, err) == -1 ||
        (domain->record != NULL &&
         xk_vbds_list(domain->record, &vbds, err) == -1) ||
        list_libxl(xen, found.domid, &names, deadline, err) == -1)
        return -1;
    for (size_t i = 0; i < vbds.count; i++) {
        if (vbds.items[i].json != NULL)
            tell_ours(&vbds.items[i], disk, context, deadline);
    }
    for (size_t i = 0; i < names.count; i++) {
        if (tell_libxl(xen, found.domid, names.items[i], disk, context,
                       deadline, err) == -1)
            return -1;
    }
    return 0;
}
