/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#include "net-helpers/name.h"
#include "net-helpers/rtnetlink.h"

enum {
    REPLY_MAX = 32768
};

/* Copy an attribute, which may be shorter than *to in an older kernel. */
static void
take(const struct rtattr *attribute, void *to, size_t size)
{
    size_t length = RTA_PAYLOAD(attribute);

    memcpy(to, RTA_DATA(attribute), length < size ? length : size);
}

static void
take_counts(const struct rtattr *attribute, struct xk_net_link *link)
{
    struct rtnl_link_stats64 counts = {0};

    take(attribute, &counts, sizeof(counts));
    link->rx_packets = counts.rx_packets;
    link->rx_bytes = counts.rx_bytes;
    link->rx_dropped = counts.rx_dropped;
    link->rx_errors = counts.rx_errors;
    link->tx_packets = counts.tx_packets;
    link->tx_bytes = counts.tx_bytes;
    link->tx_dropped = counts.tx_dropped;
    link->tx_errors = counts.tx_errors;
}

static void
take_bridge(const struct rtattr *attribute, struct xk_net_link *link)
{
    unsigned master = 0;

    take(attribute, &master, sizeof(master));
    if (master == 0 || if_indextoname(master, link->bridge) == NULL)
        link->bridge[0] = '\0';
}

static void
take_attributes(const struct nlmsghdr *header, struct xk_net_link *link)
{
    const struct rtattr *attribute = IFLA_RTA(NLMSG_DATA(header));
    int left = (int)IFLA_PAYLOAD(header);

    for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
        if (attribute->rta_type == IFLA_MTU)
            take(attribute, &link->mtu, sizeof(link->mtu));
        else if (attribute->rta_type == IFLA_MASTER)
            take_bridge(attribute, link);
        else if (attribute->rta_type == IFLA_STATS64)
            take_counts(attribute, link);
    }
}

int
xk_net_link_read(const char *name, struct xk_net_link *link,
                 struct xk_deadline deadline, struct xk_error *err)
{
    union {
        struct nlmsghdr header;
        unsigned char bytes[REPLY_MAX];
    } reply;
    struct ifinfomsg about = {.ifi_family = AF_UNSPEC};
    struct xk_rtnl_request request;
    unsigned index = xk_net_name_check(name) == NULL ? if_nametoindex(name) : 0;
    ssize_t got;

    *link = (struct xk_net_link){0};
    if (index == 0)
        return xk_fail(err, XK_ERR_NOT_FOUND, "no network device \"%s\"", name);
    about.ifi_index = (int)index;
    request = xk_rtnl_begin(RTM_GETLINK, 0, &about, sizeof(about));
    got = xk_rtnl_fetch(&request, &reply, sizeof(reply), deadline, err);
    if (got == -1)
        return -1;
    if (!NLMSG_OK(&reply.header, (size_t)got) ||
        reply.header.nlmsg_type != RTM_NEWLINK)
        return xk_fail(err, XK_ERR_NOT_FOUND, "network device \"%s\" is gone",
                       name);
    take_attributes(&reply.header, link);
    return 0;
}

/* ---- waiting ---- */

/* Returns a socket that is told of each change of a network device, or -1. */
static int
listen_to_changes(void)
{
    const struct sockaddr_nl links = {.nl_family = AF_NETLINK,
                                      .nl_groups = RTMGRP_LINK};
    XK_CLEANUP_CLOSE int fd = socket(
        AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

    if (fd == -1 ||
        bind(fd, (const struct sockaddr *)&links, sizeof(links)) == -1)
        return -1;
    return xk_take_fd(&fd);
}

/* What they say does not matter, and some may have been lost. */
static void
forget_changes(int fd)
{
    char message[REPLY_MAX];

    while (recv(fd, message, sizeof(message), 0) != -1 || errno == ENOBUFS) {
    }
}

bool
xk_net_link_await_gone(const char *name, struct xk_deadline deadline)
{
    XK_CLEANUP_CLOSE int fd = -1;

    if (if_nametoindex(name) == 0)
        return true;
    fd = listen_to_changes();
    while (if_nametoindex(name) != 0) {
        if (fd == -1 ||
            xk_deadline_poll(deadline, fd, POLLIN, "the kernel", NULL) == -1)
            return false;
        forget_changes(fd);
    }
    return true;
}
