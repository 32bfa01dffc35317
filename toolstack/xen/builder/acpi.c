/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source: tools/libacpi/libacpi.h and build.c, libxl_x86_acpi.c; the ACPI
 * specification for the layout of the tables that are checked.
 */
#include "toolstack/xen/builder/acpi.h"

#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/hvm/hvm_info_table.h>

#include "base/mem.h"
#include "base/util.h"

#define LAPIC_ADDRESS 0xfee00000u

/* ---- libacpi.h ---- */

struct acpi_numa {
    uint32_t ranges, nodes;
    const unsigned *node_of_cpu, *distances;
    const void *memory;
};

struct acpi_ctxt {
    struct {
        void *(*alloc)(struct acpi_ctxt *context, uint32_t size,
                       uint32_t align);
        void (*free)(struct acpi_ctxt *context, void *memory, uint32_t size);
        unsigned long (*v2p)(struct acpi_ctxt *context, void *memory);
    } mem_ops;
};

struct acpi_config {
    const unsigned char *dsdt_anycpu;
    unsigned dsdt_anycpu_len;
    const unsigned char *dsdt_15cpu;
    unsigned dsdt_15cpu_len;
    uint32_t pci_start, pci_len;
    uint64_t pci_hi_start, pci_hi_len;
    uint32_t table_flags;
    uint8_t acpi_revision;
    uint64_t vm_gid[2];
    unsigned long vm_gid_addr;
    struct {
        uint32_t addr, length;
    } pt;
    struct acpi_numa numa;
    const struct hvm_info_table *hvminfo;
    const uint16_t *tis_hdr;
#if __XEN_LATEST_INTERFACE_VERSION__ >= 0x00041300 /* Xen 4.20: TPM 2.0 */
    const void *tpm;
#endif
    unsigned long infop, rsdp;
    uint32_t (*lapic_id)(unsigned cpu);
    uint32_t lapic_base_address, ioapic_base_address;
    uint16_t pci_isa_irq_mask;
    uint8_t ioapic_id;
};

int acpi_build_tables(struct acpi_ctxt *context, struct acpi_config *config);
extern const unsigned char dsdt_pvh[];
extern const unsigned dsdt_pvh_len;

/* ---- memory for the tables ---- */

struct room {
    struct acpi_ctxt context; /* first: callbacks cast it to this struct */
    struct xk_acpi *acpi;
    size_t used;
};

static uint64_t
tables_address(void)
{
    return XK_ACPI_ADDRESS + XK_ACPI_PAGE;
}

/* Allocates exactly as libxl does, so that every table has the same address as
 * with libxl. */
static void *
take(struct acpi_ctxt *context, uint32_t size, uint32_t align)
{
    struct room *room = (struct room *)context;
    uint32_t step = align < 16 ? 16 : align;
    size_t start = (room->used + step - 1) / step * step;
    size_t end = start + size - 1;

    if (end < start || end >= sizeof(room->acpi->tables))
        return NULL;
    room->used = end;
    return room->acpi->tables + start;
}

static void
give_back(struct acpi_ctxt *context, void *memory, uint32_t size)
{
    (void)context;
    (void)memory;
    (void)size;
}

static unsigned long
address_of(struct acpi_ctxt *context, void *memory)
{
    const struct room *room = (const struct room *)context;

    return tables_address() +
           (unsigned long)((unsigned char *)memory - room->acpi->tables);
}

static uint32_t
lapic_id(unsigned cpu)
{
    return cpu * 2;
}

/* ---- checking ---- */

static bool
sums_to_zero(const unsigned char *bytes, size_t length)
{
    unsigned char sum = 0;

    for (size_t i = 0; i < length; i++)
        sum = (unsigned char)(sum + bytes[i]);
    return sum == 0;
}

static uint64_t
number(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, bytes, size);
    return value;
}

/* Returns the whole table at a guest address, or NULL if there is none. */
static const unsigned char *
table_at(const struct xk_acpi *acpi, uint64_t address, size_t *length)
{
    size_t room = acpi->pages * XK_ACPI_PAGE, offset;

    if (address < tables_address() || address - tables_address() + 36 > room)
        return NULL;
    offset = (size_t)(address - tables_address());
    *length = (size_t)number(acpi->tables + offset + 4, 4);
    if (*length < 36 || *length > room - offset ||
        !sums_to_zero(acpi->tables + offset, *length))
        return NULL;
    return acpi->tables + offset;
}

