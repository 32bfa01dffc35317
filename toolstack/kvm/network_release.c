/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/network_release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/tap.h"
#include "toolstack/kvm/hmp.h"
#include "toolstack/kvm/taps.h"

/* Parse the answer of HMP, because QMP has no such command: whether the port is
 * free. */
static bool
is_released(const char *said)
{
    static const char *const texts[] = {" removed", " not found",
                                        "unrecognized netdev id"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(texts); i++) {
        if (strstr(said, texts[i]) != NULL)
            return true;
    }
    return false;
}

static int
release_port(struct xk_qmp *qmp, const char *netdev,
             const struct xk_hostfwd *forward, struct xk_deadline deadline,
             struct xk_error *err)
{
    XK_CLEANUP_FREE char *line = xk_asprintf(
        "hostfwd_remove %s %s:%s:%u", netdev, forward->udp ? "udp" : "tcp",
        forward->host_address, forward->host_port);
    XK_CLEANUP_FREE char *said = xk_kvm_hmp_ask(qmp, line, deadline, err);

    if (said == NULL)
        return -1;
    if (is_released(said))
        return 0;
    return xk_fail(err, XK_ERR_FAILED,
                   "QEMU did not release %s port %u: %.200s",
                   forward->udp ? "udp" : "tcp", forward->host_port, said);
}

static int
remove_netdev(struct xk_qmp *qmp, const char *netdev,
              struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_error gone = {0};

    if (xk_qmp_execute_with(qmp, "netdev_del", "id", netdev, NULL, deadline,
                            &gone) == -1 &&
        gone.kind != XK_ERR_FAILED && gone.kind != XK_ERR_NOT_FOUND)
        return xk_fail(err, gone.kind, "%s", gone.message);
    return 0;
}

int
xk_kvm_network_release(struct xk_qmp *qmp, const char *netdev,
                       const struct xk_hostfwd *forwards, size_t count,
                       struct xk_deadline deadline, struct xk_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (release_port(qmp, netdev, &forwards[i], deadline, err) == -1)
            return -1;
    }
    return remove_netdev(qmp, netdev, deadline, err);
}

/* ---- what QEMU tells of a network ---- */

struct forwards {
    struct xk_hostfwd *items;
    size_t count;
};

/* "  TCP[HOST_FORWARD]  8  127.0.0.1 8080  10.0.2.15 80  0  0"; '*' is any
 * address. */
static void
take_forward(const char *line, struct forwards *forwards)
{
    struct xk_hostfwd forward = {0};
    char protocol[4], address[sizeof(forward.host_address)];
    unsigned port;

    if (sscanf(line, " %3[A-Z][HOST_FORWARD] %*d %63s %5u", protocol, address,
               &port) != 3 ||
        port > UINT16_MAX)
        return;
    forward.udp = strcmp(protocol, "UDP") == 0;
    forward.host_port = (uint16_t)port;
    if (strcmp(address, "*") != 0)
        snprintf(forward.host_address, sizeof(forward.host_address), "%s",
                 address);
    XK_GROW(forwards->items, forwards->count);
    forwards->items[forwards->count++] = forward;
}

/* The lines of a network follow its own, "Hub -1 (net-vif0):". */
static void
take_forwards(char *text, const char *netdev, struct forwards *forwards)
{
    XK_CLEANUP_FREE char *title = xk_asprintf("(%s):", netdev);
    bool within = false;
    char *state = NULL;

    for (char *line = strtok_r(text, "\r\n", &state); line != NULL;
         line = strtok_r(NULL, "\r\n", &state)) {
        if (line[0] != ' ')
            within = strstr(line, title) != NULL;
        else if (within)
            take_forward(line, forwards);
    }
}

/* "net-vif0: index=0,type=tap,fd=25": which of QEMU's descriptors is the TAP;
 * -1: there is none. */
static int
find_tap(const char *text, const char *netdev)
{
    XK_CLEANUP_FREE char *title = xk_asprintf("%s: ", netdev);
    const char *found = strstr(text, title);
    XK_CLEANUP_FREE char *line =
        found == NULL ? NULL : xk_strndup(found, strcspn(found, "\r\n"));
    const char *number = line == NULL ? NULL : strstr(line, "type=tap,fd=");
    int fd = -1;

    if (number == NULL || sscanf(number, "type=tap,fd=%8d", &fd) != 1)
        return -1;
    return fd;
}

static int
set_tap_aside(struct xk_qmp *qmp, const char *netdev,
              const struct xk_process *process, const char *aside,
              struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *text =
        xk_kvm_hmp_ask(qmp, "info network", deadline, err);
    char tap[XK_TAP_NAME_SIZE];
    int fd;

    if (text == NULL)
        return -1;
    fd = find_tap(text, netdev);
    return fd != -1 && xk_tap_behind(process, fd, tap)
               ? xk_tap_set_aside(tap, aside, deadline, err)
               : 0;
}

int
xk_kvm_network_cut(struct xk_qmp *qmp, const struct xk_process *process,
                   const struct xk_uuid *uuid, int devid,
                   struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_FREE char *aside = xk_kvm_tap_name(uuid, devid);
    XK_CLEANUP_FREE char *text = NULL;
    char netdev[XK_KVM_NETDEV_NAME_SIZE];
    struct forwards forwards = {0};
    int r;

    xk_kvm_netdev_name(devid, netdev);
    if (set_tap_aside(qmp, netdev, process, aside, deadline, err) == -1)
        return -1;
    text = xk_kvm_hmp_ask(qmp, "info usernet", deadline, err);
    if (text == NULL)
        return -1;
    take_forwards(text, netdev, &forwards);
    r = xk_kvm_network_release(qmp, netdev, forwards.items, forwards.count,
                               deadline, err);
    free(forwards.items);
    return r;
}
