/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

unsigned if_nametoindex(const char *name); /* <net/if.h> and linux/if.h clash */

enum {
    REPLY_MAX = 8192
};

/* What the bridge sees of the host's end: the highest address there is, so that
 * the bridge never takes it as its own; as Xen's vifs have it. */
static const unsigned char host_end_mac[6] = {0xfe, 0xff, 0xff,
                                              0xff, 0xff, 0xff};

/* A request as it goes over the wire. */
struct link_request {
    struct nlmsghdr header;
    struct ifinfomsg link;
    unsigned char attributes[128];
};

/* Asked by ioctl: sysfs shows the namespace it was mounted in, not ours. */
bool
xk_kvm_bridge_exists(const char *name)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq ifr = {0};

    if (fd == -1 || strlen(name) >= sizeof(ifr.ifr_name))
        return false;
    memcpy(ifr.ifr_name, name, strlen(name));
    ifr.ifr_data = (char *)&driver;
    return ioctl(fd, SIOCETHTOOL, &ifr) == 0 &&
           strcmp(driver.driver, "bridge") == 0;
}

bool
xk_kvm_tap_allowed(void)
{
    return geteuid() == 0 && access("/dev/net/tun", R_OK | W_OK) == 0;
}

static void
put_attribute(struct link_request *request, unsigned short type,
              const void *data, size_t length)
{
    struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(length),
                               .rta_type = type};
    unsigned char *end =
        (unsigned char *)request + NLMSG_ALIGN(request->header.nlmsg_len);

    memcpy(end, &attribute, sizeof(attribute));
    memcpy(end + RTA_LENGTH(0), data, length);
    request->header.nlmsg_len =
        (uint32_t)(NLMSG_ALIGN(request->header.nlmsg_len) +
                   RTA_ALIGN(attribute.rta_len));
}

/* Send it and read the kernel's answer: 0, or an errno. -1 with *err. */
static int
ask_kernel(const struct link_request *request, struct xk_deadline deadline,
           struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct {
        struct nlmsghdr header;
        struct nlmsgerr answer;
        unsigned char rest[REPLY_MAX];
    } reply;
    ssize_t got;

    if (fd == -1 || sendto(fd, request, request->header.nlmsg_len, 0,
                           (struct sockaddr *)&kernel, sizeof(kernel)) == -1)
        return xk_fail_errno(err, "ask the kernel's rtnetlink");
    if (xk_deadline_poll(deadline, fd, POLLIN, "the kernel's rtnetlink", err) ==
        -1)
        return -1;
    got = recv(fd, &reply, sizeof(reply), 0);
    if (got == -1)
        return xk_fail_errno(err, "read the kernel's rtnetlink");
    if ((size_t)got < offsetof(__typeof__(reply), rest) ||
        reply.header.nlmsg_type != NLMSG_ERROR)
        return xk_fail(err, XK_ERR_PROTOCOL, "strange answer of rtnetlink");
    return -reply.answer.error;
}

static int
attach(const char *name, const char *bridge, unsigned mtu,
       struct xk_deadline deadline, struct xk_error *err)
{
    struct link_request request = {
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = RTM_NEWLINK,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
        .link = {.ifi_family = AF_UNSPEC,
                 .ifi_flags = IFF_UP,
                 .ifi_change = IFF_UP},
    };
    uint32_t master = if_nametoindex(bridge);
    uint32_t bytes = mtu;
    int r;

    request.link.ifi_index = (int)if_nametoindex(name);
    if (master == 0 || request.link.ifi_index == 0)
        return xk_fail(err, XK_ERR_FAILED, "no network device \"%s\"",
                       master == 0 ? bridge : name);
    put_attribute(&request, IFLA_ADDRESS, host_end_mac, sizeof(host_end_mac));
    if (mtu != 0)
        put_attribute(&request, IFLA_MTU, &bytes, sizeof(bytes));
    put_attribute(&request, IFLA_MASTER, &master, sizeof(master));
    r = ask_kernel(&request, deadline, err);
    if (r <= 0)
        return r;
    errno = r;
    return xk_fail_errno(err, "put \"%s\" on bridge \"%s\"", name, bridge);
}

/* The MTU of a network device; 0 where it cannot be told. */
static unsigned
mtu_of(const char *name)
{
    XK_CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq ifr = {0};

    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    if (fd == -1 || ioctl(fd, SIOCGIFMTU, &ifr) == -1)
        return 0;
    return (unsigned)ifr.ifr_mtu;
}

int
xk_kvm_tap_create(const char *name, const char *bridge, unsigned mtu,
                  struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    struct ifreq ifr = {0};

    if (if_nametoindex(name) != 0)
        return xk_fail(err, XK_ERR_EXISTS,
                       "a network device \"%s\" is there already", name);
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        return xk_fail_errno(err, "open \"/dev/net/tun\"");
    snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
    if (ioctl(fd, TUNSETIFF, &ifr) == -1)
        return xk_fail_errno(err, "make network device \"%s\"", name);
    if (attach(name, bridge, mtu != 0 ? mtu : mtu_of(bridge), deadline, err) ==
        -1)
        return -1;
    return xk_take_fd(&fd);
}
