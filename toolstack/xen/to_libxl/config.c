/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/to_libxl/config_cpu.h"
#include "toolstack/xen/to_libxl/config_devices.h"
#include "toolstack/xen/to_libxl/config_display.h"
#include "toolstack/xen/to_libxl/config_hardware.h"
#include "toolstack/xen/to_libxl/config_lists.h"
#include "toolstack/xen/to_libxl/config_options.h"
#include "toolstack/xen/to_libxl/config_sound.h"
#include "toolstack/xen/to_libxl/libxl_fields.h"

/* The field that takes the value of a key. */
struct libxl_field {
    enum xk_key key;
    enum xk_libxl_field_kind kind;
    size_t offset; /* into libxl_domain_config */
    int only;      /* only guests of this type have the field; -1: all have */
};

#define FIELD(path) offsetof(libxl_domain_config, path)
#define XK_ELSEWHERE(key) {XK_KEY_##key, XK_LIBXL_FIELD_ELSEWHERE, 0, -1},
#define XK_CREATE(key, kind, field)                                            \
    {XK_KEY_##key, XK_LIBXL_FIELD_##kind, FIELD(c_info.field), -1},
#define XK_BUILD(key, kind, field, type)                                       \
    {XK_KEY_##key, XK_LIBXL_FIELD_##kind, FIELD(b_info.field), type},
#define XK_UNION(key, kind, member, field, type)                               \
    {XK_KEY_##key, XK_LIBXL_FIELD_##kind, FIELD(b_info.u.member.field), type},

static const struct libxl_field fields[] = {
#include "toolstack/xen/to_libxl/libxl_fields.def"
};

/* ---- enumerations ---- */

#define BY_NAME(type)                                                          \
    static int type##_by_name(const char *name, void *to)                      \
    {                                                                          \
        return libxl_##type##_from_string(name, to);                           \
    }
BY_NAME(bios_type)
BY_NAME(hdtype)
BY_NAME(vendor_device)
BY_NAME(altp2m_mode)
BY_NAME(passthrough)
BY_NAME(gic_version)
BY_NAME(vuart_type)
BY_NAME(tee_type)
BY_NAME(tsc_mode)
BY_NAME(timer_mode)

/* xl.cfg(5) spells the names with dashes, libxl with underscores. */
static int
dm_version_by_name(const char *name, void *to)
{
    libxl_device_model_version *version = to;

    *version = strcmp(name, "qemu-xen") == 0
                   ? LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN
                   : LIBXL_DEVICE_MODEL_VERSION_QEMU_XEN_TRADITIONAL;
    return 0;
}

static int
genid_by_name(const char *name, void *to)
{
    libxl_ms_vm_genid *genid = to;

    if (strcmp(name, "generate") == 0)
        return libxl_ms_vm_genid_generate(NULL, genid);
    memset(genid, 0, sizeof(*genid));
    return 0;
}

static int (*const by_name[])(const char *name, void *to) = {
    [XK_LIBXL_FIELD_BIOS] = bios_type_by_name,
    [XK_LIBXL_FIELD_HDTYPE] = hdtype_by_name,
    [XK_LIBXL_FIELD_VENDOR] = vendor_device_by_name,
    [XK_LIBXL_FIELD_GENID] = genid_by_name,
    [XK_LIBXL_FIELD_ALTP2M] = altp2m_mode_by_name,
    [XK_LIBXL_FIELD_PASSTHROUGH] = passthrough_by_name,
    [XK_LIBXL_FIELD_DM_VERSION] = dm_version_by_name,
    [XK_LIBXL_FIELD_GIC] = gic_version_by_name,
    [XK_LIBXL_FIELD_VUART] = vuart_type_by_name,
    [XK_LIBXL_FIELD_TEE] = tee_type_by_name,
    [XK_LIBXL_FIELD_TSC] = tsc_mode_by_name,
    [XK_LIBXL_FIELD_TIMER] = timer_mode_by_name,
};
static_assert(XK_ARRAY_SIZE(by_name) == XK_LIBXL_FIELD_COUNT,
              "one row per enumeration");

static const struct libxl_field *
find_field(enum xk_key key)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(fields); i++) {
        if (fields[i].key == key)
            return &fields[i];
    }
    return NULL;
}

static char **
copy_strings(const struct xk_value *value)
{
    char **list = xk_calloc(value->item_count + 1, sizeof(*list));

    for (size_t i = 0; i < value->item_count; i++)
        list[i] = xk_strdup(value->items[i]);
    return list;
}

static int
put_enumeration(const struct xk_domain_config *config,
                const struct libxl_field *field, void *to, struct xk_error *err)
{
    const char *name = xk_config_string(config, field->key);

    if (name == NULL || by_name[field->kind](name, to) == 0)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED, "libxl has no %s \"%s\"",
                   xk_key_info(field->key)->name, name);
}

