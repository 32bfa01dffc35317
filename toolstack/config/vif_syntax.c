/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works: as in xl (parse_nic_config in tools/xl/xl_parse.c of Xen 4.17),
 * the text is cut at commas, blanks before an option are dropped and empty
 * options are skipped. An option given again replaces its earlier value.
 */
#include "toolstack/config/vif_syntax.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "net-helpers/mac.h"
#include "net-helpers/bridge.h"
#include "net-helpers/name.h"
#include "toolstack/config/suggest.h"

enum {
    SPEC_MAX = 8192,   /* bytes */
    HOSTFWD_MAX = 256, /* per card */
    FAILURES_MAX = 16, /* then the rest is not parsed */
};

struct parse {
    const struct xk_spec *spec;
    struct xk_vif *vif;
    size_t offset; /* of the current value */
    unsigned failures;
};

static void
fail(struct parse *parse, const char *what, const char *wrong)
{
    parse->failures++;
    xk_spec_error(parse->spec, parse->offset, "%s: %s", what, wrong);
}

static void
replace(char **to, const char *value)
{
    free(*to);
    *to = xk_strdup(value);
}

static void
set_type(struct parse *parse, const char *value)
{
    static const struct {
        const char *name;
        enum xk_vif_type type;
    } types[] = {
        {"ioemu", XK_VIF_IOEMU}, {"vif", XK_VIF_PV}, {"user", XK_VIF_USER}};

    for (size_t i = 0; i < XK_ARRAY_SIZE(types); i++) {
        if (strcmp(value, types[i].name) == 0) {
            parse->vif->type = types[i].type;
            return;
        }
    }
    fail(parse, "type", "it must be ioemu, vif or user");
}

static void
set_mac(struct parse *parse, const char *value)
{
    static const uint8_t zero[6];
    struct xk_vif *vif = parse->vif;

    if (!xk_mac_parse(value, vif->mac)) {
        fail(parse, "mac", "a MAC address is written as 00:16:3e:12:34:56");
        return;
    }
    /* libxl also makes a random address for all zeros. */
    vif->mac_given = memcmp(vif->mac, zero, sizeof(zero)) != 0;
    if (vif->mac[0] & 1)
        fail(parse, "mac",
             "this is a multicast address; the first byte must "
             "be even");
}

static void
check_name(struct parse *parse, const char *what, const char *name)
{
    const char *wrong = xk_net_name_check(name);

    if (wrong != NULL)
        fail(parse, what, wrong);
}

static void
set_backendtype(struct parse *parse, const char *value)
{
    if (strcmp(value, "linux") == 0)
        parse->vif->backend = XK_VIF_BACKEND_LINUX;
    else if (strcmp(value, "xk") == 0)
        parse->vif->backend = XK_VIF_BACKEND_XK;
    else
        fail(parse, "backendtype", "it is linux or xk");
}

static void
set_vifname(struct parse *parse, const char *value)
{
    check_name(parse, "vifname", value);
    replace(&parse->vif->vifname, value);
}

/* Open vSwitch's script takes BRIDGE.VLAN:TRUNK:..., which may contain colons
 * and be longer than a device's name. */
static void
set_bridge(struct parse *parse, const char *value)
{
    XK_CLEANUP_FREE char *name = xk_strndup(value, strcspn(value, ".:"));

    if (xk_net_name_check(name) != NULL || strpbrk(value, "/ \t\n") != NULL)
        fail(parse, "bridge",
             "a network device's name has 1 to 15 bytes, without '/' and "
             "blanks");
    replace(&parse->vif->bridge, value);
}

static void
set_gatewaydev(struct parse *parse, const char *value)
{
    check_name(parse, "gatewaydev", value);
    replace(&parse->vif->gatewaydev, value);
}

static void
set_netdev(struct parse *parse, const char *value)
{
    xk_spec_warn(parse->spec, parse->offset,
                 "netdev is deprecated; write gatewaydev");
    set_gatewaydev(parse, value);
}

static void
set_model(struct parse *parse, const char *value)
{
    replace(&parse->vif->model, value);
}

static void
set_script(struct parse *parse, const char *value)
{
    replace(&parse->vif->script, value);
}

static void
set_ip(struct parse *parse, const char *value)
{
    replace(&parse->vif->ip, value);
}

static void
set_backend(struct parse *parse, const char *value)
{
    replace(&parse->vif->backend_domain, value);
}

