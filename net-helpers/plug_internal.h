/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of a plug share. */
#ifndef XK_NET_HELPERS_PLUG_INTERNAL_H
#define XK_NET_HELPERS_PLUG_INTERNAL_H

#include <stdbool.h>

#include "net-helpers/plug.h"

struct xk_plug_ops {
    bool leaves; /* it outlives its TAP, so there is a mark */
    bool takes_address;

    /* Check the words, on whichever machine. NULL: any are right. */
    int (*read)(const struct xk_plug *plug, struct xk_error *err);
    /* Check that this host has what they name; read() has passed. Gives up by
     * itself if a program does not answer, and at the deadline. */
    int (*check)(const struct xk_plug *plug, struct xk_deadline deadline,
                 struct xk_error *err);
    /* The TAP is there, and down. NULL: it was plugged in when it was made. */
    int (*in)(const struct xk_plug *plug, const struct xk_plug_card *card,
              struct xk_deadline deadline, struct xk_error *err);
    /* The TAP may be gone. NULL unless it leaves something. */
    int (*out)(const struct xk_plug *plug, const struct xk_plug_card *card,
               struct xk_deadline deadline, struct xk_error *err);
};

extern const struct xk_plug_ops xk_plug_route_ops;   /* route.c */
extern const struct xk_plug_ops xk_plug_script_ops;  /* plug_script.c */
extern const struct xk_plug_ops xk_plug_vswitch_ops; /* vswitch.c */

#endif
