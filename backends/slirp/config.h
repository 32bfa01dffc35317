/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What xk tells xk-slirp: network.json (contracts/user_network.h). */
#ifndef XK_BACKENDS_SLIRP_CONFIG_H
#define XK_BACKENDS_SLIRP_CONFIG_H

#include "backends/slirp/stack.h"

enum {
    XK_SLIRP_FORWARDS_MAX = 256
};

struct xk_slirp_config {
    uint32_t uid, gid; /* 65534 unless told */
    struct xk_stack_options stack;
    struct xk_stack_forward *forwards; /* those of `stack` */
};

/* Read DIR/network.json. XK_ERR_CONFIG names the file and the member. Free the
 * result in any case. */
int xk_slirp_config_read(int dir_fd, struct xk_slirp_config *config,
                         struct xk_error *err);
void xk_slirp_config_free(struct xk_slirp_config *config);

#endif
