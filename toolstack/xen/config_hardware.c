/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/config_hardware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxl_utils.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"

enum {
    CPUS_MAX = 4096
};

/* ---- processors ---- */

/* "0-3,^1", "all", checked by the reader already; "node:" and "nodes:" need the
 * host's topology. */
static int
put_range(const char *word, libxl_bitmap *map, struct xk_error *err)
{
    bool not = word[0] == '^';
    unsigned first, last;
    int fields;

    if (strcmp(word, "all") == 0) {
        libxl_bitmap_set_any(map);
        return 0;
    }
    fields = sscanf(word + not, "%u-%u", &first, &last);
    if (fields == 1)
        last = first;
    if (fields < 1 || first > last || last >= CPUS_MAX)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "cpus: \"%s\" is no range of processors from 0 to %d",
                       word, CPUS_MAX - 1);
    for (unsigned cpu = first; cpu <= last; cpu++) {
        if (not )
            libxl_bitmap_reset(map, (int)cpu);
        else
            libxl_bitmap_set(map, (int)cpu);
    }
    return 0;
}

static int
put_cpu_set(const char *text, libxl_bitmap *map, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copied = xk_strdup(text);
    char *state = NULL;

    map->size = CPUS_MAX / 8;
    map->map = xk_calloc(map->size, 1);
    for (char *word = strtok_r(copied, ", ", &state); word != NULL;
         word = strtok_r(NULL, ", ", &state)) {
        if (put_range(word, map, err) == -1)
            return -1;
    }
    return 0;
}

/* One text is for every vcpu; a list has one for each. */
static int
put_affinity(const struct xk_domain_config *config, enum xk_key key,
             libxl_bitmap **maps, int *count, struct xk_error *err)
{
    const struct xk_value *value = &config->values[key];
    size_t wanted =
        value->item_count > 0 ? value->item_count : config->maxvcpus;

    if (!value->set)
        return 0;
    *maps = xk_calloc(wanted, sizeof(**maps));
    for (size_t i = 0; i < wanted; i++) {
        const char *text =
            value->item_count > 0 ? value->items[i] : value->text;

        libxl_bitmap_init(&(*maps)[i]);
        *count = (int)i + 1;
        if (text != NULL && put_cpu_set(text, &(*maps)[i], err) == -1)
            return -1;
    }
    return 0;
}

/* ---- ports, memory, interrupts ---- */

static int
put_ioports(const struct xk_value *value, libxl_domain_build_info *to,
            struct xk_error *err)
{
    to->ioports = xk_calloc(value->item_count, sizeof(*to->ioports));
    for (size_t i = 0; i < value->item_count; i++) {
        unsigned first, last;
        int fields = sscanf(value->items[i], "%x-%x", &first, &last);

        if (fields == 1)
            last = first;
        if (fields < 1 || first > last || last > 0xffff)
            return xk_fail(err, XK_ERR_CONFIG,
                           "ioports: \"%s\" is no range of ports in hex",
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
        uint64_t irq;

        if (!xk_parse_u64(value->items[i], UINT32_MAX, &irq))
            return xk_fail(err, XK_ERR_CONFIG, "irqs: \"%s\" is no number",
                           value->items[i]);
        to->irqs[to->num_irqs++] = (uint32_t)irq;
    }
    return 0;
}

/* START,COUNT[@GFN], pages in hex. */
static int
put_iomem(const struct xk_value *value, libxl_domain_build_info *to,
          struct xk_error *err)
{
    to->iomem = xk_calloc(value->item_count, sizeof(*to->iomem));
    for (size_t i = 0; i < value->item_count; i++) {
        libxl_iomem_range *range = &to->iomem[i];
        unsigned long long start, number, gfn;
        int fields =
            sscanf(value->items[i], "%llx,%llx@%llx", &start, &number, &gfn);

        libxl_iomem_range_init(range);
        if (fields < 2)
            return xk_fail(err, XK_ERR_CONFIG,
                           "iomem: \"%s\" is not START,COUNT or "
                           "START,COUNT@GFN in hex",
                           value->items[i]);
        range->start = start;
        range->number = number;
        if (fields == 3)
            range->gfn = gfn;
        to->num_iomem++;
    }
    return 0;
}

/* ---- PCI devices ---- */

struct pci_option {
    const char *name;
    size_t offset;
    enum xk_key otherwise; /* the key that says it for all devices */
};

static const struct pci_option pci_options[] = {
    {"msitranslate", offsetof(libxl_device_pci, msitranslate),
     XK_KEY_PCI_MSITRANSLATE},
    {"power_mgmt", offsetof(libxl_device_pci, power_mgmt),
     XK_KEY_PCI_POWER_MGMT},
    {"permissive", offsetof(libxl_device_pci, permissive),
     XK_KEY_PCI_PERMISSIVE},
    {"seize", offsetof(libxl_device_pci, seize), XK_KEY_PCI_SEIZE},
};

static bool *
pci_field(libxl_device_pci *pci, const struct pci_option *option)
{
    return (bool *)((char *)pci + option->offset);
}

/* [DOMAIN:]BUS:DEVICE.FUNCTION[@SLOT], in hex; "*" is all functions. */
static int
put_address(const char *text, libxl_device_pci *pci, struct xk_error *err)
{
    unsigned domain = 0, bus, device, function = 0, slot = 0;
    char last[4] = "";
    int used = 0;

    if (sscanf(text, "%x:%x:%x.%3[0-7*]%n", &domain, &bus, &device, last,
               &used) != 4) {
        domain = 0;
        if (sscanf(text, "%x:%x.%3[0-7*]%n", &bus, &device, last, &used) != 3)
            return xk_fail(err, XK_ERR_CONFIG,
                           "pci: \"%s\" is no [DOMAIN:]BUS:DEVICE.FUNCTION",
                           text);
    }
    if (strcmp(last, "*") == 0)
        pci->vfunc_mask = LIBXL_PCI_FUNC_ALL;
    else
        function = (unsigned)strtoul(last, NULL, 10);
    if (text[used] == '@' && sscanf(text + used + 1, "%x", &slot) == 1)
        pci->vdevfn = slot << 3;
    if (strcmp(last, "*") != 0)
        pci->vfunc_mask = 1u << 0;
    pci->domain = (int)domain;
    pci->bus = (uint8_t)bus;
    pci->dev = (uint8_t)device;
    pci->func = (uint8_t)function;
    return 0;
}

static int
put_pci_option(char *word, libxl_device_pci *pci, struct xk_error *err)
{
    char *value = strchr(word, '=');

    if (value == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "pci: \"%s\" has no value", word);
    *value++ = '\0';
    for (size_t i = 0; i < XK_ARRAY_SIZE(pci_options); i++) {
        if (strcmp(pci_options[i].name, word) != 0)
            continue;
        *pci_field(pci, &pci_options[i]) = strcmp(value, "0") != 0;
        return 0;
    }
    if (strcmp(word, "rdm_policy") == 0)
        return libxl_rdm_reserve_policy_from_string(value, &pci->rdm_policy) ==
                       0
                   ? 0
                   : xk_fail(err, XK_ERR_CONFIG,
                             "pci: there is no rdm_policy \"%s\"", value);
    return xk_fail(err, XK_ERR_CONFIG, "pci: \"%s\" is not known", word);
}

static int
put_pci(const struct xk_domain_config *config, const char *text,
        libxl_device_pci *pci, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copied = xk_strdup(text);
    char *state = NULL;
    char *word = strtok_r(copied, ", ", &state);

    libxl_device_pci_init(pci);
    for (size_t i = 0; i < XK_ARRAY_SIZE(pci_options); i++)
        *pci_field(pci, &pci_options[i]) =
            xk_config_bool(config, pci_options[i].otherwise, false);
    if (word == NULL || put_address(word, pci, err) == -1)
        return -1;
    while ((word = strtok_r(NULL, ", ", &state)) != NULL) {
        if (put_pci_option(word, pci, err) == -1)
            return -1;
    }
    return 0;
}

static int
put_pcis(const struct xk_domain_config *config, libxl_domain_config *to,
         struct xk_error *err)
{
    const struct xk_value *list = &config->values[XK_KEY_PCI];

