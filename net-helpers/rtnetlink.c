/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/rtnetlink.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"

struct xk_rtnetlink_request
xk_rtnetlink_about(unsigned index, unsigned short type, unsigned short flags)
{
    return (struct xk_rtnetlink_request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = type,
                   .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags)},
        .link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index},
    };
}

void
xk_rtnetlink_put(struct xk_rtnetlink_request *request, unsigned short type,
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

ssize_t
xk_rtnetlink_ask(const struct xk_rtnetlink_request *request, void *reply,
                 size_t size, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t got;

    if (fd == -1 || sendto(fd, request, request->header.nlmsg_len, 0,
                           (struct sockaddr *)&kernel, sizeof(kernel)) == -1)
        return xk_fail_errno(err, "ask the kernel's rtnetlink");
    if (xk_deadline_poll(deadline, fd, POLLIN, "the kernel's rtnetlink", err) ==
        -1)
        return -1;
    got = recv(fd, reply, size, 0);
    return got != -1 ? got : xk_fail_errno(err, "read the kernel's rtnetlink");
}
