/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user-mode network of a network card: a "-netdev" of type "user" and the
 * host ports forwarded to it. */
#include "toolstack/kvm/plan_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* Check whether we could listen there now: QEMU's own message comes late and
 * names no line of the file. */
static int
check_port_free(const struct xk_hostfwd *forward, struct xk_error *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(forward->host_port)};
    int type = (forward->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, type, 0);
    int yes = 1;

    if (fd == -1)
        return xk_fail_errno(err, "socket");
    if (forward->host_address[0] != '\0' &&
        inet_pton(AF_INET, forward->host_address, &address.sin_addr) != 1)
        return xk_fail(err, XK_ERR_CONFIG,
                       "hostfwd: \"%s\" is not an IPv4 address",
                       forward->host_address);
    if (!forward->udp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        (forward->udp || listen(fd, 1) == 0))
        return 0;
    return xk_fail(err, errno == EADDRINUSE ? XK_ERR_IN_USE : XK_ERR_CONFIG,
                   "hostfwd: %s port %u of \"%s\": %s",
                   forward->udp ? "udp" : "tcp", forward->host_port,
                   forward->host_address, strerror(errno));
}

static int
check_ports(const struct xk_kvm_plan *plan, const struct xk_vif *vif,
            struct xk_error *err)
{
    for (size_t i = 0; !plan->dry && i < vif->hostfwd_count; i++) {
        if (check_port_free(&vif->hostfwd[i], err) == -1)
            return -1;
    }
    return 0;
}

static void
put_hostfwd(struct xk_json_writer *w, const struct xk_vif *vif)
{
    xk_json_open_array(w, "hostfwd");
    for (size_t i = 0; i < vif->hostfwd_count; i++) {
        const struct xk_hostfwd *forward = &vif->hostfwd[i];
        XK_CLEANUP_FREE char *text =
            xk_asprintf("%s:%s:%u-%s:%u", forward->udp ? "udp" : "tcp",
                        forward->host_address, forward->host_port,
                        forward->guest_address, forward->guest_port);

        xk_json_open_object(w, NULL);
        xk_json_put_string(w, "str", text);
        xk_json_close_object(w);
    }
    xk_json_close_array(w);
}

int
xk_kvm_user_network_add(struct xk_kvm_plan *plan, const struct xk_vif *vif,
                        const char *id, struct xk_error *err)
{
    struct xk_json_writer *w;

    if (check_ports(plan, vif, err) == -1)
        return -1;
    w = xk_kvm_option_open(plan, "-netdev");
    xk_json_put_string(w, "type", "user");
    xk_json_put_string(w, "id", id);
    if (vif->hostfwd_count > 0)
        put_hostfwd(w, vif);
    xk_kvm_option_close(plan);
    return 0;
}
