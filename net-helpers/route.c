/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A routed card: what Xen's vif-route does, by rtnetlink. The TAP gets the
 * address of gatewaydev, with no network behind it, and answers the guest's ARP
 * for all that the host has a route to. Each address of ip= gets a route to the
 * TAP. All of that goes with the TAP. Whether the host forwards, and who else
 * finds the way to the guest, is the administrator's affair.
 *
 * Without gatewaydev the kernel chooses the address that the host itself speaks
 * from, and so it always does for IPv6.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "net-helpers/plug_internal.h"
#include "net-helpers/rtnetlink.h"

unsigned if_nametoindex(const char *name); /* <net/if.h> and linux/if.h clash */

enum {
    ADDRESSES_MAX = 64,
    ADDRESS_TEXT_MAX = 64,
    METRIC = 2, /* vif-route's for a vif */
};

#define BLANKS " \t"

/* An address with the length of its network; by default that of the address. */
struct target {
    unsigned char family; /* AF_INET, AF_INET6 */
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t size;
    unsigned char prefix; /* bits */
    char text[ADDRESS_TEXT_MAX];
};

struct targets {
    struct target items[ADDRESSES_MAX];
    size_t count;
};

/* ---- what it says ---- */

static bool
take_address(struct target *target, const char *text)
{
    target->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    target->size = target->family == AF_INET6 ? sizeof(struct in6_addr)
                                              : sizeof(struct in_addr);
    return inet_pton(target->family, text, target->bytes) == 1;
}

/* A network whose address has bits beyond its length is no network. */
static bool
has_other_bits(const struct target *target)
{
    for (unsigned bit = target->prefix; bit < target->size * 8; bit++) {
        if (target->bytes[bit / 8] >> (7 - bit % 8) & 1)
            return true;
    }
    return false;
}

static int
parse_target(const char *text, size_t length, struct target *target,
             struct xk_error *err)
{
    XK_CLEANUP_FREE char *address = xk_strndup(text, length);
    char *slash = strchr(address, '/');
    uint64_t prefix;

    snprintf(target->text, sizeof(target->text), "%s", address);
    if (slash != NULL)
        *slash = '\0';
    if (!take_address(target, address))
        return xk_fail(err, XK_ERR_CONFIG,
                       "ip: \"%.*s\" is not an IPv4 or IPv6 address",
                       ADDRESS_TEXT_MAX, target->text);
    prefix = target->size * 8;
    if (slash != NULL && !xk_parse_u64(slash + 1, target->size * 8, &prefix))
        return xk_fail(err, XK_ERR_CONFIG,
                       "ip: the length of \"%s\" is a number to %zu",
                       target->text, target->size * 8);
    target->prefix = (unsigned char)prefix;
    if (has_other_bits(target))
        return xk_fail(err, XK_ERR_CONFIG,
                       "ip: \"%s\" is not a network: bits beyond its length "
                       "are set",
                       target->text);
    return 0;
}

static int
parse_targets(const char *text, struct targets *targets, struct xk_error *err)
{
    targets->count = 0;
    for (text += strspn(text, BLANKS); *text != '\0';
         text += strspn(text, BLANKS)) {
        size_t length = strcspn(text, BLANKS);

        if (targets->count == ADDRESSES_MAX)
            return xk_fail(err, XK_ERR_CONFIG, "ip: more than %d addresses",
                           ADDRESSES_MAX);
        if (parse_target(text, length, &targets->items[targets->count++],
                         err) == -1)
            return -1;
        text += length;
    }
    return 0;
}

static int
read_words(const struct xk_plug *plug, struct xk_error *err)
{
    struct targets targets;

    if (parse_targets(plug->ip != NULL ? plug->ip : "", &targets, err) == -1)
        return -1;
    if (targets.count == 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "script=vif-route needs the addresses of the guest: "
                       "ip=ADDRESS");
    return 0;
}

static int
check(const struct xk_plug *plug, struct xk_deadline deadline,
      struct xk_error *err)
{
    (void)deadline;
    if (plug->gatewaydev != NULL && if_nametoindex(plug->gatewaydev) == 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "there is no network device \"%s\", which gatewaydev "
                       "names",
                       plug->gatewaydev);
    return 0;
}

/* ---- in ---- */

