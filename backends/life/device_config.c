/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/life/device_config.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "contracts/device.h"

enum {
    FILE_MAX = 64 * 1024,
    NOBODY = 65534,
    FIRST_RESERVED_DOMID = 0x7ff0,
};

#define AT(member) offsetof(struct xk_device_config, member)

static const struct xk_json_member of_all[] = {
    {XK_DEVICE_FRONTEND, XK_MEMBER_TEXT, AT(frontend), true, 0, 0},
    {XK_DEVICE_BACKEND, XK_MEMBER_TEXT, AT(backend), true, 0, 0},
    {XK_DEVICE_DOMID, XK_MEMBER_NUMBER, AT(domid), true, 0,
     FIRST_RESERVED_DOMID - 1},
    {XK_DEVICE_DEVID, XK_MEMBER_NUMBER, AT(devid), true, 0, UINT32_MAX},
    {XK_DEVICE_UID, XK_MEMBER_NUMBER, AT(uid), false, 0, UINT32_MAX - 1},
    {XK_DEVICE_GID, XK_MEMBER_NUMBER, AT(gid), false, 0, UINT32_MAX - 1},
};

static int
take_all(void *config, const struct xk_json *json,
         const struct xk_json_member *members, size_t count,
         struct xk_error *err)
{
    if (!xk_json_is_object(json))
        return xk_fail(err, XK_ERR_CONFIG, "not a JSON object");
    if (xk_json_check_version(json, XK_DEVICE_VERSION, err) == -1 ||
        xk_json_take_members(json, members, count, config, err) == -1)
        return -1;
    return xk_json_take_members(json, of_all, XK_ARRAY_SIZE(of_all), config,
                                err);
}

int
xk_device_config_read(const char *dir, void *config,
                      const struct xk_json_member *members, size_t count,
                      int (*take)(void *config, const struct xk_json *json,
                                  struct xk_error *err),
                      struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/" XK_DEVICE_FILE, dir);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    struct xk_device_config *common = (struct xk_device_config *)config;

    common->uid = common->gid = NOBODY;
    if (xk_read_file(AT_FDCWD, path, FILE_MAX, &text, err) == -1)
        return -1;
    json = xk_json_parse(text.data != NULL ? text.data : "", text.length, path,
                         err);
    if (json == NULL)
        return -1;
    if (take_all(config, json, members, count, err) == 0 &&
        take(config, json, err) == 0)
        return 0;
    xk_device_config_free(config, members, count);
    return xk_wrap(err, "\"%s\"", path);
}

void
xk_device_config_free(void *config, const struct xk_json_member *members,
                      size_t count)
{
    xk_json_free_members(of_all, XK_ARRAY_SIZE(of_all), config);
    xk_json_free_members(members, count, config);
}
