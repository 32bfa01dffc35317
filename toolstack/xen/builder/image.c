/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domain's event channels, memory and kernel. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/builder/acpi.h"
#include "toolstack/xen/builder/builder.h"

#define FOUR_GIB (UINT64_C(1) << 32)

enum {
    MAP_MAX = MAX_ACPI_MODULES + 3, /* ranges in the memory map */
};

/* ---- event channels ---- */

static int
read_server(struct xk_builder *builder, const char *path, unsigned *domid,
            struct xk_error *err)
{
    struct xk_error why = {0};
    uint64_t number = 0;

    if (xk_store_read_u64(builder->store, XK_STORE_NO_TX, path, UINT16_MAX,
                          &number, builder->deadline, &why) == -1 &&
        why.kind != XK_ERR_NOT_FOUND) {
        *err = why;
        return -1;
    }
    *domid = (unsigned)number;
    return 0;
}

static int
open_channel(const struct xk_builder *builder, unsigned server, uint32_t *port,
             struct xk_error *err)
{
    xc_evtchn_port_or_error_t made =
        xc_evtchn_alloc_unbound(builder->xc, builder->domid, server);

    if (made < 0)
        return xk_builder_fail(builder, "give it an event channel", err);
    *port = (uint32_t)made;
    return 0;
}

static int
open_channels(struct xk_builder *builder, struct xk_error *err)
{
    if (read_server(builder, "/tool/xenstored/domid", &builder->store_domid,
                    err) == -1 ||
        read_server(builder, "/tool/xenconsoled/domid", &builder->console_domid,
                    err) == -1)
        return -1;
    if (open_channel(builder, builder->store_domid, &builder->store_port,
                     err) == -1)
        return -1;
    return open_channel(builder, builder->console_domid, &builder->console_port,
                        err);
}

/* ---- the image ---- */

static void
describe_hvm(const struct xk_builder *builder, struct xc_dom_image *image)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    uint64_t end = info->max_memkb << 10;

    image->container_type = XC_DOM_HVM_CONTAINER;
    image->target_pages = info->target_memkb / (XC_PAGE_SIZE >> 10);
    /* The MMIO hole contains the ACPI tables, the special pages and the local
     * APIC. */
    image->mmio_start = XK_ACPI_ADDRESS;
    image->mmio_size = FOUR_GIB - XK_ACPI_ADDRESS;
    image->lowmem_end = end > image->mmio_start ? image->mmio_start : end;
    image->highmem_end =
        end > image->mmio_start ? FOUR_GIB + end - image->mmio_start : 0;
}

static int
describe_image(const struct xk_builder *builder, struct xc_dom_image *image,
               struct xk_error *err)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;

    if (builder->config->type == XK_TYPE_PV)
        image->container_type = XC_DOM_PV_CONTAINER;
    else
        describe_hvm(builder, image);
    image->claim_enabled = libxl_defbool_val(info->claim_mode);
    image->max_vcpus = (unsigned)info->max_vcpus;
    image->console_evtchn = builder->console_port;
    image->console_domid = builder->console_domid;
    image->xenstore_evtchn = builder->store_port;
    image->xenstore_domid = builder->store_domid;
    if (xc_dom_kernel_file(image, info->kernel) != 0)
        return xk_builder_fail(builder, "load its kernel", err);
    if (info->ramdisk != NULL && info->ramdisk[0] != '\0' &&
        xc_dom_module_file(image, info->ramdisk, NULL) != 0)
        return xk_builder_fail(builder, "load its ramdisk", err);
    return 0;
}

/* ---- the memory map of a PVH guest ---- */

static void
add_range(struct e820entry *map, unsigned *count, uint64_t address,
          uint64_t size, uint32_t type)
{
    if (size > 0)
        map[(*count)++] = (struct e820entry){address, size, type};
}

static int
set_map(const struct xk_builder *builder, struct xc_dom_image *image,
        struct xk_error *err)
{
    struct e820entry *map = xc_dom_malloc(image, MAP_MAX * sizeof(*map));
    unsigned count = 0;

