/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config_hardware.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "toolstack/config/ranges.h"
#include "toolstack/xen/to_libxl/config_options.h"

/* ---- ports, memory, interrupts ---- */

static int
put_ioports(const struct xk_value *value, libxl_domain_build_info *to,
            struct xk_error *err)
{
    to->ioports = xk_calloc(value->item_count, sizeof(*to->ioports));
    for (size_t i = 0; i < value->item_count; i++) {
        uint32_t first, last;

        if (!xk_ioports_parse(value->items[i], &first, &last))
            return xk_fail(err, XK_ERR_CONFIG,
                           "ioports: \"%s\" is not a range of ports",
                           value->items[i]);
        to->ioports[to->num_ioports++] =
            (libxl_ioport_range){first, last - first + 1};
    }
    return 0;
}

static int
put_irqs(const struct xk_value *value, libxl_domain_build_info *to,
         struct xk_error *err)
{
    to->irqs = xk_calloc(value->item_count, sizeof(*to->irqs));
    for (size_t i = 0; i < value->item_count; i++) {
        if (!xk_irq_parse(value->items[i], &to->irqs[i]))
            return xk_fail(err, XK_ERR_CONFIG, "irqs: \"%s\" is not a number",
                           value->items[i]);
        to->num_irqs++;
    }
    return 0;
}

static int
put_iomem(const struct xk_value *value, libxl_domain_build_info *to,
          struct xk_error *err)
{
    to->iomem = xk_calloc(value->item_count, sizeof(*to->iomem));
    for (size_t i = 0; i < value->item_count; i++) {
        libxl_iomem_range *range = &to->iomem[i];
        struct xk_iomem iomem;

        libxl_iomem_range_init(range);
        if (!xk_iomem_parse(value->items[i], &iomem))
            return xk_fail(err, XK_ERR_CONFIG,
                           "iomem: \"%s\" is not a range of pages",
                           value->items[i]);
        range->start = iomem.start;
        range->number = iomem.count;
        if (iomem.has_guest)
            range->gfn = iomem.guest;
        to->num_iomem++;
    }
    return 0;
}

static void
put_dtdevs(const struct xk_value *value, libxl_domain_config *to)
{
    to->dtdevs = xk_calloc(value->item_count, sizeof(*to->dtdevs));
    for (size_t i = 0; i < value->item_count; i++) {
        libxl_device_dtdev_init(&to->dtdevs[i]);
        to->dtdevs[i].path = xk_strdup(value->items[i]);
        to->num_dtdevs++;
    }
}

/* ---- memory that devices reserve ---- */

static int
put_rdm(const struct xk_domain_config *config, libxl_rdm_reserve *to,
        struct xk_error *err)
{
    XK_CLEANUP_GIVENS struct xk_givens givens = {0};
    const char *text = xk_config_string(config, XK_KEY_RDM);

    if (text == NULL)
        return 0;
    if (xk_options_again(XK_OPTIONS_RDM, text, &givens, err) == -1)
        return xk_wrap(err, "rdm");
    to->strategy = LIBXL_RDM_RESERVE_STRATEGY_HOST;
    return xk_xen_put_givens(&givens, to, err);
}

/* PCI devices without a policy of their own get the domain's. A PV guest with
 * PCI devices gets the host's memory map. */
static void
put_policies(const struct xk_domain_config *config, libxl_domain_config *to)
{
    const struct xk_value *list = &config->values[XK_KEY_PCI];

    for (int i = 0; i < to->num_pcidevs; i++) {
        libxl_rdm_reserve_policy *policy = &to->pcidevs[i].rdm_policy;

        if (*policy == LIBXL_RDM_RESERVE_POLICY_INVALID)
            *policy = config->type == XK_TYPE_HVM
                          ? to->b_info.u.hvm.rdm.policy
                          : LIBXL_RDM_RESERVE_POLICY_STRICT;
    }
    if (list->item_count > 0 && config->type == XK_TYPE_PV)
        libxl_defbool_set(&to->b_info.u.pv.e820_host, true);
}

/* ---- firmware ---- */

/* Returns the path of GRUB as the guest's kernel, from Debian's package
 * grub-xen-host; Debian has nothing at the path where xl looks. A PVH guest
 * starts in 32-bit mode, whether it is a 32-bit or a 64-bit guest. */
static const char *
pvgrub(const char *firmware, enum xk_domain_type type)
{
    if (type == XK_TYPE_PVH)
        return "/usr/lib/grub-xen/grub-i386-xen_pvh.bin";
    return strcmp(firmware, "pvgrub32") == 0
               ? "/usr/lib/grub-xen/grub-i386-xen.bin"
               : "/usr/lib/grub-xen/grub-x86_64-xen.bin";
}

/* "bios" is libxl's default. */
static void
put_firmware(const struct xk_domain_config *config, libxl_domain_build_info *to)
{
    const char *firmware = xk_config_string(config, XK_KEY_FIRMWARE);

    if (firmware == NULL || strcmp(firmware, "bios") == 0)
        return;
    if (config->type != XK_TYPE_HVM)
        to->kernel = xk_strdup(pvgrub(firmware, config->type));
    else if (strcmp(firmware, "uefi") == 0)
        to->u.hvm.bios = LIBXL_BIOS_TYPE_OVMF;
    else if (libxl_bios_type_from_string(firmware, &to->u.hvm.bios) != 0) {
        free(to->u.hvm.firmware);
        to->u.hvm.firmware = xk_strdup(firmware);
    }
}

int
xk_xen_config_hardware(const struct xk_domain_config *config,
                       libxl_domain_config *to, struct xk_error *err)
{
    libxl_domain_build_info *b = &to->b_info;

    if (put_ioports(&config->values[XK_KEY_IOPORTS], b, err) == -1 ||
        put_iomem(&config->values[XK_KEY_IOMEM], b, err) == -1 ||
        put_irqs(&config->values[XK_KEY_IRQS], b, err) == -1)
        return -1;
    if (config->type == XK_TYPE_HVM &&
        put_rdm(config, &b->u.hvm.rdm, err) == -1)
        return -1;
    put_dtdevs(&config->values[XK_KEY_DTDEV], to);
    put_policies(config, to);
    put_firmware(config, b);
    return 0;
}
