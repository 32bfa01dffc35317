/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/config.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    DEVICE_VERSION = 1,
    FILE_MAX = 64 * 1024,
    NOBODY = 65534,
    FIRST_RESERVED_DOMID = 0x7ff0,
};

static const char *const engines[XK_ENGINE_COUNT] = {
    [XK_ENGINE_FILE] = "file",
    [XK_ENGINE_NBD] = "nbd",
    [XK_ENGINE_NULL] = "null",
};

#define AT(member) offsetof(struct xk_backend_config, member)

static const struct {
    const char *name;
    size_t at;
    bool required;
} texts[] = {
    {"vdev", AT(vdev), true},       {"frontend", AT(frontend), true},
    {"backend", AT(backend), true}, {"target", AT(target), true},
    {"socket", AT(socket), false},
};

static const struct {
    const char *name;
    size_t at;
    bool required;
    uint32_t max;
} numbers[] = {
    {"domid", AT(domid), true, FIRST_RESERVED_DOMID - 1},
    {"devid", AT(devid), true, UINT32_MAX},
    {"queues", AT(queues), false, 16},
    {"poll_us", AT(poll_us), false, 1000},
    {"uid", AT(uid), false, UINT32_MAX - 1},
    {"gid", AT(gid), false, UINT32_MAX - 1},
};

static const struct {
    const char *name;
    size_t at;
} flags[] = {
    {"readonly", AT(read_only)},
    {"cdrom", AT(cdrom)},
    {"discard", AT(discard)},
    {"direct", AT(direct)},
};

static void *
member(struct xk_backend_config *config, size_t at)
{
    return (char *)config + at;
}

static int
read_texts(const struct xk_json *json, struct xk_backend_config *config,
           struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        const struct xk_json *value = xk_json_get(json, texts[i].name);
        const char *text = xk_json_string(value);

        if (text == NULL && (value != NULL || texts[i].required))
            return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a string",
                           texts[i].name);
        if (text != NULL)
            *(char **)member(config, texts[i].at) = xk_strdup(text);
    }
    return 0;
}

static int
read_numbers(const struct xk_json *json, struct xk_backend_config *config,
             struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(numbers); i++) {
        const struct xk_json *value = xk_json_get(json, numbers[i].name);
        int64_t number;

        if (value == NULL && !numbers[i].required)
            continue;
        if (!xk_json_integer(value, &number) || number < 0 ||
            number > numbers[i].max)
            return xk_fail(err, XK_ERR_CONFIG,
                           "\"%s\" is not a number from 0 to %u",
                           numbers[i].name, numbers[i].max);
        *(uint32_t *)member(config, numbers[i].at) = (uint32_t)number;
    }
    return 0;
}

static int
read_flags(const struct xk_json *json, struct xk_backend_config *config,
           struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(flags); i++) {
        const struct xk_json *value = xk_json_get(json, flags[i].name);

        if (value != NULL && !xk_json_is_true(value) &&
            !xk_json_is_false(value))
            return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not true or false",
                           flags[i].name);
        *(bool *)member(config, flags[i].at) = xk_json_is_true(value);
    }
    return 0;
}

static int
read_engine(const struct xk_json *json, struct xk_backend_config *config,
            struct xk_error *err)
{
    const char *name = xk_json_string(xk_json_get(json, "engine"));
    int64_t bytes = 0;

    for (size_t i = 0; i < XK_ENGINE_COUNT; i++) {
        if (name != NULL && strcmp(name, engines[i]) == 0) {
            config->engine = (enum xk_backend_engine)i;
            name = NULL;
            break;
        }
        if (name == NULL || i + 1 == XK_ENGINE_COUNT)
            return xk_fail(err, XK_ERR_CONFIG,
                           "\"engine\" is not \"file\", \"nbd\" or \"null\"");
    }
    if (config->engine == XK_ENGINE_NBD && config->socket == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "\"socket\" is missing");
    if (config->engine == XK_ENGINE_NULL &&
        (!xk_json_integer(xk_json_get(json, "size"), &bytes) || bytes <= 0))
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"size\" is not a number of bytes above 0");
    config->null_bytes = (uint64_t)bytes;
    return 0;
}

static int
read_all(const struct xk_json *json, struct xk_backend_config *config,
         struct xk_error *err)
{
    if (!xk_json_is_object(json))
        return xk_fail(err, XK_ERR_CONFIG, "not a JSON object");
    if (xk_json_check_version(json, DEVICE_VERSION, err) == -1 ||
        read_texts(json, config, err) == -1 ||
        read_numbers(json, config, err) == -1 ||
        read_flags(json, config, err) == -1)
        return -1;
    return read_engine(json, config, err);
}

int
xk_backend_config_read(const char *dir, struct xk_backend_config *config,
                       struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/device.json", dir);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    *config = (struct xk_backend_config){.uid = NOBODY, .gid = NOBODY};
    if (xk_read_file(AT_FDCWD, path, FILE_MAX, &text, err) == -1)
        return -1;
    json = xk_json_parse(text.data != NULL ? text.data : "", text.length, path,
                         err);
    if (json == NULL)
        return -1;
    if (read_all(json, config, err) == 0)
        return 0;
    xk_backend_config_free(config);
    return xk_wrap(err, "\"%s\"", path);
}

void
xk_backend_config_free(struct xk_backend_config *config)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++)
        free(*(char **)member(config, texts[i].at));
    memset(config, 0, sizeof(*config));
}