    if (map == NULL)
        return xk_builder_fail(builder, "describe its memory", err);
    add_range(map, &count, 0, image->lowmem_end, E820_RAM);
    add_range(map, &count,
              (uint64_t)(X86_HVM_END_SPECIAL_REGION - X86_HVM_NR_SPECIAL_PAGES)
                  << XC_PAGE_SHIFT,
              (uint64_t)X86_HVM_NR_SPECIAL_PAGES << XC_PAGE_SHIFT,
              E820_RESERVED);
    for (size_t i = 0; i < MAX_ACPI_MODULES; i++) {
        uint64_t inside = image->acpi_modules[i].guest_addr_out % XC_PAGE_SIZE;

        if (image->acpi_modules[i].length == 0)
            continue;
        add_range(map, &count, image->acpi_modules[i].guest_addr_out - inside,
                  image->acpi_modules[i].length + inside, E820_ACPI);
    }
    if (image->highmem_end > 0)
        add_range(map, &count, FOUR_GIB, image->highmem_end - FOUR_GIB,
                  E820_RAM);
    if (xc_domain_set_memory_map(builder->xc, builder->domid, map, count) != 0)
        return xk_builder_fail(builder, "describe its memory", err);
    image->e820 = map;
    image->e820_entries = count;
    return 0;
}

/* Linux before 4.17 expects the root pointer (RSDP) where a BIOS puts it. */
static uint64_t
root_address(struct xc_dom_image *image, size_t pages)
{
    if (strcmp(xc_dom_guest_os(image), "linux") == 0 &&
        !xc_dom_feature_get(image, XENFEAT_linux_rsdp_unrestricted))
        return 0x100000 - 64;
    return XK_ACPI_ADDRESS + (1 + pages) * XK_ACPI_PAGE;
}

static int
describe_memory(const struct xk_builder *builder, struct xc_dom_image *image,
                struct xk_acpi **tables, struct xk_error *err)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    struct xk_acpi *acpi =
        xk_acpi_make((unsigned)info->max_vcpus,
                     (unsigned)libxl_bitmap_count_set(&info->avail_vcpus), err);

    *tables = acpi;
    if (acpi == NULL)
        return -1;
    image->acpi_modules[0] = (struct xc_hvm_firmware_module){
        acpi->root, 64, root_address(image, acpi->pages)};
    image->acpi_modules[1] = (struct xc_hvm_firmware_module){
        acpi->info, XK_ACPI_PAGE, XK_ACPI_ADDRESS};
    image->acpi_modules[2] = (struct xc_hvm_firmware_module){
        acpi->tables, (uint32_t)(acpi->pages * XK_ACPI_PAGE),
        XK_ACPI_ADDRESS + XK_ACPI_PAGE};
    return set_map(builder, image, err);
}

/* ---- building ---- */

static int
take_memory(const struct xk_builder *builder, struct xc_dom_image *image,
            struct xk_error *err)
{
    const libxl_domain_build_info *info = &builder->libxl.b_info;
    uint64_t kb = builder->config->type == XK_TYPE_PV ? info->target_memkb
                                                      : info->max_memkb;

    if (xc_dom_boot_xen_init(image, builder->xc, builder->domid) != 0 ||
        xc_dom_parse_image(image) != 0)
        return xk_builder_fail(builder, "read its kernel", err);
    if (xc_dom_mem_init(image, (unsigned)(kb / 1024)) != 0 ||
        xc_dom_boot_mem_init(image) != 0)
        return xk_builder_fail(builder, "give it memory", err);
    return 0;
}

static int
build(struct xk_builder *builder, struct xc_dom_image *image,
      struct xk_acpi **tables, struct xk_error *err)
{
    bool pv = builder->config->type == XK_TYPE_PV;

    if (describe_image(builder, image, err) == -1 ||
        take_memory(builder, image, err) == -1 ||
        (!pv && describe_memory(builder, image, tables, err) == -1))
        return -1;
    if (xc_dom_build_image(image) != 0 || xc_dom_boot_image(image) != 0 ||
        xc_dom_gnttab_init(image) != 0)
        return xk_builder_fail(builder, "put its kernel into its memory", err);
    builder->console_gfn = xc_dom_translated(image)
                               ? image->console_pfn
                               : xc_dom_p2m(image, image->console_pfn);
    builder->store_gfn = xc_dom_translated(image)
                             ? image->xenstore_pfn
                             : xc_dom_p2m(image, image->xenstore_pfn);
    return 0;
}

int
xk_builder_load(struct xk_builder *builder, struct xk_error *err)
{
    struct xk_acpi *tables = NULL;
    struct xc_dom_image *image;
    int r;

    if (open_channels(builder, err) == -1)
        return -1;
    image = xc_dom_allocate(builder->xc, builder->libxl.b_info.cmdline, NULL);
    if (image == NULL)
        return xk_builder_fail(builder, "make room for its image", err);
    r = build(builder, image, &tables, err);
    xc_dom_release(image);
    free(tables);
    return r;
}