/* The first IPv4 address of the device. */
static int
find_source(const char *device, struct in_addr *source, struct xk_error *err)
{
    struct ifaddrs *all, *each;

    if (getifaddrs(&all) == -1)
        return xk_fail_errno(err, "list the addresses of this host");
    for (each = all; each != NULL; each = each->ifa_next) {
        if (each->ifa_addr != NULL && each->ifa_addr->sa_family == AF_INET &&
            strcmp(each->ifa_name, device) == 0)
            break;
    }
    if (each != NULL)
        *source = ((struct sockaddr_in *)(void *)each->ifa_addr)->sin_addr;
    freeifaddrs(all);
    return each != NULL
               ? 0
               : xk_fail(err, XK_ERR_HOST,
                         "\"%s\", which gatewaydev names, has no IPv4 address",
                         device);
}

static int
add_source(unsigned index, const struct in_addr *source,
           struct xk_deadline deadline, struct xk_error *err)
{
    const struct ifaddrmsg address = {.ifa_family = AF_INET,
                                      .ifa_prefixlen = 32,
                                      .ifa_scope = RT_SCOPE_UNIVERSE,
                                      .ifa_index = index};
    struct xk_rtnl_request request = xk_rtnl_begin(
        RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &address, sizeof(address));

    xk_rtnl_put(&request, IFA_LOCAL, source, sizeof(*source));
    xk_rtnl_put(&request, IFA_ADDRESS, source, sizeof(*source));
    return xk_rtnl_do(&request,
                      "give the card's device the address of gatewaydev",
                      deadline, err);
}

/* Up, and with proxy_arp. */
static int
bring_up(unsigned index, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_rtnl_request request = xk_rtnl_change_link(index, IFF_UP, IFF_UP);
    struct rtattr *families = xk_rtnl_open(&request, IFLA_AF_SPEC);
    struct rtattr *inet = xk_rtnl_open(&request, AF_INET);
    struct rtattr *settings = xk_rtnl_open(&request, IFLA_INET_CONF);
    const uint32_t on = 1;

    xk_rtnl_put(&request, IPV4_DEVCONF_PROXY_ARP, &on, sizeof(on));
    xk_rtnl_close(&request, settings);
    xk_rtnl_close(&request, inet);
    xk_rtnl_close(&request, families);
    return xk_rtnl_do(&request, "bring up the card's device with proxy_arp",
                      deadline, err);
}

static int
add_route(unsigned index, const struct target *target,
          const struct in_addr *source, struct xk_deadline deadline,
          struct xk_error *err)
{
    XK_CLEANUP_FREE char *what =
        xk_asprintf("add a route to \"%s\"", target->text);
    const struct rtmsg route = {
        .rtm_family = target->family,
        .rtm_dst_len = target->prefix,
        .rtm_table = RT_TABLE_MAIN,
        .rtm_protocol = RTPROT_BOOT,
        .rtm_scope =
            target->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
        .rtm_type = RTN_UNICAST,
    };
    struct xk_rtnl_request request = xk_rtnl_begin(
        RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
    const uint32_t device = index, metric = METRIC;

    xk_rtnl_put(&request, RTA_DST, target->bytes, target->size);
    xk_rtnl_put(&request, RTA_OIF, &device, sizeof(device));
    xk_rtnl_put(&request, RTA_PRIORITY, &metric, sizeof(metric));
    if (source != NULL && target->family == AF_INET)
        xk_rtnl_put(&request, RTA_PREFSRC, source, sizeof(*source));
    return xk_rtnl_do(&request, what, deadline, err);
}

static int
add_routes(unsigned index, const struct targets *targets,
           const struct in_addr *source, struct xk_deadline deadline,
           struct xk_error *err)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (add_route(index, &targets->items[i], source, deadline, err) == -1)
            return -1;
    }
    return 0;
}

static int
plug_in(const struct xk_plug *plug, const struct xk_plug_card *card,
        struct xk_deadline deadline, struct xk_error *err)
{
    unsigned index = if_nametoindex(card->device);
    const struct in_addr *source = NULL;
    struct targets targets;
    struct in_addr address;

    if (parse_targets(plug->ip != NULL ? plug->ip : "", &targets, err) == -1)
        return -1;
    if (plug->gatewaydev != NULL) {
        if (find_source(plug->gatewaydev, &address, err) == -1 ||
            add_source(index, &address, deadline, err) == -1)
            return -1;
        source = &address;
    }
    if (bring_up(index, deadline, err) == -1)
        return -1;
    return add_routes(index, &targets, source, deadline, err);
}

const struct xk_plug_ops xk_plug_route_ops = {
    .takes_address = true,
    .read = read_words,
    .check = check,
    .in = plug_in,
};
