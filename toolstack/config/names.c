/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the enumerations of a domain's configuration, and the check of a
 * domain's own name. */
#include <assert.h>
#include <string.h>

#include "base/util.h"
#include "toolstack/config/domain_config.h"

static const char *const types[] = {
    [XK_TYPE_PV] = "pv",
    [XK_TYPE_PVH] = "pvh",
    [XK_TYPE_HVM] = "hvm",
};
static_assert(XK_ARRAY_SIZE(types) == XK_TYPE_COUNT, "one row per type");

static const char *const actions[] = {
    [XK_ACTION_DESTROY] = "destroy",
    [XK_ACTION_RESTART] = "restart",
    [XK_ACTION_RENAME_RESTART] = "rename-restart",
    [XK_ACTION_PRESERVE] = "preserve",
    [XK_ACTION_COREDUMP_DESTROY] = "coredump-destroy",
    [XK_ACTION_COREDUMP_RESTART] = "coredump-restart",
    [XK_ACTION_SOFT_RESET] = "soft-reset",
};
static_assert(XK_ARRAY_SIZE(actions) == XK_ACTION_COUNT, "one row per action");

static const char *const reasons[] = {
    [XK_STOP_POWEROFF] = "poweroff", [XK_STOP_REBOOT] = "reboot",
    [XK_STOP_SUSPEND] = "suspend",   [XK_STOP_CRASH] = "crash",
    [XK_STOP_WATCHDOG] = "watchdog", [XK_STOP_SOFT_RESET] = "soft_reset",
};
static_assert(XK_ARRAY_SIZE(reasons) == XK_STOP_COUNT, "one row per reason");

static const struct {
    const char *name, *qemu_name;
} formats[] = {
    [XK_FORMAT_RAW] = {"raw", "raw"},
    [XK_FORMAT_QCOW] = {"qcow", "qcow"},
    [XK_FORMAT_QCOW2] = {"qcow2", "qcow2"},
    [XK_FORMAT_QED] = {"qed", "qed"},
    [XK_FORMAT_VHD] = {"vhd", "vpc"},
    [XK_FORMAT_VMDK] = {"vmdk", "vmdk"},
    [XK_FORMAT_VDI] = {"vdi", "vdi"},
    [XK_FORMAT_VHDX] = {"vhdx", "vhdx"},
    [XK_FORMAT_PARALLELS] = {"parallels", "parallels"},
    [XK_FORMAT_EMPTY] = {"empty", NULL},
};
static_assert(XK_ARRAY_SIZE(formats) == XK_FORMAT_COUNT, "one row per format");

const char *
xk_domain_type_name(enum xk_domain_type type)
{
    assert(type < XK_TYPE_COUNT);
    return types[type];
}

const char *
xk_action_name(enum xk_action action)
{
    assert(action < XK_ACTION_COUNT);
    return actions[action];
}

const char *
xk_stop_reason_name(enum xk_stop_reason reason)
{
    assert(reason < XK_STOP_COUNT);
    return reasons[reason];
}

const char *
xk_disk_format_name(enum xk_disk_format format)
{
    assert(format < XK_FORMAT_COUNT);
    return formats[format].name;
}

const char *
xk_disk_format_qemu_name(enum xk_disk_format format)
{
    assert(format < XK_FORMAT_COUNT);
    return formats[format].qemu_name;
}

int
xk_domain_name_check(const char *name, struct xk_error *err)
{
    enum {
        NAME_MAX_BYTES = 128
    };

    if (*name == '\0')
        return xk_fail(err, XK_ERR_CONFIG, "the name of a domain is empty");
    if (strnlen(name, NAME_MAX_BYTES + 1) > NAME_MAX_BYTES)
        return xk_fail(err, XK_ERR_CONFIG,
                       "the name of a domain is longer than %d bytes",
                       NAME_MAX_BYTES);
    if (name[strspn(name, "0123456789")] == '\0')
        return xk_fail(
            err, XK_ERR_CONFIG,
            "\"%s\" is not a valid name: it would be taken for a domid", name);
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '/')
            return xk_fail(err, XK_ERR_CONFIG,
                           "\"%s\" is not a valid name: it has a '/'", name);
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return xk_fail(err, XK_ERR_CONFIG,
                           "the name of a domain has a control character");
    }
    return 0;
}
