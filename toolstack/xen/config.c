/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/config.h"

#include <stddef.h>
#include <string.h>

#include <libxl_utils.h>

#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/config_devices.h"

enum kind {
    ELSEWHERE, /* one of the functions below, or resolved into plain fields */
    TEXT,
    DEFBOOL,
    INT,
    UINT32,
    KB, /* MiB in the file, KiB in libxl */
};

/* Where the value of a key goes, as an offset into libxl_domain_config.
 * hvm_only: the field stands in the union of HVM guests. */
struct place {
    enum xk_key key;
    enum kind kind;
    size_t offset;
    bool hvm_only;
};

#define C(key, kind, field)                                                    \
    {                                                                          \
        XK_KEY_##key, kind, offsetof(libxl_domain_config, c_info.field), false \
    }
#define B(key, kind, field)                                                    \
    {                                                                          \
        XK_KEY_##key, kind, offsetof(libxl_domain_config, b_info.field), false \
    }
#define H(key, kind, field)                                                    \
    {                                                                          \
        XK_KEY_##key, kind, offsetof(libxl_domain_config, b_info.u.hvm.field), \
            true                                                               \
    }
#define E(key)                                                                 \
    {                                                                          \
        XK_KEY_##key, ELSEWHERE, 0, false                                      \
    }

static const struct place places[] = {
    E(NAME),
    E(UUID),
    E(TYPE),
    E(BUILDER),
    E(VCPUS),
    E(MAXVCPUS),
    E(MEMORY),
    E(MAXMEM),
    E(ON_POWEROFF),
    E(ON_REBOOT),
    E(ON_WATCHDOG),
    E(ON_CRASH),
    E(ON_SOFT_RESET),
    E(CMDLINE),
    E(ROOT),
    E(EXTRA),
    E(DISK),
    E(VIF),
    E(TSC_MODE),
    C(SECLABEL, TEXT, ssid_label),
    C(POOL, TEXT, pool_name),
    C(HAP, DEFBOOL, hap),
    C(OOS, DEFBOOL, oos),
    C(DRIVER_DOMAIN, DEFBOOL, driver_domain),
    B(KERNEL, TEXT, kernel),
    B(RAMDISK, TEXT, ramdisk),
    B(BOOTLOADER, TEXT, bootloader),
    B(DEVICE_TREE, TEXT, device_tree),
    B(NOMIGRATE, DEFBOOL, disable_migrate),
    B(LOCALTIME, DEFBOOL, localtime),
    B(NESTEDHVM, DEFBOOL, nested_hvm),
    B(APIC, DEFBOOL, apic),
    B(ACPI, DEFBOOL, acpi),
    B(VPMU, DEFBOOL, vpmu),
    B(MSR_RELAXED, DEFBOOL, arch_x86.msr_relaxed),
    B(DM_RESTRICT, DEFBOOL, dm_restrict),
    B(DEVICE_MODEL_USER, TEXT, device_model_user),
    B(MAX_EVENT_CHANNELS, UINT32, event_channels),
    B(MAX_GRANT_FRAMES, UINT32, max_grant_frames),
    B(MAX_MAPTRACK_FRAMES, UINT32, max_maptrack_frames),
    B(MAX_GRANT_VERSION, INT, max_grant_version),
    B(SHADOW_MEMORY, KB, shadow_memkb),
    B(CPU_WEIGHT, INT, sched_params.weight),
    B(CAP, INT, sched_params.cap),
    H(PAE, DEFBOOL, pae),
    H(NX, DEFBOOL, nx),
    H(HPET, DEFBOOL, hpet),
    H(VPT_ALIGN, DEFBOOL, vpt_align),
    H(ACPI_S3, DEFBOOL, acpi_s3),
    H(ACPI_S4, DEFBOOL, acpi_s4),
    H(ACPI_LAPTOP_SLATE, DEFBOOL, acpi_laptop_slate),
    H(NOGRAPHIC, DEFBOOL, nographic),
    H(XEN_PLATFORM_PCI, DEFBOOL, xen_platform_pci),
    H(MMIO_HOLE, KB, mmio_hole_memkb),
    H(BOOT, TEXT, boot),
    H(KEYMAP, TEXT, keymap),
};

static const struct place *
place_of(enum xk_key key)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(places); i++) {
        if (places[i].key == key)
            return &places[i];
    }
    return NULL;
}

static void
put(const struct xk_domain_config *config, const struct place *place,
    libxl_domain_config *to)
{
    void *field = (char *)to + place->offset;
    int64_t number = config->values[place->key].integer;

    switch (place->kind) {
    case TEXT:
        *(char **)field = xk_strdup(xk_config_string(config, place->key));
        break;
    case DEFBOOL:
        libxl_defbool_set(field, number != 0);
        break;
    case INT:
        *(int *)field = (int)number;
        break;
    case UINT32:
        *(uint32_t *)field = (uint32_t)number;
        break;
    case KB:
        *(uint64_t *)field = (uint64_t)number * 1024;
        break;
    case ELSEWHERE:
    default:
        break;
    }
}

