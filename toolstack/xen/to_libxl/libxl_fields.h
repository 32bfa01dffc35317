/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Types of the fields of libxl_domain_config that libxl_fields.def names. */
#ifndef XK_TOOLSTACK_XEN_TO_LIBXL_LIBXL_FIELDS_H
#define XK_TOOLSTACK_XEN_TO_LIBXL_LIBXL_FIELDS_H

enum xk_libxl_field_kind {
    XK_LIBXL_FIELD_ELSEWHERE, /* not a single field */
    XK_LIBXL_FIELD_TEXT,
    XK_LIBXL_FIELD_DEFBOOL,
    XK_LIBXL_FIELD_INT,
    XK_LIBXL_FIELD_UINT32,
    XK_LIBXL_FIELD_KB,      /* MiB in the file, KiB in libxl */
    XK_LIBXL_FIELD_STRINGS, /* a list of strings */
    XK_LIBXL_FIELD_BIOS,    /* from here on enumerations, by libxl's names */
    XK_LIBXL_FIELD_HDTYPE,
    XK_LIBXL_FIELD_VENDOR,
    XK_LIBXL_FIELD_GENID,
    XK_LIBXL_FIELD_ALTP2M,
    XK_LIBXL_FIELD_PASSTHROUGH,
    XK_LIBXL_FIELD_DM_VERSION,
    XK_LIBXL_FIELD_GIC,
    XK_LIBXL_FIELD_VUART,
    XK_LIBXL_FIELD_TEE,
    XK_LIBXL_FIELD_TSC,
    XK_LIBXL_FIELD_TIMER,
    XK_LIBXL_FIELD_COUNT,
};

#endif
