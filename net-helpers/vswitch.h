/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port of an Open vSwitch, as bridge= has it. */
#ifndef XK_NET_HELPERS_VSWITCH_H
#define XK_NET_HELPERS_VSWITCH_H

struct xk_vswitch_port {
    char bridge[16];
    char tag[5];      /* the VLAN without a tag; "": none */
    char trunks[256]; /* those with one: "20,30"; "": all, or none with tag */
};

/* Parse "ovsbr0.10:20:30". Returns NULL, or what is wrong. */
const char *xk_vswitch_parse(const char *text, struct xk_vswitch_port *port);

#endif
