/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/block/config.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"
#include "contracts/disk.h"

static const char *const engines[] = {
    [XK_ENGINE_FILE] = XK_DISK_ENGINE_FILE,
    [XK_ENGINE_NBD] = XK_DISK_ENGINE_NBD,
    [XK_ENGINE_NULL] = XK_DISK_ENGINE_NULL,
};
static_assert(XK_ARRAY_SIZE(engines) == XK_ENGINE_COUNT, "one name per engine");

#define TEXT(json, member, required)                                           \
    {                                                                          \
        json, XK_MEMBER_TEXT, offsetof(struct xk_block_config, member),        \
            required, 0, 0                                                     \
    }
#define NUMBER(json, member, max)                                              \
    {                                                                          \
        json, XK_MEMBER_NUMBER, offsetof(struct xk_block_config, member),      \
            false, 0, max                                                      \
    }
#define FLAG(json, member)                                                     \
    {                                                                          \
        json, XK_MEMBER_FLAG, offsetof(struct xk_block_config, member), false, \
            0, 0                                                               \
    }

static const struct xk_json_member members[] = {
    TEXT(XK_DISK_VDEV, vdev, true),
    TEXT(XK_DISK_TARGET, target, true),
    TEXT(XK_DISK_SOCKET, socket, false),
    NUMBER(XK_DISK_QUEUES, queues, XK_DEVICE_WORKERS_MAX),
    NUMBER(XK_DISK_POLL_US, poll_us, 1000),
    FLAG(XK_DISK_READ_ONLY, read_only),
    FLAG(XK_DISK_CDROM, cdrom),
    FLAG(XK_DISK_DISCARD, discard),
    FLAG(XK_DISK_DIRECT, direct),
};

static int
take_engine_name(struct xk_block_config *config, const char *name,
                 struct xk_error *err)
{
    for (size_t i = 0; name != NULL && i < XK_ENGINE_COUNT; i++) {
        if (strcmp(name, engines[i]) == 0) {
            config->engine = (enum xk_block_engine)i;
            return 0;
        }
    }
    return xk_fail(err, XK_ERR_CONFIG,
                   "\"%s\" is not \"file\", \"nbd\" or \"null\"",
                   XK_DISK_ENGINE);
}

static int
take_engine(void *context, const struct xk_json *json, struct xk_error *err)
{
    struct xk_block_config *config = (struct xk_block_config *)context;
    int64_t bytes = 0;

    if (take_engine_name(config,
                         xk_json_string(xk_json_get(json, XK_DISK_ENGINE)),
                         err) == -1)
        return -1;
    if (config->engine == XK_ENGINE_NBD && config->socket == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is missing", XK_DISK_SOCKET);
    if (config->engine == XK_ENGINE_NULL &&
        (!xk_json_integer(xk_json_get(json, XK_DISK_SIZE), &bytes) ||
         bytes <= 0))
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is not a number of bytes above 0", XK_DISK_SIZE);
    config->null_bytes = (uint64_t)bytes;
    return 0;
}

int
xk_block_config_read(const char *dir, struct xk_block_config *config,
                     struct xk_error *err)
{
    *config = (struct xk_block_config){0};
    return xk_device_config_read(dir, config, members, XK_ARRAY_SIZE(members),
                                 take_engine, err);
}

void
xk_block_config_free(struct xk_block_config *config)
{
    xk_device_config_free(config, members, XK_ARRAY_SIZE(members));
    *config = (struct xk_block_config){0};
}