/* A MADT lists CPUs as local APIC entries of type 0, 8 bytes each. */
static bool
is_madt(const unsigned char *madt, size_t length, unsigned cpus,
        unsigned online)
{
    const unsigned char *cpu = madt + 44;

    if (number(madt + 36, 4) != LAPIC_ADDRESS ||
        length != 44 + 8 * (size_t)cpus)
        return false;
    for (unsigned i = 0; i < cpus; i++, cpu += 8) {
        if (cpu[0] != 0 || cpu[1] != 8 || cpu[2] != i ||
            cpu[3] != (uint8_t)lapic_id(i) ||
            number(cpu + 4, 4) != (i < online ? 1u : 0u))
            return false;
    }
    return true;
}

/* The FADT must have revision 5 and point to the DSDT that we gave. */
static bool
is_fadt(const struct xk_acpi *acpi, const unsigned char *fadt, size_t length)
{
    const unsigned char *dsdt;
    size_t dsdt_length = 0;

    if (length < 148 || fadt[8] != 5)
        return false;
    dsdt = table_at(acpi, number(fadt + 140, 8), &dsdt_length);
    return dsdt != NULL && dsdt_length == dsdt_pvh_len &&
           memcmp(dsdt, dsdt_pvh, dsdt_pvh_len) == 0;
}

bool
xk_acpi_is_right(const struct xk_acpi *acpi, unsigned cpus, unsigned online)
{
    bool fadt = false, madt = false;
    const unsigned char *xsdt, *table;
    size_t xsdt_length, length;

    if (memcmp(acpi->root, "RSD PTR ", 8) != 0 || !sums_to_zero(acpi->root, 36))
        return false;
    xsdt = table_at(acpi, number(acpi->root + 24, 8), &xsdt_length);
    if (xsdt == NULL || memcmp(xsdt, "XSDT", 4) != 0)
        return false;
    for (size_t at = 36; at + 8 <= xsdt_length; at += 8) {
        table = table_at(acpi, number(xsdt + at, 8), &length);
        if (table == NULL)
            return false;
        if (memcmp(table, "FACP", 4) == 0)
            fadt = is_fadt(acpi, table, length);
        else if (memcmp(table, "APIC", 4) == 0)
            madt = is_madt(table, length, cpus, online);
    }
    return fadt && madt;
}

/* ---- making ---- */

static void
describe(struct acpi_config *config, struct xk_acpi *acpi,
         const struct hvm_info_table *cpus)
{
    *config = (struct acpi_config){
        .dsdt_anycpu = dsdt_pvh,
        .dsdt_anycpu_len = dsdt_pvh_len,
        .dsdt_15cpu = dsdt_pvh,
        .dsdt_15cpu_len = dsdt_pvh_len,
        .acpi_revision = 5,
        .hvminfo = cpus,
        .infop = (unsigned long)(uintptr_t)acpi->info,
        .rsdp = (unsigned long)(uintptr_t)acpi->root,
        .lapic_id = lapic_id,
        .lapic_base_address = LAPIC_ADDRESS,
    };
}

struct xk_acpi *
xk_acpi_make(unsigned cpus, unsigned online, struct xk_error *err)
{
    struct xk_acpi *acpi = XK_NEW(struct xk_acpi);
    struct room room = {{{take, give_back, address_of}}, acpi, 0};
    struct hvm_info_table info = {.apic_mode = 1, .nr_vcpus = cpus};
    struct acpi_config config;

    for (unsigned i = 0; i < online && i < HVM_MAX_VCPUS; i++)
        info.vcpu_online[i / 8] |= (uint8_t)(1u << i % 8);
    describe(&config, acpi, &info);
    if (acpi_build_tables(&room.context, &config) == 0) {
        acpi->pages = (room.used + XK_ACPI_PAGE - 1) / XK_ACPI_PAGE;
        if (xk_acpi_is_right(acpi, cpus, online))
            return acpi;
    }
    free(acpi);
    xk_fail(err, XK_ERR_UNSUPPORTED,
            "xk does not know the libacpi of this build");
    return NULL;
}
