/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of a PVH guest. libacpi makes them; Xen's build puts it into
 * libxenlight.a. Xen installs no header for it, so acpi.c declares its types
 * and checks the tables before they are used.
 */
#ifndef XK_TOOLSTACK_XEN_BUILDER_ACPI_H
#define XK_TOOLSTACK_XEN_BUILDER_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    XK_ACPI_PAGE = 4096,
    XK_ACPI_PAGES_MAX = 16, /* pages of tables */
};

/* The guest's address where libxl puts them: one page with information for the
 * DSDT, then the tables. */
#define XK_ACPI_ADDRESS UINT64_C(0xfc000000)

struct xk_acpi {
    unsigned char root[XK_ACPI_PAGE]; /* the root pointer (RSDP) */
    unsigned char info[XK_ACPI_PAGE];
    unsigned char tables[XK_ACPI_PAGES_MAX * XK_ACPI_PAGE];
    size_t pages; /* of tables, in use */
};

/* Make tables for that many CPUs, of which the first `online` are online at the
 * start. The caller frees them. Returns NULL if this build's libacpi differs
 * from the one declared in acpi.c. */
struct xk_acpi *xk_acpi_make(unsigned cpus, unsigned online,
                             struct xk_error *err);

/* True if the tables are as expected: checksums, pointers, DSDT and CPUs. */
bool xk_acpi_is_right(const struct xk_acpi *acpi, unsigned cpus,
                      unsigned online);

#endif
