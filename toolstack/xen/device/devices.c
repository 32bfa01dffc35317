/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/device/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "toolstack/xen/device/device_internal.h"

enum {
    JSON_MAX = 64 * 1024,
    SHORT_LIFE_S = 2,
};

#define LEAVING "leaving"
#define GONE "gone-" /* prefix of directories that are being removed */

/* ---- reading ---- */

void
xk_xen_device_clear(struct xk_xen_device *device)
{
    free(device->path);
    free(device->unknown);
    xk_json_cleanup(&device->document);
}

void
xk_xen_devices_free(struct xk_xen_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++)
        xk_xen_device_clear(&devices->items[i]);
    free(devices->items);
    *devices = (struct xk_xen_devices){0};
}

/* The paths are taken even from a file of another version: they are needed to
 * remove the device. */
static const char *
take_path(const struct xk_json *json, const char *name)
{
    const char *path = xk_json_string(xk_json_get(json, name));

    return path != NULL && path[0] == '/' ? path : NULL;
}

static int
take_json(struct xk_xen_device *device, struct xk_error *err)
{
    const struct xk_json *json = device->document;

    device->frontend = take_path(json, XK_DEVICE_FRONTEND);
    device->backend = take_path(json, XK_DEVICE_BACKEND);
    if (xk_json_check_version(json, XK_DEVICE_VERSION, err) == -1)
        return -1;
    if (device->frontend == NULL || device->backend == NULL)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "no paths \"" XK_DEVICE_FRONTEND
                       "\" and \"" XK_DEVICE_BACKEND "\"");
    device->name = xk_json_need_string(json, device->kind->name_member, err);
    if (device->name == NULL)
        return -1;
    return device->kind->check_json(json, err);
}

/* The first process that serves the device creates the lock file before
 * anything else. In doubt assume that one did. */
bool
xk_xen_device_is_new(const struct xk_xen_device *device)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/" XK_DEVICE_LOCK, device->path);

    return access(path, F_OK) == -1 && errno == ENOENT;
}

/* A directory without device.json was left by a process that was killed before
 * it wrote the file. If the device has ever been served, the file is lost. */
static char *
explain_missing(const struct xk_xen_device *device, const char *file)
{
    if (xk_xen_device_is_new(device))
        return NULL;
    return xk_asprintf("\"%s\" is missing: the %s is still served, but its "
                       "domain can only be destroyed",
                       file, device->kind->noun);
}

/* Returns why the file is not understood, or NULL. The file is written
 * atomically, so a file that is not understood comes from another version of
 * xk. */
static char *
read_document(struct xk_xen_device *device)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_FREE char *file =
        xk_asprintf("%s/" XK_DEVICE_FILE, device->path);
    struct xk_error err = {0};

    if (xk_read_file(AT_FDCWD, file, JSON_MAX, &text, &err) == -1)
        return err.errnum == ENOENT ? explain_missing(device, file)
                                    : xk_strdup(err.message);
    device->document = xk_json_parse(text.data, text.length, file, &err);
    if (device->document != NULL && take_json(device, &err) == 0) {
        device->json = device->document;
        return NULL;
    }
    return xk_asprintf("\"%s\": %s", file, err.message);
}

void
xk_xen_device_read(const struct xk_record *record,
                   const struct xk_xen_device_kind *kind, unsigned number,
                   struct xk_xen_device *device)
{
    *device = (struct xk_xen_device){.kind = kind, .number = number};
    device->path = xk_asprintf("%s/%s%u", record->path, kind->prefix, number);
    device->unknown = read_document(device);
    if (device->name == NULL)
        device->name = "?";
}

int
xk_xen_device_need_known(const struct xk_xen_device *device,
                         struct xk_error *err)
{
    if (device->unknown == NULL)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED, "%s %u: %s", device->kind->noun,
                   device->number, device->unknown);
}

/* ---- listing ---- */

static size_t
place_of(const struct xk_xen_device_kind *kind)
{
    size_t i = 0;

    while (xk_xen_device_kinds[i] != kind)
        i++;
    return i;
}

static int
by_kind_and_number(const void *a, const void *b)
{
    const struct xk_xen_device *left = a, *right = b;
    size_t first = place_of(left->kind), second = place_of(right->kind);

    if (first != second)
        return first < second ? -1 : 1;
    return (left->number > right->number) - (left->number < right->number);
}

/* Returns NULL if the name does not belong to a device's directory. */
static const struct xk_xen_device_kind *
kind_of(const char *name, uint64_t *number)
{
    for (size_t i = 0; xk_xen_device_kinds[i] != NULL; i++) {
        const char *prefix = xk_xen_device_kinds[i]->prefix;
        size_t length = strlen(prefix);

        if (strncmp(name, prefix, length) == 0 &&
            xk_parse_u64(name + length, UINT32_MAX, number))
            return xk_xen_device_kinds[i];
    }
    return NULL;
}

static int
fail_list(struct xk_xen_devices *devices, struct xk_error *err)
{
    xk_fail_errno(err, "read the record of the domain");
    xk_xen_devices_free(devices);
    return -1;
}

