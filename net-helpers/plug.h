/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a network card is plugged into: the one place that says what script=,
 * bridge=, ip= and gatewaydev= of a card mean.
 *
 *     script=                  the card's TAP is            by
 *     none, vif-bridge         a port of a Linux bridge     tap.c
 *     vif-openvswitch          a port of an Open vSwitch    vswitch.c
 *     vif-route                the end of host routes       route.c
 *     any other                what the script makes of it  plug_script.c
 *
 * The first three scripts are Xen's: what they do is done here, and they are
 * not run, by whichever path they are named.
 *
 * A TAP goes with its process, and its place on a bridge and its routes go with
 * it. The port of a vSwitch and what a script has done stay. So a file, the
 * mark, is made before these are plugged in and removed once they are out: as
 * long as it exists there may be something to undo. It says how, because the
 * card may be in no configuration any more by then.
 */
#ifndef XK_NET_HELPERS_PLUG_H
#define XK_NET_HELPERS_PLUG_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"

/* Where a script is that is named without a path. */
#define XK_PLUG_SCRIPTS "/etc/xen/scripts"

enum {
    /* How long a plug may take at most, a script of the user's own included:
     * what libxl gives one. */
    XK_PLUG_MS = 40000,
};

enum xk_plug_kind {
    XK_PLUG_BRIDGE,
    XK_PLUG_VSWITCH,
    XK_PLUG_ROUTE,
    XK_PLUG_SCRIPT,
};

/* A plug, as a card's specification has it. Texts are borrowed; NULL: not
 * given. There is always a bridge, if only the usual one. */
struct xk_plug {
    const char *script, *bridge, *ip, *gatewaydev;
};

/* The card that is plugged in. Texts are borrowed. */
struct xk_plug_card {
    const char *device;  /* its TAP */
    const char *vifname; /* as the user named it; NULL: not at all */
    const char *mac;     /* "00:16:3e:00:00:01" */
    const char *domain;  /* its UUID; NULL: unknown */
    const char *store;   /* its nodes, below the domain that serves it, for
                            XENBUS_PATH; NULL: there is no xenstore */
    int dir_fd;          /* where the mark's path begins; may be AT_FDCWD */
    const char *mark;    /* the path of the mark; NULL: there is none, and what
                            outlives the TAP stays */
    unsigned mtu;        /* 0: the bridge's, or the usual one */
};

enum xk_plug_kind xk_plug_kind(const char *script);

/* Whether the kind has a use for ip= and gatewaydev=. */
bool xk_plug_takes_address(enum xk_plug_kind kind);

/* Whether the plug is the kind that needs the device's usual name, because it
 * gives it the vifname by itself. */
bool xk_plug_renames(const struct xk_plug *plug);

/* Check what the plug says, on whichever machine. */
int xk_plug_read(const struct xk_plug *plug, struct xk_error *err);

/* Check what the plug says, and that this host has what it names: a bridge, a
 * script. Makes nothing. XK_ERR_HOST: a program is missing or does not answer.
 */
int xk_plug_check(const struct xk_plug *plug, struct xk_error *err);

/* Make a TAP of `count` queues for the card, and plug it in. fds receives a
 * descriptor of each queue; the caller closes them, and with them the TAP goes.
 * XK_ERR_EXISTS if there is a network device of that name. What the mark of an
 * earlier TAP of the card says is undone first. Takes XK_PLUG_MS at most,
 * whatever the deadline. After a failure call xk_plug_out(). */
int xk_plug_in(const struct xk_plug *plug, const struct xk_plug_card *card,
               int *fds, unsigned count, struct xk_deadline deadline,
               struct xk_error *err);

/* Undo what outlives the TAP, if there is that mark, and remove the mark. The
 * TAP may be gone. A failure removes the mark too: there is nothing more that
 * we can do. So this may take 5 s even if the deadline is over. */
int xk_plug_out(int dir_fd, const char *mark, struct xk_deadline deadline,
                struct xk_error *err);

#endif