static void
set_rate(struct parse *parse, const char *value)
{
    const char *wrong =
        xk_vif_rate_parse(value, &parse->vif->rate_bytes_per_interval,
                          &parse->vif->rate_interval_us);

    if (wrong != NULL)
        fail(parse, "rate", wrong);
}

static void
set_devid(struct parse *parse, const char *value)
{
    uint64_t devid = 0;

    if (!xk_parse_u64(value, INT32_MAX, &devid))
        fail(parse, "devid", "it must be a number from 0 to 2147483647");
    parse->vif->devid = (int)devid;
}

static void
set_mtu(struct parse *parse, const char *value)
{
    uint64_t mtu = 0;

    if (!xk_parse_u64(value, 65535, &mtu) || mtu < 68)
        fail(parse, "mtu", "it must be a number from 68 to 65535");
    parse->vif->mtu = (unsigned)mtu;
}

static void
set_vlan(struct parse *parse, const char *value)
{
    const char *wrong = xk_vlan_check(value);

    if (wrong != NULL)
        fail(parse, "vlan", wrong);
    replace(&parse->vif->vlan, value);
}

static void
set_hostfwd(struct parse *parse, const char *value)
{
    struct xk_vif *vif = parse->vif;
    const char *wrong;

    if (vif->hostfwd_count == HOSTFWD_MAX) {
        fail(parse, "hostfwd", "more than 256 ports");
        return;
    }
    XK_GROW(vif->hostfwd, vif->hostfwd_count);
    wrong = xk_hostfwd_parse(value, &vif->hostfwd[vif->hostfwd_count++]);
    if (wrong != NULL)
        fail(parse, "hostfwd", wrong);
}

/* Returns whether it is 1. */
static bool
take_switch(struct parse *parse, const char *what, const char *value)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        fail(parse, what, "it must be 0 or 1");
    return value[0] == '1';
}

static void
set_hostloopback(struct parse *parse, const char *value)
{
    parse->vif->no_host_loopback = !take_switch(parse, "hostloopback", value);
}

static void
set_spoofcheck(struct parse *parse, const char *value)
{
    parse->vif->spoof_check = take_switch(parse, "spoofcheck", value);
}

/* value is the flag: trusted or untrusted. */
static void
set_trusted(struct parse *parse, const char *value)
{
    parse->vif->untrusted = *value == 'u';
}

static void
ignore_accel(struct parse *parse, const char *value)
{
    (void)value;
    xk_spec_warn(parse->spec, parse->offset, "accel has no effect, as in xl");
}

static void
refuse_colo(struct parse *parse, const char *value)
{
    (void)value;
    fail(parse, "COLO", "replication is not supported");
}

static const struct option {
    const char *name; /* with its '='; a name without '=' is a flag */
    void (*set)(struct parse *parse, const char *value);
} options[] = {
    {"type=", set_type},
    {"mac=", set_mac},
    {"bridge=", set_bridge},
    {"netdev=", set_netdev},
    {"gatewaydev=", set_gatewaydev},
    {"ip=", set_ip},
    {"script=", set_script},
    {"backend=", set_backend},
    {"backendtype=", set_backendtype},
    {"vifname=", set_vifname},
    {"model=", set_model},
    {"rate=", set_rate},
    {"devid=", set_devid},
    {"mtu=", set_mtu},
    {"vlan=", set_vlan},
    {"hostfwd=", set_hostfwd},
    {"hostloopback=", set_hostloopback},
    {"spoofcheck=", set_spoofcheck},
    {"accel=", ignore_accel},
    {"forwarddev=", refuse_colo},
    {"trusted", set_trusted},
    {"untrusted", set_trusted},
};

static const struct option *
find_option(const char *token, size_t *name_length)
{
    size_t length = strcspn(token, "=");

    *name_length = token[length] == '=' ? length + 1 : 0;
    for (size_t i = 0; i < XK_ARRAY_SIZE(options); i++) {
        const char *name = options[i].name;

        if (*name_length == 0 ? strcmp(token, name) == 0
                              : strlen(name) == *name_length &&
                                    memcmp(token, name, *name_length) == 0)
            return &options[i];
    }
    return NULL;
}

/* Whether an option that a blank separates follows in the value. A comma was
 * meant: no value has such words. */
