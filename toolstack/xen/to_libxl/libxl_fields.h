/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in a field of libxl_domain_config: see libxl_fields.def. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_LIBXL_FIELDS_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_LIBXL_FIELDS_H

enum xk_place_kind {
    XK_PLACE_ELSEWHERE,
    XK_PLACE_TEXT,
    XK_PLACE_DEFBOOL,
    XK_PLACE_INT,
    XK_PLACE_UINT32,
    XK_PLACE_KB,      /* MiB in the file, KiB in libxl */
    XK_PLACE_STRINGS, /* a list of texts */
    XK_PLACE_BIOS,    /* the rest: enumerations, by libxl's own names */
    XK_PLACE_HDTYPE,
    XK_PLACE_VENDOR,
    XK_PLACE_GENID,
    XK_PLACE_ALTP2M,
    XK_PLACE_PASSTHROUGH,
    XK_PLACE_DM_VERSION,
    XK_PLACE_GIC,
    XK_PLACE_VUART,
    XK_PLACE_TEE,
    XK_PLACE_TSC,
    XK_PLACE_TIMER,
};

#endif
