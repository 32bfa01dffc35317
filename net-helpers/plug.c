/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/plug.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/bridge.h"
#include "net-helpers/name.h"
#include "net-helpers/plug_internal.h"
#include "net-helpers/tap.h"

enum {
    UNDO_MS = 5000,
};

/* ---- what there is ---- */

static int
check_bridge(const struct xk_plug *plug, struct xk_error *err)
{
    if (xk_bridge_exists(plug->bridge))
        return 0;
    return xk_fail(err, XK_ERR_CONFIG,
                   "there is no bridge \"%s\": make it (ip link add %s type "
                   "bridge) or name another with bridge=",
                   plug->bridge, plug->bridge);
}

static const struct xk_plug_ops bridge_ops = {.check = check_bridge};

static const struct xk_plug_ops *const ops[] = {
    [XK_PLUG_BRIDGE] = &bridge_ops,
    [XK_PLUG_VSWITCH] = &xk_plug_vswitch_ops,
    [XK_PLUG_ROUTE] = &xk_plug_route_ops,
    [XK_PLUG_SCRIPT] = &xk_plug_script_ops,
};

static const struct {
    const char *script;
    enum xk_plug_kind kind;
} built_in[] = {
    {"vif-bridge", XK_PLUG_BRIDGE},
    {"vif-openvswitch", XK_PLUG_VSWITCH},
    {"vif-route", XK_PLUG_ROUTE},
};

enum xk_plug_kind
xk_plug_kind(const char *script)
{
    size_t folder = strlen(XK_PLUG_SCRIPTS "/");

    if (script == NULL)
        return XK_PLUG_BRIDGE;
    if (strncmp(script, XK_PLUG_SCRIPTS "/", folder) == 0)
        script += folder;
    for (size_t i = 0; i < XK_ARRAY_SIZE(built_in); i++) {
        if (strcmp(script, built_in[i].script) == 0)
            return built_in[i].kind;
    }
    return XK_PLUG_SCRIPT;
}

bool
xk_plug_takes_address(enum xk_plug_kind kind)
{
    return ops[kind]->takes_address;
}

bool
xk_plug_leaves(enum xk_plug_kind kind)
{
    return ops[kind]->leaves;
}

static const struct xk_plug_ops *
ops_of(const struct xk_plug *plug)
{
    return ops[xk_plug_kind(plug->script)];
}

bool
xk_plug_renames(const struct xk_plug *plug)
{
    return xk_plug_kind(plug->script) == XK_PLUG_SCRIPT;
}

int
xk_plug_check(const struct xk_plug *plug, struct xk_error *err)
{
    return ops_of(plug)->check(plug, err);
}

/* ---- the mark ---- */

/* It names the device that was plugged in. */
static int
make_mark(const struct xk_plug_card *card, struct xk_error *err)
{
    return xk_write_file(card->dir_fd, card->mark, card->device,
                         strlen(card->device), false, err);
}

/* Whether there is a mark; *device is the name in it. */
static bool
read_mark(const struct xk_plug_card *card, char device[IFNAMSIZ])
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (card->mark == NULL ||
        xk_read_file(card->dir_fd, card->mark, IFNAMSIZ - 1, &text, NULL) ==
            -1 ||
        text.length == 0)
        return false;
    memcpy(device, text.data, text.length);
    device[text.length] = '\0';
    return xk_net_name_check(device) == NULL;
}

/* ---- in and out ---- */

/* What is not undone now never is, so there is some time for it even if the
 * caller has none left. */
static struct xk_deadline
time_to_undo(struct xk_deadline deadline)
{
    return xk_deadline_left_ms(deadline) < UNDO_MS ? xk_deadline_in_ms(UNDO_MS)
                                                   : deadline;
}

int
xk_plug_out(const struct xk_plug *plug, const struct xk_plug_card *card,
            struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_plug_ops *plug_ops = ops_of(plug);
    struct xk_plug_card marked = *card;
    char device[IFNAMSIZ];
    int r;

    if (plug_ops->out == NULL || !read_mark(card, device))
        return 0;
    marked.device = device;
    r = plug_ops->out(plug, &marked, time_to_undo(deadline), err);
    if (unlinkat(card->dir_fd, card->mark, 0) == -1 && errno != ENOENT &&
        r == 0)
        return xk_fail_errno(err, "remove \"%s\"", card->mark);
    return r;
}

static int
plug(const struct xk_plug *plug, const struct xk_plug_card *card,
     struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_plug_ops *plug_ops = ops_of(plug);

    if (plug_ops->in == NULL)
        return 0;
    if (plug_ops->leaves && card->mark != NULL && make_mark(card, err) == -1)
        return -1;
    return plug_ops->in(plug, card, deadline, err);
}

int
xk_plug_in(const struct xk_plug *to, const struct xk_plug_card *card, int *fds,
           unsigned count, struct xk_deadline deadline, struct xk_error *err)
{
    const char *bridge =
        xk_plug_kind(to->script) == XK_PLUG_BRIDGE ? to->bridge : NULL;
    struct xk_error why;

    if (xk_plug_check(to, err) == -1)
        return -1;
    if (xk_plug_out(to, card, deadline, &why) == -1)
        xk_warn("%s: %s", card->device, why.message);
    if (xk_tap_create(card->device, bridge, card->mtu, fds, count, deadline,
                      err) == -1)
        return -1;
    if (plug(to, card, deadline, err) == 0)
        return 0;
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
    return -1;
}