static bool
has_another_option(const char *value)
{
    const char *p = value;

    while ((p = strchr(p, ' ')) != NULL) {
        size_t name_length;

        p += strspn(p, " ");
        if (find_option(p, &name_length) != NULL && name_length > 0)
            return true;
    }
    return false;
}

static void
unknown_option(struct parse *parse, const char *token, size_t name_length)
{
    XK_CLEANUP_FREE char *name =
        xk_strndup(token, name_length > 0 ? name_length : strlen(token));
    struct xk_suggest suggest;
    const char *best;

    if (strncmp(token, "colo_", 5) == 0) {
        refuse_colo(parse, "");
        return;
    }
    parse->failures++;
    xk_suggest_init(&suggest, name);
    for (size_t i = 0; i < XK_ARRAY_SIZE(options); i++)
        xk_suggest_offer(&suggest, options[i].name);
    best = xk_suggest_best(&suggest);
    if (best != NULL)
        xk_spec_error(parse->spec, parse->offset,
                      "unknown option '%.64s'; did you mean '%s'?", name, best);
    else
        xk_spec_error(parse->spec, parse->offset, "unknown option '%.64s'",
                      name);
}

static void
parse_option(struct parse *parse, const char *token, size_t offset)
{
    size_t name_length;
    const struct option *option = find_option(token, &name_length);

    parse->offset = offset;
    if (option == NULL) {
        unknown_option(parse, token, name_length);
        return;
    }
    parse->offset += name_length;
    if (has_another_option(token + name_length))
        fail(parse, "a blank", "options are separated by commas");
    else
        option->set(parse, token + name_length);
}

void
xk_mac_random(uint8_t mac[6])
{
    static const uint8_t prefix[3] = {0x00, 0x16, 0x3e};

    memcpy(mac, prefix, sizeof(prefix));
    if (getrandom(mac + 3, 3, 0) != 3)
        abort();
}

int
xk_vif_parse(const struct xk_spec *spec, struct xk_vif *vif)
{
    struct parse parse = {.spec = spec, .vif = vif};
    const char *p = spec->text;

    *vif = (struct xk_vif){.where = spec->where, .devid = -1};
    if (strnlen(spec->text, SPEC_MAX + 1) > SPEC_MAX)
        return xk_spec_error(spec, 0, "the text is longer than %d bytes",
                             SPEC_MAX);
    while (*p != '\0' && parse.failures < FAILURES_MAX) {
        size_t length = strcspn(p, ",");
        size_t blanks = strspn(p, " ");

        if (blanks > length)
            blanks = length;
        if (length > blanks) {
            XK_CLEANUP_FREE char *token =
                xk_strndup(p + blanks, length - blanks);

            parse_option(&parse, token, (size_t)(p - spec->text) + blanks);
        }
        p += length + (p[length] == ',');
    }
    parse.offset = 0;
    if (vif->hostfwd_count > 0 && vif->type != XK_VIF_USER)
        fail(&parse, "hostfwd", "it needs type=user");
    if (vif->no_host_loopback && vif->type != XK_VIF_USER)
        fail(&parse, "hostloopback", "it needs type=user");
    if (vif->spoof_check && vif->type == XK_VIF_USER)
        fail(&parse, "spoofcheck", "a user-mode network has no other card");
    if (vif->bridge != NULL && vif->type == XK_VIF_USER)
        fail(&parse, "type", "a user-mode network has no bridge");
    if (!vif->mac_given)
        xk_mac_random(vif->mac);
    return parse.failures > 0 ? -1 : 0;
}

bool
xk_vif_collides(const struct xk_vif *vif, const struct xk_vif *other)
{
    const char *bridge = vif->bridge != NULL ? vif->bridge : XK_BRIDGE_DEFAULT;
    const char *other_bridge =
        other->bridge != NULL ? other->bridge : XK_BRIDGE_DEFAULT;

    return memcmp(vif->mac, other->mac, sizeof(vif->mac)) == 0 &&
           vif->type != XK_VIF_USER && other->type != XK_VIF_USER &&
           strcmp(bridge, other_bridge) == 0;
}

void
xk_vif_free(struct xk_vif *vif)
{
    free(vif->bridge);
    free(vif->gatewaydev);
    free(vif->model);
    free(vif->vifname);
    free(vif->script);
    free(vif->ip);
    free(vif->backend_domain);
    free(vif->vlan);
    free(vif->hostfwd);
    *vif = (struct xk_vif){0};
}
