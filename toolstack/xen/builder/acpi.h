/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables of a PVH guest, by libacpi, which Xen's build puts into
 * libxenlight.a. No header of it is installed, so what it takes is declared in
 * acpi.c, and what it makes is checked before it is used.
 */
#ifndef XK_TOOLSTACK_XEN_BUILDER_ACPI_H
#define XK_TOOLSTACK_XEN_BUILDER_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    XK_ACPI_PAGE = 4096,
    XK_ACPI_PAGES_MAX = 16, /* of tables */
};

/* Where libxl puts them: a page that tells the DSDT what there is, then the
 * tables. */
#define XK_ACPI_ADDRESS UINT64_C(0xfc000000)

struct xk_acpi {
    unsigned char root[XK_ACPI_PAGE]; /* the root pointer (RSDP) */
    unsigned char info[XK_ACPI_PAGE];
    unsigned char tables[XK_ACPI_PAGES_MAX * XK_ACPI_PAGE];
    size_t pages; /* of tables, that are used */
};

/* Tables for so many CPUs, of which the first `online` are there at the start;
 * the caller frees them. NULL where libacpi of this build is another than is
 * known here. */
struct xk_acpi *xk_acpi_make(unsigned cpus, unsigned online,
                             struct xk_error *err);

/* Whether they are what they should be: their sums, where they point, the DSDT
 * and the CPUs. */
bool xk_acpi_is_right(const struct xk_acpi *acpi, unsigned cpus,
                      unsigned online);

#endif
