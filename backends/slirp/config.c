/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/slirp/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "contracts/user_network.h"

enum {
    FILE_MAX = 256 * 1024,
    NOBODY = 65534,
    MTU_MIN = 576, /* what every IPv4 host takes: RFC 791 */
    MTU_MAX = 65521,
};

/* A number from min to max; where it is missing *number stays as it is. */
static int
take_number(const struct xk_json *object, const char *name, int64_t min,
            int64_t max, uint32_t *number, struct xk_error *err)
{
    const struct xk_json *value = xk_json_get(object, name);
    int64_t found;

    if (value == NULL)
        return 0;
    if (!xk_json_integer(value, &found) || found < min || found > max)
        return xk_fail(err, XK_ERR_CONFIG,
                       "\"%s\" is not a number from %lld to %lld", name,
                       (long long)min, (long long)max);
    *number = (uint32_t)found;
    return 0;
}

static int
take_address(const struct xk_json *object, const char *name, char **address,
             struct xk_error *err)
{
    const struct xk_json *value = xk_json_get(object, name);

    if (value == NULL)
        return 0;
    if (xk_json_string(value) == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not a string", name);
    *address = xk_strdup(xk_json_string(value));
    return 0;
}

static int
take_port(const struct xk_json *object, const char *name, uint16_t *port,
          struct xk_error *err)
{
    uint32_t number = 0;

    if (take_number(object, name, 1, UINT16_MAX, &number, err) == -1)
        return -1;
    if (number == 0)
        return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is missing", name);
    *port = (uint16_t)number;
    return 0;
}

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
    if (take_protocol(object, &forward->is_udp, err) == -1 ||
        take_address(object, XK_FORWARD_HOST_ADDRESS, &forward->host_address,
                     err) == -1 ||
        take_address(object, XK_FORWARD_GUEST_ADDRESS, &forward->guest_address,
                     err) == -1 ||
        take_port(object, XK_FORWARD_HOST_PORT, &forward->host_port, err) == -1)
        return -1;
    return take_port(object, XK_FORWARD_GUEST_PORT, &forward->guest_port, err);
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
take_loopback(const struct xk_json *json, struct xk_slirp_config *config,
              struct xk_error *err)
{
    const struct xk_json *value = xk_json_get(json, XK_NETWORK_HOST_LOOPBACK);

    config->stack.no_host_loopback = xk_json_is_false(value);
    if (value == NULL || xk_json_is_true(value) || xk_json_is_false(value))
        return 0;
    return xk_fail(err, XK_ERR_CONFIG, "\"%s\" is not true or false",
                   XK_NETWORK_HOST_LOOPBACK);
}

static int
take_all(const struct xk_json *json, struct xk_slirp_config *config,
         struct xk_error *err)
{
    if (!xk_json_is_object(json))
        return xk_fail(err, XK_ERR_CONFIG, "not a JSON object");
    if (xk_json_check_version(json, XK_NETWORK_VERSION, err) == -1 ||
        take_number(json, XK_NETWORK_UID, 1, UINT32_MAX - 1, &config->uid,
                    err) == -1 ||
        take_number(json, XK_NETWORK_GID, 1, UINT32_MAX - 1, &config->gid,
                    err) == -1 ||
        take_number(json, XK_NETWORK_MTU, MTU_MIN, MTU_MAX, &config->stack.mtu,
                    err) == -1 ||
        take_loopback(json, config, err) == -1)
        return -1;
    return take_forwards(json, config, err);
}

int
xk_slirp_config_read(int dir_fd, struct xk_slirp_config *config,
                     struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON struct xk_json *json = NULL;

    *config = (struct xk_slirp_config){.uid = NOBODY, .gid = NOBODY};
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
    for (size_t i = 0; i < config->stack.forward_count; i++) {
        free(config->forwards[i].host_address);
        free(config->forwards[i].guest_address);
    }
    free(config->forwards);
    *config = (struct xk_slirp_config){0};
}
