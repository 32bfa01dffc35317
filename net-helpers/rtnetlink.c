/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/rtnetlink.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
    REPLY_MAX = 8192
};

struct xk_rtnl_request
xk_rtnl_begin(unsigned short type, unsigned short flags, const void *fixed,
              size_t length)
{
    struct xk_rtnl_request request = {
        .header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(length),
                   .nlmsg_type = type,
                   .nlmsg_flags =
                       (unsigned short)(flags | NLM_F_REQUEST | NLM_F_ACK)}};

    assert(length <= sizeof(request.body));
    memcpy(request.body, fixed, length);
    return request;
}

struct xk_rtnl_request
xk_rtnl_change_link(unsigned index, unsigned flags, unsigned change)
{
    const struct ifinfomsg link = {.ifi_family = AF_UNSPEC,
                                   .ifi_index = (int)index,
                                   .ifi_flags = flags,
                                   .ifi_change = change};

    return xk_rtnl_begin(RTM_NEWLINK, 0, &link, sizeof(link));
}

static struct rtattr *
put_header(struct xk_rtnl_request *request, unsigned short type, size_t length)
{
    uint32_t at = NLMSG_ALIGN(request->header.nlmsg_len);
    struct rtattr *attribute =
        (struct rtattr *)(void *)((unsigned char *)request + at);

    assert(at + RTA_SPACE(length) <= sizeof(*request));
    *attribute = (struct rtattr){.rta_len = (unsigned short)RTA_LENGTH(length),
                                 .rta_type = type};
    request->header.nlmsg_len = at + (uint32_t)RTA_SPACE(length);
    return attribute;
}

void
xk_rtnl_put(struct xk_rtnl_request *request, unsigned short type,
            const void *data, size_t length)
{
    memcpy(RTA_DATA(put_header(request, type, length)), data, length);
}

struct rtattr *
xk_rtnl_open(struct xk_rtnl_request *request, unsigned short type)
{
    return put_header(request, type, 0);
}

void
xk_rtnl_close(struct xk_rtnl_request *request, struct rtattr *nest)
{
    nest->rta_len =
        (unsigned short)((unsigned char *)request + request->header.nlmsg_len -
                         (unsigned char *)nest);
}

ssize_t
xk_rtnl_fetch(const struct xk_rtnl_request *request, void *reply, size_t size,
              struct xk_deadline deadline, struct xk_error *err)
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

int
xk_rtnl_ask(const struct xk_rtnl_request *request, struct xk_deadline deadline,
            struct xk_error *err)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr answer;
        unsigned char rest[REPLY_MAX];
    } reply = {0};
    ssize_t got = xk_rtnl_fetch(request, &reply, sizeof(reply), deadline, err);

    if (got == -1)
        return -1;
    if ((size_t)got < offsetof(__typeof__(reply), rest) ||
        reply.header.nlmsg_type != NLMSG_ERROR)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the kernel's rtnetlink sent an invalid answer");
    return -reply.answer.error;
}

int
xk_rtnl_do(const struct xk_rtnl_request *request, const char *what,
           struct xk_deadline deadline, struct xk_error *err)
{
    int r = xk_rtnl_ask(request, deadline, err);

    if (r <= 0)
        return r;
    errno = r;
    return xk_fail_errno(err, "%s", what);
}