int
xk_xen_devices_list(const struct xk_record *record,
                    struct xk_xen_devices *devices, struct xk_error *err)
{
    int fd = openat(record->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    XK_CLEANUP_DIR DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t number;

    *devices = (struct xk_xen_devices){0};
    if (dir == NULL)
        return xk_fail_errno(err, "read the record of the domain");
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        const struct xk_xen_device_kind *kind = kind_of(entry->d_name, &number);

        if (kind == NULL)
            continue;
        XK_GROW(devices->items, devices->count);
        xk_xen_device_read(record, kind, (unsigned)number,
                           &devices->items[devices->count++]);
    }
    if (errno != 0)
        return fail_list(devices, err);
    if (devices->count > 1)
        qsort(devices->items, devices->count, sizeof(*devices->items),
              by_kind_and_number);
    return 0;
}

int
xk_xen_devices_list_known(const struct xk_record *record,
                          struct xk_xen_devices *devices, struct xk_error *err)
{
    if (xk_xen_devices_list(record, devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices->count; i++) {
        if (xk_xen_device_need_known(&devices->items[i], err) == -1)
            return -1;
    }
    return 0;
}

const struct xk_xen_device *
xk_xen_devices_find(const struct xk_xen_devices *devices,
                    const struct xk_xen_device_kind *kind, unsigned number)
{
    for (size_t i = 0; i < devices->count; i++) {
        if (devices->items[i].kind == kind &&
            devices->items[i].number == number)
            return &devices->items[i];
    }
    return NULL;
}

/* ---- starting ---- */

int
xk_xen_device_mark_leaving(const struct xk_xen_device *device,
                           struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" LEAVING, device->path);
    XK_CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    return fd == -1 ? xk_fail_errno(err, "make \"%s\"", path) : 0;
}

bool
xk_xen_device_is_leaving(const struct xk_xen_device *device)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" LEAVING, device->path);

    return access(path, F_OK) == 0;
}

bool
xk_xen_devices_need_start(const struct xk_record *record)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    bool need = false;

    if (xk_xen_devices_list(record, &devices, NULL) == -1)
        return false;
    for (size_t i = 0; i < devices.count; i++)
        need = need || (devices.items[i].json != NULL &&
                        !xk_xen_device_is_served(&devices.items[i]));
    return need;
}

int
xk_xen_device_start_new(struct xk_xen *xen, const struct xk_xen_device *device,
                        struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_device_need_nodes(xen, device, deadline, err) == -1 ||
        xk_xen_device_start(device, deadline, err) == -1)
        return xk_wrap(err, "%s %s", device->kind->noun, device->name);
    return 0;
}

/* Returns 1 if the device was started. Checks first whether it is served: a
 * served device may have a device.json that is not understood. */
static int
start(struct xk_xen *xen, const struct xk_xen_device *device,
      struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_device_is_served(device))
        return 0;
    if (xk_xen_device_need_known(device, err) == -1)
        return -1;
    if (device->json == NULL)
        return 0;
    if (xk_xen_device_is_leaving(device)) {
        int left = xk_xen_device_has_left(xen, device, deadline, err);

        if (left != 0)
            return left == 1 ? 0 : -1;
    }
    if (xk_xen_device_is_new(device))
        return xk_xen_device_start_new(xen, device, deadline, err) == -1 ? -1
                                                                         : 1;
    if (xk_xen_device_start(device, deadline, err) == -1)
        return xk_wrap(err, "%s %s", device->kind->noun, device->name);
    return 1;
}

int
xk_xen_devices_start(struct xk_xen *xen, const struct xk_record *record,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};
    int r = 0;

    if (xk_xen_devices_list(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];
        int started = start(xen, device, deadline, err);

        if (started == -1)
            r = -1;
        if (started == 1)
            xk_info("domain %s: %s %s is served again", record->uuid_text,
                    device->kind->noun, device->name);
    }
    return r;
}

/* ---- repairing ---- */

/* A time in the future means that the clock was set back: the guest must not
 * wait until then. */
static bool
is_recent(const struct stat *st)
{
    time_t age = time(NULL) - st->st_mtime;

    return age >= 0 && age < SHORT_LIFE_S;
}

/* A guest that crashes xk-backend must not keep us busy for ever: the caller of
 * a repair waits longer after each failure. */
static bool
has_just_started(const struct xk_xen_device *device)
{
    XK_CLEANUP_FREE char *path =
        xk_asprintf("%s/" XK_DEVICE_LOCK, device->path);
    struct stat st;

    return device->json != NULL && !xk_xen_device_is_served(device) &&
           stat(path, &st) == 0 && is_recent(&st);
}

/* Remove the device even if data of it is lost: no caller waits to be told, so
 * the loss is only logged. */
static int
remove_left(struct xk_xen *xen, const struct xk_record *record,
            const struct xk_xen_device *device, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct xk_error why;

    if (xk_xen_device_settle(device, deadline, &why) == -1)
        xk_warn("domain %s: %s", record->uuid_text, why.message);
    return xk_xen_device_remove(xen, record, device, deadline, err);
}