static int
put(const struct xk_domain_config *config, const struct libxl_field *field,
    libxl_domain_config *libxl, struct xk_error *err)
{
    void *to = (char *)libxl + field->offset;
    const struct xk_value *value = &config->values[field->key];

    switch ((int)field->kind) {
    case XK_LIBXL_FIELD_TEXT:
        *(char **)to = xk_strdup(xk_config_string(config, field->key));
        return 0;
    case XK_LIBXL_FIELD_DEFBOOL:
        libxl_defbool_set(to, value->integer != 0);
        return 0;
    case XK_LIBXL_FIELD_INT:
        *(int *)to = (int)value->integer;
        return 0;
    case XK_LIBXL_FIELD_UINT32:
        *(uint32_t *)to = (uint32_t)value->integer;
        return 0;
    case XK_LIBXL_FIELD_KB:
        *(uint64_t *)to = (uint64_t)value->integer * 1024;
        return 0;
    case XK_LIBXL_FIELD_STRINGS:
        *(libxl_string_list *)to = copy_strings(value);
        return 0;
    case XK_LIBXL_FIELD_ELSEWHERE:
        return 0;
    default:
        return put_enumeration(config, field, to, err);
    }
}

static int
put_keys(const struct xk_domain_config *config, libxl_domain_config *to,
         struct xk_error *err)
{
    for (int key = 0; key < XK_KEY_COUNT; key++) {
        const struct libxl_field *field = find_field((enum xk_key)key);

        if (!config->values[key].set)
            continue;
        if (field == NULL)
            return xk_fail(err, XK_ERR_UNSUPPORTED,
                           "the xen driver of this build does not support "
                           "%s=: leave it out",
                           xk_key_info((enum xk_key)key)->name);
        /* The reader has warned that the key does nothing for this type. */
        if (field->only != -1 && (int)config->type != field->only)
            continue;
        if (put(config, field, to, err) == -1)
            return -1;
    }
    return 0;
}

/* Join them as xl does: cmdline= alone, or root= and extra=. */
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

/* init_seclabel= applies while the domain is built, seclabel= afterwards. */
static void
put_labels(const struct xk_domain_config *config, libxl_domain_config *to)
{
    const char *init = xk_config_string(config, XK_KEY_INIT_SECLABEL);
    const char *label = xk_config_string(config, XK_KEY_SECLABEL);

    to->c_info.ssid_label = xk_xen_copy(init != NULL ? init : label);
    if (init != NULL)
        to->b_info.exec_ssid_label = xk_xen_copy(label);
}

/* libxl has one field for a text and another for a list. */
static void
put_text_or_list(const struct xk_value *value, char **text,
                 libxl_string_list *list)
{
    if (!value->set)
        return;
    if (value->single)
        *text = xk_strdup(value->items[0]);
    else
        *list = copy_strings(value);
}

/* libxl only stores these, for programs that read its record of the domain. */
static void
put_actions(const struct xk_domain_config *config, libxl_domain_config *to)
{
    static const libxl_action_on_shutdown actions[] = {
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
    static_assert(XK_ARRAY_SIZE(actions) == XK_ACTION_COUNT,
                  "one row per action");

    to->on_poweroff = actions[config->on[XK_STOP_POWEROFF]];
    to->on_reboot = actions[config->on[XK_STOP_REBOOT]];
    to->on_watchdog = actions[config->on[XK_STOP_WATCHDOG]];
    to->on_crash = actions[config->on[XK_STOP_CRASH]];
    to->on_soft_reset = actions[config->on[XK_STOP_SOFT_RESET]];
}

static void
put_identity(const struct xk_domain_config *config, libxl_domain_config *to)
{
    static const libxl_domain_type types[] = {
        [XK_TYPE_PV] = LIBXL_DOMAIN_TYPE_PV,
        [XK_TYPE_PVH] = LIBXL_DOMAIN_TYPE_PVH,
        [XK_TYPE_HVM] = LIBXL_DOMAIN_TYPE_HVM,
    };
    static_assert(XK_ARRAY_SIZE(types) == XK_TYPE_COUNT, "one row per type");

    to->c_info.type = types[config->type];
    libxl_domain_build_info_init_type(&to->b_info, to->c_info.type);
    to->c_info.name = xk_strdup(config->name);
    memcpy(to->c_info.uuid.uuid, config->uuid.bytes,
           sizeof(config->uuid.bytes));
    libxl_defbool_set(&to->c_info.run_hotplug_scripts, true);
    to->b_info.target_memkb = config->memory_mib * 1024;
    to->b_info.max_memkb = config->maxmem_mib * 1024;
    /* With a claim, missing memory is noticed before the building begins. */
    libxl_defbool_set(&to->b_info.claim_mode, true);
    to->b_info.cmdline = command_line(config);
}

bool
xk_xen_config_takes(enum xk_key key)
{
    return find_field(key) != NULL;
}

int
xk_xen_config(libxl_ctx *ctx, const struct xk_domain_config *config,
              libxl_domain_config *to, struct xk_error *err)
{
    libxl_domain_config_init(to);
    put_identity(config, to);
    put_actions(config, to);
    put_labels(config, to);
    if (config->type == XK_TYPE_HVM) {
        put_text_or_list(&config->values[XK_KEY_SERIAL],
                         &to->b_info.u.hvm.serial,
                         &to->b_info.u.hvm.serial_list);
        put_text_or_list(&config->values[XK_KEY_USBDEVICE],
                         &to->b_info.u.hvm.usbdevice,
                         &to->b_info.u.hvm.usbdevice_list);
    }
    if (put_keys(config, to, err) == -1 ||
        xk_xen_config_cpu(ctx, config, &to->b_info, err) == -1 ||
        xk_xen_config_lists(config, to, err) == -1 ||
        xk_xen_config_sound(config, to, err) == -1 ||
        xk_xen_config_hardware(config, to, err) == -1 ||
        xk_xen_config_display(config, to, err) == -1)
        return -1;
    return xk_xen_config_devices(config, to, err);
}
