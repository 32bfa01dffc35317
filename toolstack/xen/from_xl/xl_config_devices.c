/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/from_xl/xl_config_devices.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"

/* How to write a member of a device into its specification. */
struct member {
    const char *name;
    bool (*take)(const struct xk_json *value, const char *option,
                 struct xk_buf *item);
    const char *option;
};

static void
put(struct xk_buf *item, const char *option, const char *value)
{
    xk_buf_printf(item, "%s%s%s", item->length > 0 ? "," : "", option, value);
}

/* Refuse a comma, which would begin another option. */
static bool
take_text(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    const char *text = xk_json_string(value);

    if (text == NULL || strchr(text, ',') != NULL)
        return false;
    put(item, option, text);
    return true;
}

static bool
take_number(const struct xk_json *value, const char *option,
            struct xk_buf *item)
{
    char text[32];
    int64_t number;

    if (!xk_json_integer(value, &number) || number < 0)
        return false;
    snprintf(text, sizeof(text), "%" PRId64, number);
    put(item, option, text);
    return true;
}

static bool
take_if_true(const struct xk_json *value, const char *option,
             struct xk_buf *item)
{
    bool on;

    if (!xk_xl_bool(value, &on))
        return false;
    if (on)
        put(item, option, "");
    return true;
}

static bool
take_if_false(const struct xk_json *value, const char *option,
              struct xk_buf *item)
{
    bool on;

    if (!xk_xl_bool(value, &on))
        return false;
    if (!on)
        put(item, option, "");
    return true;
}

static bool
take_zero(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    int64_t number;

    (void)option;
    (void)item;
    return xk_json_integer(value, &number) && number == 0;
}

static bool
take_false(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    bool on;

    (void)option;
    (void)item;
    return xk_xl_bool(value, &on) && !on;
}

/* For members that the caller handles after all others. */
static bool
take_later(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    (void)value;
    (void)option;
    (void)item;
    return true;
}

static bool
take_members(const struct member *members, size_t count,
             const struct xk_json *device, struct xk_buf *item)
{
    for (size_t i = 0; i < xk_json_length(device); i++) {
        const char *name = xk_json_key_at(device, i);
        size_t k = 0;

        while (k < count && strcmp(members[k].name, name) != 0)
            k++;
        if (k == count ||
            !members[k].take(xk_json_at(device, i), members[k].option, item))
            return false;
    }
    return true;
}

/* ---- disks ---- */

/* To a guest libxl's backends are all the same. */
static bool
take_backend(const struct xk_json *value, const char *option,
             struct xk_buf *item)
{
    static const char *const names[] = {"unknown", "phy", "qdisk"};
    const char *name = xk_json_string(value);

    (void)option;
    (void)item;
    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

/* A disk without a specification or transport is one of Xen's own, too. */
static bool
take_own(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    const char *name = xk_json_string(value);

    (void)option;
    (void)item;
    return name != NULL &&
           (strcmp(name, "xen") == 0 || strcmp(name, "unknown") == 0);
}

static bool
take_disk(const struct xk_json *disk, struct xk_buf *item)
{
    static const struct member members[] = {
        {"vdev", take_text, "vdev="},
        {"format", take_text, "format="},
        {"script", take_text, "script="},
        {"backend_domname", take_text, "backend="},
        {"backend_domid", take_zero, NULL},
        {"backend", take_backend, NULL},
        {"is_cdrom", take_if_true, "cdrom"},
        {"direct_io_safe", take_if_true, "direct-io-safe"},
        {"discard_enable", take_if_false, "no-discard"},
        {"trusted", take_if_false, "untrusted"},
        {"specification", take_own, NULL},
        {"transport", take_own, NULL},
        {"irq", take_zero, NULL},
        {"base", take_zero, NULL},
        {"colo_enable", take_false, NULL},
        {"colo_restore_enable", take_false, NULL},
        {"colo_port", take_zero, NULL},
        {"readwrite", take_later, NULL},
        {"removable", take_later, NULL},
        {"pdev_path", take_later, NULL},
    };
    const char *target = xk_json_string(xk_json_get(disk, "pdev_path"));
    bool writable = false, cdrom = false, removable = false;

    if (!take_members(members, XK_ARRAY_SIZE(members), disk, item))
        return false;
    xk_xl_bool(xk_json_get(disk, "readwrite"), &writable);
    xk_xl_bool(xk_json_get(disk, "is_cdrom"), &cdrom);
    xk_xl_bool(xk_json_get(disk, "removable"), &removable);
    if (removable && !cdrom)
        return false;
    put(item, "access=", writable ? "rw" : "ro");
    /* The target comes last, because it may contain commas. */
    if (target != NULL && *target != '\0')
        put(item, "target=", target);
    return true;
}

/* ---- network cards ---- */

static bool
take_nictype(const struct xk_json *value, const char *option,
             struct xk_buf *item)
{
    const char *name = xk_json_string(value);

