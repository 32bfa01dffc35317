/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/slirp/config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_members.h"
#include "base/mem.h"
#include "base/util.h"
#include "contracts/user_network.h"

enum {
    FILE_MAX = 256 * 1024,
    NOBODY = 65534,
};

#define OF_NETWORK(member) offsetof(struct xk_slirp_config, member)
#define OF_FORWARD(member) offsetof(struct xk_stack_forward, member)

static const struct xk_json_member members[] = {
    {XK_NETWORK_UID, XK_MEMBER_NUMBER, OF_NETWORK(uid), false, 1,
     UINT32_MAX - 1},
    {XK_NETWORK_GID, XK_MEMBER_NUMBER, OF_NETWORK(gid), false, 1,
     UINT32_MAX - 1},
    {XK_NETWORK_MTU, XK_MEMBER_NUMBER, OF_NETWORK(stack.mtu), false,
     XK_NETWORK_MTU_MIN, XK_NETWORK_MTU_MAX},
    {XK_NETWORK_HOST_LOOPBACK, XK_MEMBER_FLAG, OF_NETWORK(stack.host_loopback),
     false, 0, 0},
};

static const struct xk_json_member forward_members[] = {
    {XK_FORWARD_HOST_ADDRESS, XK_MEMBER_TEXT, OF_FORWARD(host_address), false,
     0, 0},
    {XK_FORWARD_GUEST_ADDRESS, XK_MEMBER_TEXT, OF_FORWARD(guest_address), false,
     0, 0},
    {XK_FORWARD_HOST_PORT, XK_MEMBER_NUMBER, OF_FORWARD(host_port), true, 1,
     UINT16_MAX},
    {XK_FORWARD_GUEST_PORT, XK_MEMBER_NUMBER, OF_FORWARD(guest_port), true, 1,
     UINT16_MAX},
};

static int
take_protocol(const struct xk_json *object, bool *is_udp, struct xk_error *err)
{
    const char *word = xk_json_need_string(object, XK_FORWARD_PROTOCOL, err);

    if (word == NULL)
        return -1;
    *is_udp = strcmp(word, "udp") == 0;
    if (!*is_udp && strcmp(word, "tcp") != 0)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is neither tcp nor udp",
                       word);
    return 0;
}

static int
take_forward(const struct xk_json *object, struct xk_stack_forward *forward,
             struct xk_error *err)
{
    if (take_protocol(object, &forward->is_udp, err) == -1)
        return -1;
    return xk_json_take_members(object, forward_members,
                                XK_ARRAY_SIZE(forward_members), forward, err);
}

static int
take_forwards(const struct xk_json *json, struct xk_slirp_config *config,
              struct xk_error *err)
{
    const struct xk_json *list = xk_json_get(json, XK_NETWORK_FORWARDS);
    size_t count = xk_json_length(list);

    if (list != NULL && !xk_json_is_array(list))
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not an array",
                       XK_NETWORK_FORWARDS);
    if (count > XK_SLIRP_FORWARDS_MAX)
        return xk_fail(err, XK_ERR_CONFIG, "more than %d ports are forwarded",
                       XK_SLIRP_FORWARDS_MAX);
    config->forwards = xk_calloc(count + 1, sizeof(*config->forwards));
    config->stack.forwards = config->forwards;
    for (size_t i = 0; i < count; i++) {
        config->stack.forward_count = i + 1;
        if (take_forward(xk_json_at(list, i), &config->forwards[i], err) == -1)
            return xk_wrap(err, "%s %zu", XK_NETWORK_FORWARDS, i + 1);
    }
    return 0;
}

static int
take_all(const struct xk_json *json, struct xk_slirp_config *config,
         struct xk_error *err)
{
    if (!xk_json_is_object(json))
        return xk_fail(err, XK_ERR_CONFIG, "not a JSON object");
    if (xk_json_check_version(json, XK_NETWORK_VERSION, err) == -1 ||
        xk_json_take_members(json, members, XK_ARRAY_SIZE(members), config,
                             err) == -1)
        return -1;
    return take_forwards(json, config, err);
}

int
xk_slirp_config_read(int dir_fd, struct xk_slirp_config *config,
                     struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    *config = (struct xk_slirp_config){
        .uid = NOBODY, .gid = NOBODY, .stack.host_loopback = true};
    if (xk_read_file(dir_fd, XK_NETWORK_FILE, FILE_MAX, &text, err) == -1)
        return -1;
    json = xk_json_parse(text.data != NULL ? text.data : "", text.length,
                         XK_NETWORK_FILE, err);
    if (json == NULL)
        return -1;
    return take_all(json, config, err) == 0
               ? 0
               : xk_wrap(err, "\"%s\"", XK_NETWORK_FILE);
}

void
xk_slirp_config_free(struct xk_slirp_config *config)
{
    for (size_t i = 0; i < config->stack.forward_count; i++)
        xk_json_free_members(forward_members, XK_ARRAY_SIZE(forward_members),
                             &config->forwards[i]);
    free(config->forwards);
    *config = (struct xk_slirp_config){0};
}
