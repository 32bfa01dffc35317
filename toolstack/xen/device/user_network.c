/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/device/user_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"
#include "contracts/net.h"
#include "contracts/user_network.h"
#include "toolstack/program.h"
#include "toolstack/xen/device/device_internal.h"

#define PROGRAM "xk-slirp"
#define LOG "network.log"

static const struct xk_xen_device_process slirp = {XK_NETWORK_PROCESS,
                                                   XK_NETWORK_LOCK};

/* ---- in a configuration ---- */

static void
check_address(const struct xk_vif *vif, const char *address,
              struct xk_problems *problems)
{
    struct in_addr parsed;

    if (address[0] != '\0' && inet_pton(AF_INET, address, &parsed) != 1)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &vif->where,
                       "hostfwd: \"%s\" is not an IPv4 address", address);
}

void
xk_user_network_check(const struct xk_vif *vif, struct xk_problems *problems)
{
    struct xk_error err;
    XK_CLEANUP_FREE char *program = xk_program_find(PROGRAM, &err);

    if (program == NULL)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &vif->where, "type=user: %s",
                       err.message);
    if (vif->mtu != 0 &&
        (vif->mtu < XK_NETWORK_MTU_MIN || vif->mtu > XK_NETWORK_MTU_MAX))
        xk_problem_add(problems, XK_PROBLEM_ERROR, &vif->where,
                       "mtu with type=user is a number from %d to %d",
                       XK_NETWORK_MTU_MIN, XK_NETWORK_MTU_MAX);
    for (size_t i = 0; i < vif->hostfwd_count; i++) {
        check_address(vif, vif->hostfwd[i].host_address, problems);
        check_address(vif, vif->hostfwd[i].guest_address, problems);
    }
}

/* ---- in device.json ---- */

static void
put_address(struct xk_json_writer *writer, const char *name,
            const char *address)
{
    if (address[0] != '\0')
        xk_json_put_string(writer, name, address);
}

static void
put_forward(struct xk_json_writer *writer, const struct xk_hostfwd *forward)
{
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, XK_FORWARD_PROTOCOL,
                       forward->udp ? "udp" : "tcp");
    put_address(writer, XK_FORWARD_HOST_ADDRESS, forward->host_address);
    xk_json_put_integer(writer, XK_FORWARD_HOST_PORT, forward->host_port);
    put_address(writer, XK_FORWARD_GUEST_ADDRESS, forward->guest_address);
    xk_json_put_integer(writer, XK_FORWARD_GUEST_PORT, forward->guest_port);
    xk_json_close_object(writer);
}

void
xk_user_network_put(const struct xk_vif *vif, struct xk_json_writer *writer)
{
    xk_json_open_object(writer, XK_NET_NETWORK);
    if (vif->mtu != 0)
        xk_json_put_integer(writer, XK_NETWORK_MTU, vif->mtu);
    xk_json_put_bool(writer, XK_NETWORK_HOST_LOOPBACK, !vif->no_host_loopback);
    xk_json_open_array(writer, XK_NETWORK_FORWARDS);
    for (size_t i = 0; i < vif->hostfwd_count; i++)
        put_forward(writer, &vif->hostfwd[i]);
    xk_json_close_array(writer);
    xk_json_close_object(writer);
}

/* NULL: the card has a TAP. */
static const struct xk_json *
network_of(const struct xk_xen_device *device)
{
    return xk_json_get(device->json, XK_NET_NETWORK);
}

/* ---- its process ---- */

static bool
is_there(const struct xk_xen_device *device)
{
    return network_of(device) == NULL ||
           xk_xen_device_process_lives(device, &slirp);
}

static int
open_slirp(const struct xk_xen_device *device)
{
    return network_of(device) == NULL
               ? -1
               : xk_xen_device_open_process(device, &slirp);
}

static void
copy_member(struct xk_json_writer *writer, const struct xk_json *from,
            const char *name, const char *as)
{
    const struct xk_json *value = xk_json_get(from, name);

    if (value != NULL)
        xk_json_put_value(writer, as, value);
}

static void
describe(const struct xk_xen_device *device, struct xk_buf *text)
{
    static const char *const members[] = {
        XK_NETWORK_MTU, XK_NETWORK_HOST_LOOPBACK, XK_NETWORK_FORWARDS};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, XK_JSON_VERSION, XK_NETWORK_VERSION);
    copy_member(writer, device->json, XK_DEVICE_UID, XK_NETWORK_UID);
    copy_member(writer, device->json, XK_DEVICE_GID, XK_NETWORK_GID);
    for (size_t i = 0; i < XK_ARRAY_SIZE(members); i++)
        copy_member(writer, network_of(device), members[i], members[i]);
    xk_json_close_object(writer);
}

static int
write_description(const struct xk_xen_device *device, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_CLOSE int dir =
        open(device->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir == -1)
        return xk_fail_errno(err, "open \"%s\"", device->path);
    describe(device, &text);
    return xk_write_file(dir, XK_NETWORK_FILE, text.data, text.length, false,
                         err);
}

/* Also of a device whose device.json is not understood. */
static int
end(const struct xk_xen_device *device, struct xk_deadline deadline,
    struct xk_error *err)
{
    return xk_xen_device_end_process(device, &slirp, false, deadline, err);
}

/* A process that lives without being able to serve is in the way of the next
 * one. */
static int
start(const struct xk_xen_device *device, struct xk_deadline deadline,
      struct xk_error *err)
{
    static const struct xk_xen_device_program program = {.name = PROGRAM,
                                                         .log = LOG};

    if (end(device, deadline, err) == -1 ||
        write_description(device, err) == -1)
        return -1;
    return xk_xen_device_run(device, &program, deadline, err);
}

const struct xk_xen_device_side xk_user_network_side = {
    .is_there = is_there,
    .open = open_slirp,
    .start = start,
    .stop = end,
    .abandon = end,
};