static int
put_keys(const struct xk_domain_config *config, libxl_domain_config *to,
         struct xk_error *err)
{
    for (int key = 0; key < XK_KEY_COUNT; key++) {
        const struct place *place = place_of((enum xk_key)key);

        if (!config->values[key].set)
            continue;
        if (place == NULL)
            return xk_fail(err, XK_ERR_UNSUPPORTED,
                           "the xen driver of this build does not know what to "
                           "do with %s=: leave it out",
                           xk_key_info((enum xk_key)key)->name);
        if (place->hvm_only && config->type != XK_TYPE_HVM)
            return xk_fail(err, XK_ERR_CONFIG,
                           "%s= is for HVM guests: leave it out or say "
                           "type=\"hvm\"",
                           xk_key_info((enum xk_key)key)->name);
        put(config, place, to);
    }
    return 0;
}

/* As xl joins them: cmdline= alone, or root= and extra=. */
static char *
command_line(const struct xk_domain_config *config)
{
    const char *whole = xk_config_string(config, XK_KEY_CMDLINE);
    const char *root = xk_config_string(config, XK_KEY_ROOT);
    const char *extra = xk_config_string(config, XK_KEY_EXTRA);

    if (whole != NULL || root == NULL)
        extra = whole != NULL ? whole : extra;
    else
        return extra != NULL ? xk_asprintf("root=%s %s", root, extra)
                             : xk_asprintf("root=%s", root);
    return extra != NULL ? xk_strdup(extra) : NULL;
}

/* libxl_cpu_bitmap_alloc() would want a context, and so a hypervisor. */
static void
put_vcpus(const struct xk_domain_config *config, libxl_domain_build_info *to)
{
    to->max_vcpus = (int)config->maxvcpus;
    to->avail_vcpus.size = (config->maxvcpus + 7) / 8;
    to->avail_vcpus.map = xk_calloc(to->avail_vcpus.size, 1);
    for (unsigned i = 0; i < config->vcpus; i++)
        libxl_bitmap_set(&to->avail_vcpus, (int)i);
}

static int
put_tsc_mode(const struct xk_domain_config *config, libxl_domain_build_info *to,
             struct xk_error *err)
{
    const char *mode = xk_config_string(config, XK_KEY_TSC_MODE);

    if (mode != NULL && libxl_tsc_mode_from_string(mode, &to->tsc_mode) != 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED, "libxl has no tsc_mode \"%s\"",
                       mode);
    return 0;
}

/* libxl only keeps these for whoever reads its record of the domain. */
static void
put_actions(const struct xk_domain_config *config, libxl_domain_config *to)
{
    static const libxl_action_on_shutdown actions[XK_ACTION_COUNT] = {
        [XK_ACTION_DESTROY] = LIBXL_ACTION_ON_SHUTDOWN_DESTROY,
        [XK_ACTION_RESTART] = LIBXL_ACTION_ON_SHUTDOWN_RESTART,
        [XK_ACTION_RENAME_RESTART] = LIBXL_ACTION_ON_SHUTDOWN_RESTART_RENAME,
        [XK_ACTION_PRESERVE] = LIBXL_ACTION_ON_SHUTDOWN_PRESERVE,
        [XK_ACTION_COREDUMP_DESTROY] =
            LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_DESTROY,
        [XK_ACTION_COREDUMP_RESTART] =
            LIBXL_ACTION_ON_SHUTDOWN_COREDUMP_RESTART,
        [XK_ACTION_SOFT_RESET] = LIBXL_ACTION_ON_SHUTDOWN_SOFT_RESET,
    };

    to->on_poweroff = actions[config->on[XK_STOP_POWEROFF]];
    to->on_reboot = actions[config->on[XK_STOP_REBOOT]];
    to->on_watchdog = actions[config->on[XK_STOP_WATCHDOG]];
    to->on_crash = actions[config->on[XK_STOP_CRASH]];
    to->on_soft_reset = actions[config->on[XK_STOP_SOFT_RESET]];
}

int
xk_xen_config(const struct xk_domain_config *config, libxl_domain_config *to,
              struct xk_error *err)
{
    static const libxl_domain_type types[XK_TYPE_COUNT] = {
        [XK_TYPE_PV] = LIBXL_DOMAIN_TYPE_PV,
        [XK_TYPE_PVH] = LIBXL_DOMAIN_TYPE_PVH,
        [XK_TYPE_HVM] = LIBXL_DOMAIN_TYPE_HVM,
    };

    libxl_domain_config_init(to);
    to->c_info.type = types[config->type];
    libxl_domain_build_info_init_type(&to->b_info, to->c_info.type);
    to->c_info.name = xk_strdup(config->name);
    memcpy(to->c_info.uuid.uuid, config->uuid.bytes,
           sizeof(config->uuid.bytes));
    to->b_info.target_memkb = config->memory_mib * 1024;
    to->b_info.max_memkb = config->maxmem_mib * 1024;
    to->b_info.cmdline = command_line(config);
    put_vcpus(config, &to->b_info);
    put_actions(config, to);
    if (put_keys(config, to, err) == -1 ||
        put_tsc_mode(config, &to->b_info, err) == -1)
        return -1;
    return xk_xen_config_devices(config, to, err);
}