/* Returns 1 if the device was removed because its guest has released it. */
static int
remove_if_left(struct xk_xen *xen, const struct xk_record *record,
               const struct xk_xen_device *device, struct xk_deadline deadline,
               struct xk_error *err)
{
    int left;

    if (device->json == NULL || !xk_xen_device_is_leaving(device) ||
        xk_xen_device_is_served(device))
        return 0;
    left = xk_xen_device_has_left(xen, device, deadline, err);
    if (left == 1 && remove_left(xen, record, device, deadline, err) == -1)
        return -1;
    return left;
}

int
xk_xen_devices_repair(struct xk_xen *xen, const struct xk_record *record,
                      struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (xk_xen_devices_list(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];
        int gone = remove_if_left(xen, record, device, deadline, err);

        if (gone == -1)
            return -1;
        if (gone == 0 && has_just_started(device))
            return xk_fail(err, XK_ERR_FAILED,
                           "the process that serves %s %s ended soon after its "
                           "start; its log in \"%s\" says why",
                           device->kind->noun, device->name, device->path);
    }
    return xk_xen_devices_start(xen, record, deadline, err);
}

/* ---- stopping ---- */

/* Fails if the guest must not be saved with the device. If the last xk-backend
 * was killed, start another: it finds out what its predecessor had in flight.
 */
static int
check_whole(const struct xk_xen_device *device, struct xk_deadline deadline,
            struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *status = NULL;

    if (device->kind->check_whole == NULL)
        return 0;
    if (device->json != NULL && !xk_xen_device_is_leaving(device) &&
        !xk_xen_device_is_served(device) &&
        xk_xen_device_start(device, deadline, err) == -1)
        return -1;
    status = xk_xen_device_ask(device, XK_DEVICE_ASK_STATUS, deadline, NULL);
    return device->kind->check_whole(device, status, err);
}

int
xk_xen_devices_stop(const struct xk_record *record, struct xk_deadline deadline,
                    struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (xk_xen_devices_list_known(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        if (check_whole(&devices.items[i], deadline, err) == -1)
            return -1;
    }
    for (size_t i = 0; i < devices.count; i++)
        xk_xen_device_begin_stop(&devices.items[i]);
    for (size_t i = 0; i < devices.count; i++) {
        if (xk_xen_device_stop(&devices.items[i], deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_devices_flush(const struct xk_record *record,
                     struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (xk_xen_devices_list_known(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++) {
        const struct xk_xen_device *device = &devices.items[i];
        const struct xk_xen_device_side *side = device->kind->side;

        if (device->json != NULL && side != NULL && side->flush != NULL &&
            side->flush(device, deadline, err) == -1)
            return -1;
    }
    return 0;
}

int
xk_xen_device_settle(const struct xk_xen_device *device,
                     struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_xen_device_side *side = device->kind->side;

    return side != NULL && side->settle != NULL
               ? side->settle(device, deadline, err)
               : 0;
}

/* ---- removing ---- */

/* The rename removes the device in one step, wherever we are killed. Remains of
 * such a kill are removed first. Devices of two kinds can have the same number,
 * so the new name contains the kind. */
static int
remove_directory(const struct xk_record *record,
                 const struct xk_xen_device *device, struct xk_error *err)
{
    const char *name = strrchr(device->path, '/') + 1;
    XK_CLEANUP_FREE char *gone = xk_asprintf(GONE "%s", name);

    if (xk_remove_tree(record->dir_fd, gone, err) == -1)
        return -1;
    if (renameat(record->dir_fd, name, record->dir_fd, gone) == -1)
        return errno == ENOENT
                   ? 0
                   : xk_fail_errno(err, "remove \"%s\"", device->path);
    return xk_remove_tree(record->dir_fd, gone, err);
}

static void
unplug(const struct xk_record *record, const struct xk_xen_device *device,
       struct xk_deadline deadline)
{
    struct xk_error why;

    if (device->json != NULL && device->kind->unplug != NULL &&
        device->kind->unplug(device, deadline, &why) == -1)
        xk_warn("domain %s: %s %s: %s", record->uuid_text, device->kind->noun,
                device->name, why.message);
}

int
xk_xen_device_remove(struct xk_xen *xen, const struct xk_record *record,
                     const struct xk_xen_device *device,
                     struct xk_deadline deadline, struct xk_error *err)
{
    if (xk_xen_device_abandon(device, deadline, err) == -1)
        return -1;
    unplug(record, device, deadline);
    if ((device->frontend != NULL && device->backend != NULL &&
         xk_xen_device_remove_nodes(xen, device, deadline, err) == -1))
        return -1;
    return remove_directory(record, device, err);
}

int
xk_xen_devices_remove(struct xk_xen *xen, const struct xk_record *record,
                      struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_XEN_DEVICES struct xk_xen_devices devices = {0};

    if (xk_xen_devices_list(record, &devices, err) == -1)
        return -1;
    for (size_t i = 0; i < devices.count; i++)
        xk_xen_device_begin_stop(&devices.items[i]);
    for (size_t i = 0; i < devices.count; i++) {
        if (xk_xen_device_remove(xen, record, &devices.items[i], deadline,
                                 err) == -1)
            return -1;
    }
    return 0;
}
