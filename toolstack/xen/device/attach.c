/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Make the devices of a configuration and serve them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "toolstack/xen/device/device_internal.h"
#include "xenstore-helpers/paths.h"

enum {
    OUR_DOMID = 0 /* xk-backend runs in dom0 */
};

/* ---- before anything is made ---- */

static size_t
count_ours(const struct xk_xen_device_kind *kind,
           const struct xk_domain_config *config)
{
    size_t ours = 0;

    for (size_t i = 0; i < kind->count(config); i++) {
        if (kind->is_ours(config, i))
            ours++;
    }
    return ours;
}

size_t
xk_xen_devices_count_ours(const struct xk_domain_config *config)
{
    size_t ours = 0;

    for (size_t i = 0; xk_xen_device_kinds[i] != NULL; i++)
        ours += count_ours(xk_xen_device_kinds[i], config);
    return ours;
}

static int
check_kind(const struct xk_xen_device_kind *kind, const struct xk_state *state,
           const struct xk_domain_config *config, bool shared,
           struct xk_problems *problems, struct xk_error *err)
{
    for (size_t i = 0; i < kind->count(config); i++) {
        if (kind->is_ours(config, i) &&
            kind->check(state, config, i, shared, problems, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_devices_check(const struct xk_state *state,
                     const struct xk_domain_config *config, bool shared,
                     struct xk_problems *problems, struct xk_error *err)
{
    for (size_t i = 0; xk_xen_device_kinds[i] != NULL; i++) {
        if (check_kind(xk_xen_device_kinds[i], state, config, shared, problems,
                       err) == -1)
            return -1;
    }
    return 0;
}

/* ---- making ---- */

static void
put_device(const struct xk_xen_device *device,
           const struct xk_xen_device_wish *wish, struct xk_buf *text)
{
    const struct xk_xen_device_kind *kind = wish->kind;
    int64_t uid = XK_XEN_DEVICE_FIRST_UID + (int64_t)wish->domid;
    XK_CLEANUP_FREE char *front =
        xk_path_frontend(wish->domid, kind->front, device->number);
    XK_CLEANUP_FREE char *back =
        xk_path_backend(OUR_DOMID, kind->back, wish->domid, device->number);
    XK_CLEANUP_FREE char *name = kind->config_name(wish->config, wish->index);
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, XK_DEVICE_VERSION);
    xk_json_put_integer(writer, XK_DEVICE_DOMID, wish->domid);
    xk_json_put_integer(writer, XK_DEVICE_DEVID, device->number);
    xk_json_put_integer(writer, XK_DEVICE_UID, uid);
    xk_json_put_integer(writer, XK_DEVICE_GID, uid);
    xk_json_put_string(writer, kind->name_member, name);
    xk_json_put_string(writer, XK_DEVICE_FRONTEND, front);
    xk_json_put_string(writer, XK_DEVICE_BACKEND, back);
    kind->put(device, wish->config, wish->index, writer);
    xk_json_close_object(writer);
}

static int
check_uid(const struct xk_xen_device_wish *wish, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    unsigned uid = XK_XEN_DEVICE_FIRST_UID + wish->domid;

    if (etc == -1)
        return xk_fail_errno(err, "open \"/etc\"");
    if (xk_uid_check_nobodys(etc, uid, err) == -1)
        return xk_fail(err, XK_ERR_HOST,
                       "user %u is reserved for the devices of domain %u: %s",
                       uid, wish->domid, err->message);
    return 0;
}

/* Write the file atomically: a directory has all of it or nothing. */
static int
write_device(const struct xk_xen_device *device,
             const struct xk_xen_device_wish *wish, int dir_fd,
             struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    put_device(device, wish, &text);
    return xk_write_file(dir_fd, XK_DEVICE_FILE, text.data, text.length, false,
                         err);
}

/* The caller must clear *device, also after a failure. */
static int
make_directory(const struct xk_record *record,
               const struct xk_xen_device_wish *wish,
               struct xk_xen_device *device, struct xk_error *err)
{
    const struct xk_xen_device_kind *kind = wish->kind;
    unsigned number = kind->number(wish->config, wish->index);
    XK_CLEANUP_FREE char *name = kind->config_name(wish->config, wish->index);
    XK_CLEANUP_CLOSE int fd = -1;

    *device = (struct xk_xen_device){.kind = kind, .number = number};
    device->path = xk_asprintf("%s/%s%u", record->path, kind->prefix, number);
    if (check_uid(wish, err) == -1)
        return -1;
    if (mkdir(device->path, 0700) == -1)
        return errno == EEXIST
                   ? xk_fail(err, XK_ERR_EXISTS, "there is a %s %s already",
                             kind->noun, name)
                   : xk_fail_errno(err, "make \"%s\"", device->path);
    fd = open(device->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", device->path);
    if (write_device(device, wish, fd, err) == -1)
        return -1;
    xk_xen_device_clear(device);
    xk_xen_device_read(record, kind, number, device);
    if (device->json != NULL)
        return 0;
    return xk_fail(err, XK_ERR_FAILED, "\"%s\" cannot be read back",
                   device->path);
}

int
xk_xen_device_attach(struct xk_xen *xen, const struct xk_record *record,
                     const struct xk_xen_device_wish *wish,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *name =
        wish->kind->config_name(wish->config, wish->index);
    struct xk_xen_device device;
    int r = make_directory(record, wish, &device, err);

    if (r == 0)
        r = xk_xen_device_make_nodes(xen, &device, wish->domid, deadline, err);
    if (r == 0)
        r = xk_xen_device_start(&device, deadline, err);
    xk_xen_device_clear(&device);
    if (r == 0)
        return 0;
    return xk_wrap(err, "%s %s", wish->kind->noun, name);
}

/* The uid follows from the domid, which is unique on the host. A process that
 * runs as this uid before the first device of any kind exists is left over from
 * an earlier domain with the same domid, or is not ours. */
static int
check_processes(const struct xk_record *record, unsigned domid,
                struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    unsigned uid = XK_XEN_DEVICE_FIRST_UID + domid;

    if (xk_xen_devices_list(record, &devices, err) == -1)
        return -1;
    if (devices.count > 0 || !xk_uid_has_process(uid))
        return 0;
    return xk_fail(
        err, XK_ERR_HOST,
        "user %u is reserved for the devices of domain %u, and a process "
        "runs as that user already",
        uid, domid);
}

static int
attach_kind(struct xk_xen *xen, const struct xk_record *record,
            struct xk_xen_device_wish *wish, struct xk_deadline deadline,
            struct xk_error *err)
{
    const struct xk_xen_device_kind *kind = wish->kind;

    for (wish->index = 0; wish->index < kind->count(wish->config);
         wish->index++) {
        if (kind->is_ours(wish->config, wish->index) &&
            xk_xen_device_attach(xen, record, wish, deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_devices_attach(struct xk_xen *xen, const struct xk_record *record,
                      unsigned domid, const struct xk_domain_config *config,
                      struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_devices_count_ours(config) == 0)
        return 0;
    if (check_processes(record, domid, err) == -1)
        return -1;
    for (size_t i = 0; xk_xen_device_kinds[i] != NULL; i++) {
        struct xk_xen_device_wish wish = {
            .kind = xk_xen_device_kinds[i],
            .domid = domid,
            .config = config,
        };

        if (attach_kind(xen, record, &wish, deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_device_change(const struct xk_record *record,
                     const struct xk_xen_device *device,
                     const struct xk_xen_device_wish *wish,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        open(device->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct xk_xen_device changed;
    int r;

    if (fd == -1)
        return xk_fail_errno(err, "open \"%s\"", device->path);
    if (xk_xen_device_stop(device, deadline, err) == -1 ||
        write_device(device, wish, fd, err) == -1)
        return -1;
    xk_xen_device_read(record, device->kind, device->number, &changed);
    r = xk_xen_device_start(&changed, deadline, err);
    xk_xen_device_clear(&changed);
    return r;
}