    to->pcidevs = xk_calloc(list->item_count, sizeof(*to->pcidevs));
    for (size_t i = 0; i < list->item_count; i++) {
        to->num_pcidevs = (int)i + 1;
        if (put_pci(config, list->items[i], &to->pcidevs[i], err) == -1)
            return -1;
    }
    if (list->item_count > 0 && config->type == XK_TYPE_PV)
        libxl_defbool_set(&to->b_info.u.pv.e820_host, true);
    return 0;
}

/* ---- firmware ---- */

static int
put_firmware(const struct xk_domain_config *config, libxl_domain_build_info *to,
             struct xk_error *err)
{
    const char *firmware = xk_config_string(config, XK_KEY_FIRMWARE);
    static const struct {
        const char *name, *bios;
    } names[] = {{"uefi", "ovmf"},
                 {"ovmf", "ovmf"},
                 {"bios", "seabios"},
                 {"seabios", "seabios"},
                 {"rombios", "rombios"}};

    if (firmware == NULL)
        return 0;
    if (config->type != XK_TYPE_HVM) {
        to->kernel = xk_strdup(strcmp(firmware, "pvgrub32") == 0
                                   ? "/usr/lib/grub-xen/grub-i386-xen_pvh.bin"
                               : strcmp(firmware, "pvgrub64") == 0
                                   ? "/usr/lib/grub-xen/grub-x86_64-xen.bin"
                                   : firmware);
        return 0;
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(names); i++) {
        if (strcmp(names[i].name, firmware) != 0)
            continue;
        libxl_bios_type_from_string(names[i].bios, &to->u.hvm.bios);
        return 0;
    }
    if (firmware[0] != '/')
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "there is no firmware \"%s\" for an HVM guest",
                       firmware);
    to->u.hvm.system_firmware = xk_strdup(firmware);
    return 0;
}

int
xk_xen_config_hardware(const struct xk_domain_config *config,
                       libxl_domain_config *to, struct xk_error *err)
{
    libxl_domain_build_info *b = &to->b_info;

    if (put_affinity(config, XK_KEY_CPUS, &b->vcpu_hard_affinity,
                     &b->num_vcpu_hard_affinity, err) == -1 ||
        put_affinity(config, XK_KEY_CPUS_SOFT, &b->vcpu_soft_affinity,
                     &b->num_vcpu_soft_affinity, err) == -1 ||
        put_ioports(&config->values[XK_KEY_IOPORTS], b, err) == -1 ||
        put_iomem(&config->values[XK_KEY_IOMEM], b, err) == -1 ||
        put_irqs(&config->values[XK_KEY_IRQS], b, err) == -1 ||
        put_pcis(config, to, err) == -1)
        return -1;
    return put_firmware(config, b, err);
}