    if (name == NULL ||
        (strcmp(name, "vif") != 0 && strcmp(name, "vif_ioemu") != 0))
        return false;
    put(item, option, strcmp(name, "vif") == 0 ? "vif" : "ioemu");
    return true;
}

/* libxl stores bytes per interval; the option takes bytes per second. */
static bool
put_rate(const struct xk_json *nic, struct xk_buf *item)
{
    int64_t bytes = 0, interval_us = 0;
    char text[64];

    xk_json_integer(xk_json_get(nic, "rate_bytes_per_interval"), &bytes);
    xk_json_integer(xk_json_get(nic, "rate_interval_usecs"), &interval_us);
    if (bytes == 0)
        return true;
    if (bytes < 0 || interval_us <= 0 || bytes > INT64_MAX / 1000000)
        return false;
    snprintf(text, sizeof(text), "%" PRId64 "B/s@%" PRId64 "us",
             bytes * 1000000 / interval_us, interval_us);
    put(item, "rate=", text);
    return true;
}

static bool
take_vif(const struct xk_json *nic, struct xk_buf *item)
{
    static const struct member members[] = {
        {"mac", take_text, "mac="},
        {"devid", take_number, "devid="},
        {"mtu", take_number, "mtu="},
        {"model", take_text, "model="},
        {"ip", take_text, "ip="},
        {"bridge", take_text, "bridge="},
        {"gatewaydev", take_text, "gatewaydev="},
        {"ifname", take_text, "vifname="},
        {"script", take_text, "script="},
        {"nictype", take_nictype, "type="},
        {"backend_domname", take_text, "backend="},
        {"backend_domid", take_zero, NULL},
        {"trusted", take_if_false, "untrusted"},
        {"rate_bytes_per_interval", take_later, NULL},
        {"rate_interval_usecs", take_later, NULL},
    };

    return take_members(members, XK_ARRAY_SIZE(members), nic, item) &&
           put_rate(nic, item);
}

/* ---- displays ---- */

static bool
take_bool(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    bool on;

    if (!xk_xl_bool(value, &on))
        return false;
    put(item, option, on ? "1" : "0");
    return true;
}

static bool
take_vnc(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    static const struct member members[] = {
        {"enable", take_bool, "vnc="},
        {"listen", take_text, "vnclisten="},
        {"passwd", take_text, "vncpasswd="},
        {"display", take_number, "vncdisplay="},
        {"findunused", take_bool, "vncunused="},
    };

    (void)option;
    return take_members(members, XK_ARRAY_SIZE(members), value, item);
}

static bool
take_sdl(const struct xk_json *value, const char *option, struct xk_buf *item)
{
    static const struct member members[] = {
        {"enable", take_bool, "sdl="},
        {"opengl", take_bool, "opengl="},
        {"display", take_text, "display="},
        {"xauthority", take_text, "xauthority="},
    };

    (void)option;
    return take_members(members, XK_ARRAY_SIZE(members), value, item);
}

static bool
take_vfb(const struct xk_json *vfb, struct xk_buf *item)
{
    static const struct member members[] = {
        {"backend_domid", take_zero, NULL},
        {"devid", take_later, NULL},
        {"keymap", take_text, "keymap="},
        {"vnc", take_vnc, NULL},
        {"sdl", take_sdl, NULL},
    };

    return take_members(members, XK_ARRAY_SIZE(members), vfb, item);
}

static bool
take_plain_vkb(const struct xk_json *vkb, struct xk_buf *item)
{
    static const struct member members[] = {
        {"backend_domid", take_zero, NULL},
        {"devid", take_later, NULL},
    };

    return take_members(members, XK_ARRAY_SIZE(members), vkb, item);
}

/* ---- lists ---- */

static bool
take_devices(bool (*take)(const struct xk_json *device, struct xk_buf *item),
             const struct xk_json *devices, const char *key,
             struct xk_buf *text)
{
    if (!xk_json_is_array(devices))
        return false;
    xk_xl_open_list(text, key);
    for (size_t i = 0; i < xk_json_length(devices); i++) {
        XK_CLEANUP_BUF struct xk_buf item = {0};

        if (!take(xk_json_at(devices, i), &item))
            return false;
        xk_xl_item(text, item.data != NULL ? item.data : "");
    }
    xk_xl_close_list(text);
    return true;
}

bool
xk_xl_take_disks(const struct xk_json *value, const char *key,
                 struct xk_buf *text)
{
    return take_devices(take_disk, value, key, text);
}

bool
xk_xl_take_vifs(const struct xk_json *value, const char *key,
                struct xk_buf *text)
{
    return take_devices(take_vif, value, key, text);
}

bool
xk_xl_take_vfbs(const struct xk_json *value, const char *key,
                struct xk_buf *text)
{
    return take_devices(take_vfb, value, key, text);
}

bool
xk_xl_take_plain_vkbs(const struct xk_json *value, const char *key,
                      struct xk_buf *text)
{
    XK_CLEANUP_BUF struct xk_buf nothing = {0};

    (void)key;
    (void)text;
    return take_devices(take_plain_vkb, value, "vkb", &nothing);
}
