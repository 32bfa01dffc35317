/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net-helpers/plug.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "net-helpers/bridge.h"
#include "net-helpers/plug_internal.h"
#include "net-helpers/plug_mark.h"
#include "net-helpers/tap.h"

enum {
    UNDO_MS = 5000,
};

/* ---- what there is ---- */

static int
check_bridge(const struct xk_plug *plug, struct xk_deadline deadline,
             struct xk_error *err)
{
    (void)deadline;
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
xk_plug_read(const struct xk_plug *plug, struct xk_error *err)
{
    const struct xk_plug_ops *plug_ops = ops_of(plug);

    return plug_ops->read != NULL ? plug_ops->read(plug, err) : 0;
}

static int
check_until(const struct xk_plug *plug, struct xk_deadline deadline,
            struct xk_error *err)
{
    return xk_plug_read(plug, err) == 0
               ? ops_of(plug)->check(plug, deadline, err)
               : -1;
}

int
xk_plug_check(const struct xk_plug *plug, struct xk_error *err)
{
    return check_until(plug, xk_deadline_never(), err);
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

static int
take_out(int dir_fd, const char *path, struct xk_deadline deadline,
         struct xk_error *err)
{
    struct xk_plug_mark mark;
    const struct xk_plug_ops *plug_ops;
    int r = 0;

    if (xk_plug_mark_read(dir_fd, path, &mark, err) == -1)
        return -1;
    plug_ops = ops_of(&mark.plug);
    if (plug_ops->out != NULL)
        r = plug_ops->out(&mark.plug, &mark.card, time_to_undo(deadline), err);
    xk_plug_mark_free(&mark);
    return r;
}

int
xk_plug_out(int dir_fd, const char *mark, struct xk_deadline deadline,
            struct xk_error *err)
{
    int r;

    if (faccessat(dir_fd, mark, F_OK, AT_SYMLINK_NOFOLLOW) == -1)
        return 0;
    r = take_out(dir_fd, mark, deadline, err);
    if (unlinkat(dir_fd, mark, 0) == -1 && errno != ENOENT && r == 0)
        return xk_fail_errno(err, "remove \"%s\"", mark);
    return r;
}

static int
plug(const struct xk_plug *plug, const struct xk_plug_card *card,
     struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_plug_ops *plug_ops = ops_of(plug);

    if (plug_ops->in == NULL)
        return 0;
    if (plug_ops->leaves && card->mark != NULL &&
        xk_plug_mark_write(plug, card, err) == -1)
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

    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(XK_PLUG_MS));
    if (check_until(to, deadline, err) == -1)
        return -1;
    if (card->mark != NULL &&
        xk_plug_out(card->dir_fd, card->mark, deadline, &why) == -1)
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
