/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parse the parts of a network card specification that have a syntax of their
 * own: MAC addresses, forwarded ports, VLANs. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "toolstack/config/vif_syntax.h"

bool
xk_mac_parse(const char *text, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        char digits[3] = "";
        size_t length = strspn(text, "0123456789abcdefABCDEF");

        if (length < 1 || length > 2)
            return false;
        memcpy(digits, text, length);
        mac[i] = (uint8_t)strtoul(digits, NULL, 16);
        text += length;
        if (i < 5 && *text != ':' && *text != '-')
            return false;
        text += i < 5;
    }
    return *text == '\0';
}

void
xk_mac_format(const uint8_t mac[6], char text[XK_MAC_TEXT_SIZE])
{
    snprintf(text, XK_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static bool
is_address(const char *text)
{
    struct in6_addr any;

    return inet_pton(AF_INET, text, &any) == 1 ||
           inet_pton(AF_INET6, text, &any) == 1;
}

/* Parse "[ADDRESS]:PORT" up to `end`. The address may be empty; an IPv6 address
 * may be in brackets. Returns NULL, or what is wrong. */
static const char *
parse_endpoint(const char *text, const char *end, char address[64],
               uint16_t *port)
{
    const char *colon = memrchr(text, ':', (size_t)(end - text));
    char digits[8] = "";
    uint64_t number;
    size_t length;

    if (colon == NULL)
        return "an endpoint is written [ADDRESS]:PORT";
    if (end - colon - 1 < (ptrdiff_t)sizeof(digits))
        memcpy(digits, colon + 1, (size_t)(end - colon - 1));
    if (!xk_parse_u64(digits, UINT16_MAX, &number) || number == 0)
        return "a port is a number from 1 to 65535";
    *port = (uint16_t)number;
    if (*text == '[' && colon - text >= 2 && colon[-1] == ']') {
        text++;
        colon--;
    }
    length = (size_t)(colon - text);
    if (length >= 64)
        return "an address must be numeric";
    memcpy(address, text, length);
    address[length] = '\0';
    if (length > 0 && !is_address(address))
        return "an address must be numeric";
    return NULL;
}

const char *
xk_hostfwd_parse(const char *text, struct xk_hostfwd *forward)
{
    const char *host = text + 4, *dash;
    const char *wrong;

    *forward = (struct xk_hostfwd){.udp = strncmp(text, "udp:", 4) == 0};
    if (!forward->udp && strncmp(text, "tcp:", 4) != 0)
        return "it must begin with tcp: or udp:, as in "
               "'tcp:127.0.0.1:2222-:22'";
    dash = strchr(host, '-');
    if (dash == NULL)
        return "host and guest endpoint are separated by '-', as in "
               "'tcp:127.0.0.1:2222-:22'";
    wrong =
        parse_endpoint(host, dash, forward->host_address, &forward->host_port);
    if (wrong != NULL)
        return wrong;
    return parse_endpoint(dash + 1, dash + 1 + strlen(dash + 1),
                          forward->guest_address, &forward->guest_port);
}

static char *
format_endpoint(const char *address, uint16_t port)
{
    if (strchr(address, ':') != NULL)
        return xk_asprintf("[%s]:%u", address, port);
    return xk_asprintf("%s:%u", address, port);
}

char *
xk_hostfwd_format(const struct xk_hostfwd *forward)
{
    XK_CLEANUP_FREE char *host =
        format_endpoint(forward->host_address, forward->host_port);
    XK_CLEANUP_FREE char *guest =
        format_endpoint(forward->guest_address, forward->guest_port);

    return xk_asprintf("%s:%s-%s", forward->udp ? "udp" : "tcp", host, guest);
}

/* Take decimal digits up to max and move *p behind them. */
static bool
take_number(const char **p, unsigned max, unsigned *number)
{
    const char *start = *p;

    for (*number = 0; **p >= '0' && **p <= '9'; (*p)++) {
        *number = 10 * *number + (unsigned)(**p - '0');
        if (*number > max)
            return false;
    }
    return *p != start;
}

enum {
    VLAN_MAX = 4094
};

/* Check the part after a term's first number: "-LAST" or "+STEPxCOUNT". */
static const char *
check_range(const char **p, unsigned first)
{
    unsigned last, step, count;

    if (**p == '-') {
        (*p)++;
        if (!take_number(p, VLAN_MAX, &last) || last < first)
            return "a range of VLANs must end between its start and 4094";
    } else {
        (*p)++;
        if (!take_number(p, VLAN_MAX, &step) || step == 0 || *(*p)++ != 'x' ||
            !take_number(p, VLAN_MAX, &count) || count == 0 ||
            first + step * (count - 1) > VLAN_MAX)
            return "VLANs in steps are written FIRST+STEPxCOUNT, up to 4094";
    }
    return NULL;
}

/* Check one term; count in *own the terms that name the port's own VLAN. */
static const char *
check_term(const char **p, unsigned *own)
{
    unsigned first;
    bool one = true;

    if (!take_number(p, VLAN_MAX, &first) || first == 0)
        return "a VLAN is a number from 1 to 4094";
    if (**p == '-' || **p == '+') {
        const char *wrong = check_range(p, first);

        if (wrong != NULL)
            return wrong;
        one = false;
    }
    if (one && **p == 'p') {
        (*own)++;
        (*p)++;
    } else if (**p == 'u') {
        (*p)++;
    }
    return NULL;
}

const char *
xk_vlan_check(const char *text)
{
    const char *p = text;
    unsigned own = 0;

    for (;;) {
        const char *wrong = check_term(&p, &own);

        if (wrong != NULL)
            return wrong;
        if (*p == '\0')
            break;
        if (*p++ != '/')
            return "VLANs are separated by '/'";
    }
    if (own != 1)
        return "exactly one VLAN must be the port's own, as in '10p'";
    return NULL;
}
