/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fakes/own_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "net-helpers/tap.h"
#include "tests/unit/test.h"

static int
control_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static bool
map_users(uid_t uid, gid_t gid)
{
    XK_CLEANUP_FREE char *uid_map = xk_asprintf("0 %u 1", uid);
    XK_CLEANUP_FREE char *gid_map = xk_asprintf("0 %u 1", gid);
    const char *const files[][2] = {{"/proc/self/setgroups", "deny"},
                                    {"/proc/self/uid_map", uid_map},
                                    {"/proc/self/gid_map", gid_map}};

    for (size_t i = 0; i < 3; i++) {
        XK_CLEANUP_CLOSE int map = open(files[i][0], O_WRONLY | O_CLOEXEC);

        if (map == -1 ||
            xk_write_all(map, files[i][1], strlen(files[i][1])) == -1)
            return false;
    }
    return true;
}

static bool
bring_up(const char *device)
{
    XK_CLEANUP_CLOSE int fd = control_socket();
    struct ifreq ifr = {.ifr_flags = IFF_UP};

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
    return ioctl(fd, SIOCSIFFLAGS, &ifr) == 0;
}

bool
own_network_enter(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    if (unshare(uid == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) == -1)
        return false;
    if (uid != 0 && !map_users(uid, gid))
        return false;
    return bring_up("lo") && xk_tap_allowed();
}

int
own_network_add_bridge(const char *name)
{
    XK_CLEANUP_CLOSE int fd = control_socket();

    return ioctl(fd, SIOCBRADDBR, name);
}

void
own_network_set_address(const char *device, const char *address)
{
    XK_CLEANUP_CLOSE int fd = control_socket();
    struct ifreq ifr = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr;

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
    in->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, address, &in->sin_addr), 1);
    assert_int_equal(ioctl(fd, SIOCSIFADDR, &ifr), 0);
    in->sin_addr.s_addr = htonl(0xffffff00);
    assert_int_equal(ioctl(fd, SIOCSIFNETMASK, &ifr), 0);
    assert_true(bring_up(device));
}
