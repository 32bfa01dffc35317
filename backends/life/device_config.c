/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/life/device_config.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>

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

static const struct xk_device_member of_all[] = {
    {XK_DEVICE_FRONTEND, XK_MEMBER_TEXT, AT(frontend), true, 0},
    {XK_DEVICE_BACKEND, XK_MEMBER_TEXT, AT(backend), true, 0},
    {XK_DEVICE_DOMID, XK_MEMBER_NUMBER, AT(domid), true,
     FIRST_RESERVED_DOMID - 1},
    {XK_DEVICE_DEVID, XK_MEMBER_NUMBER, AT(devid), true, UINT32_MAX},
    {XK_DEVICE_UID, XK_MEMBER_NUMBER, AT(uid), false, UINT32_MAX - 1},
    {XK_DEVICE_GID, XK_MEMBER_NUMBER, AT(gid), false, UINT32_MAX - 1},
};

static int
take_text(const struct xk_device_member *member, const struct xk_json *value,
          void *to, struct xk_error *err)
{
    const char *text = xk_json_string(value);

    if (text == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a string",
                       member->name);
    *(char **)to = xk_strdup(text);
    return 0;
}

static int
take_number(const struct xk_device_member *member, const struct xk_json *value,
            void *to, struct xk_error *err)
{
    int64_t number;

    if (!xk_json_integer(value, &number) || number < 0 || number > member->max)
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is not a number from 0 to %u", member->name,
                       member->max);
    *(uint32_t *)to = (uint32_t)number;
    return 0;
}

static int
take_flag(const struct xk_device_member *member, const struct xk_json *value,
          void *to, struct xk_error *err)
{
    if (!xk_json_is_true(value) && !xk_json_is_false(value))
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not true or false",
                       member->name);
    *(bool *)to = xk_json_is_true(value);
    return 0;
}

static int (*const take_by[])(const struct xk_device_member *member,
                              const struct xk_json *value, void *to,
                              struct xk_error *err) = {
    [XK_MEMBER_TEXT] = take_text,
    [XK_MEMBER_NUMBER] = take_number,
    [XK_MEMBER_FLAG] = take_flag,
};
static_assert(XK_ARRAY_SIZE(take_by) == XK_MEMBER_FLAG + 1,
              "one call per type");

static int
take_members(void *config, const struct xk_json *json,
             const struct xk_device_member *members, size_t count,
             struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct xk_json *value = xk_json_get(json, members[i].name);

        if (value == NULL && !members[i].required)
            continue;
        if (take_by[members[i].type](&members[i], value,
                                     (char *)config + members[i].at, err) == -1)
            return -1;
    }
    return 0;
}

static int
take_all(void *config, const struct xk_json *json,
         const struct xk_device_member *members, size_t count,
         struct xk_error *err)
{
    if (!xk_json_is_object(json))
        return xk_fail(err, XK_ERR_CONFIG, "not a JSON object");
    if (xk_json_check_version(json, XK_DEVICE_VERSION, err) == -1 ||
        take_members(config, json, members, count, err) == -1)
        return -1;
    return take_members(config, json, of_all, XK_ARRAY_SIZE(of_all), err);
}

int
xk_device_config_read(const char *dir, void *config,
                      const struct xk_device_member *members, size_t count,
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

static void
free_texts(void *config, const struct xk_device_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char **text = (char **)((char *)config + members[i].at);

        if (members[i].type != XK_MEMBER_TEXT)
            continue;
        free(*text);
        *text = NULL;
    }
}

void
xk_device_config_free(void *config, const struct xk_device_member *members,
                      size_t count)
{
    free_texts(config, of_all, XK_ARRAY_SIZE(of_all));
    free_texts(config, members, count);
}
