/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source: libxl_types.idl of Xen 4.17, which names the JSON's members, and
 * xl_parse.c, which fills them from the lines. */
#include "toolstack/xen/from_xl/xl_config.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/xen/from_xl/xl_config_devices.h"
#include "toolstack/xen/from_xl/xl_lines.h"
#include "toolstack/xen/to_libxl/libxl_fields.h"

/* ---- one value, one line ---- */

static bool
take_text(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    const char *string = xk_json_string(value);

    if (string != NULL)
        xk_xl_line(text, key, string);
    return string != NULL;
}

static bool
take_defbool(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    bool on;

    if (!xk_xl_bool(value, &on))
        return false;
    xk_xl_line(text, key, on ? "1" : "0");
    return true;
}

static bool
take_integer(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    char number[32];
    int64_t integer;

    if (!xk_json_integer(value, &integer))
        return false;
    snprintf(number, sizeof(number), "%" PRId64, integer);
    xk_xl_line(text, key, number);
    return true;
}

/* Round up, because the target of a ballooned guest need not be whole MiB. */
static bool
take_kb(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    char number[32];
    int64_t kb;

    if (!xk_json_integer(value, &kb) || kb < 0)
        return false;
    snprintf(number, sizeof(number), "%" PRId64,
             kb / 1024 + (kb % 1024 != 0 ? 1 : 0));
    xk_xl_line(text, key, number);
    return true;
}

static bool
take_strings(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    if (!xk_json_is_array(value))
        return false;
    xk_xl_open_list(text, key);
    for (size_t i = 0; i < xk_json_length(value); i++) {
        const char *item = xk_json_string(xk_json_at(value, i));

        if (item == NULL)
            return false;
        xk_xl_item(text, item);
    }
    xk_xl_close_list(text);
    return true;
}

/* ---- enumerations ---- */

struct word {
    const char *libxl, *cfg;
};

static bool
take_word(const struct word *words, size_t count, const struct xk_json *value,
          const char *key, struct xk_buf *text)
{
    const char *name = xk_json_string(value);

    for (size_t i = 0; name != NULL && i < count; i++) {
        if (strcmp(words[i].libxl, name) != 0)
            continue;
        xk_xl_line(text, key, words[i].cfg);
        return true;
    }
    return false;
}

static bool
take_action(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    static const struct word words[] = {
        {"destroy", "destroy"},
        {"restart", "restart"},
        {"restart_rename", "rename-restart"},
        {"preserve", "preserve"},
        {"coredump_destroy", "coredump-destroy"},
        {"coredump_restart", "coredump-restart"},
        {"soft_reset", "soft-reset"},
    };

    return take_word(words, XK_ARRAY_SIZE(words), value, key, text);
}

static bool
take_dm_version(const struct xk_json *value, const char *key,
                struct xk_buf *text)
{
    static const struct word words[] = {
        {"qemu_xen", "qemu-xen"},
        {"qemu_xen_traditional", "qemu-xen-traditional"},
    };

    return take_word(words, XK_ARRAY_SIZE(words), value, key, text);
}

static bool
take_vga(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    static const struct word words[] = {
        {"cirrus", "cirrus"},
        {"std", "stdvga"},
        {"none", "none"},
        {"qxl", "qxl"},
    };

    return take_word(words, XK_ARRAY_SIZE(words), value, key, text);
}

/* ---- processors ---- */

/* Write the number of vCPUs. Which of them are online is checked by
 * xk_xl_config_compare(). */
static bool
take_count(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    char number[32];

    if (!xk_json_is_array(value))
        return false;
    snprintf(number, sizeof(number), "%zu", xk_json_length(value));
    xk_xl_line(text, key, number);
    return true;
}

static bool
put_cpus(const struct xk_json *cpus, struct xk_buf *item)
{
    for (size_t i = 0; i < xk_json_length(cpus); i++) {
        int64_t cpu;

        if (!xk_json_integer(xk_json_at(cpus, i), &cpu) || cpu < 0)
            return false;
        xk_buf_printf(item, "%s%" PRId64, i > 0 ? "," : "", cpu);
    }
    return item->length > 0;
}

static bool
take_affinity(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    if (!xk_json_is_array(value))
        return false;
    xk_xl_open_list(text, key);
    for (size_t i = 0; i < xk_json_length(value); i++) {
        XK_CLEANUP_BUF struct xk_buf item = {0};

        if (!put_cpus(xk_json_at(value, i), &item))
            return false;
        xk_xl_item(text, item.data);
    }
    xk_xl_close_list(text);
    return true;
}

/* ---- all members ---- */

static bool
skip(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    (void)value;
    (void)key;
    (void)text;
    return true;
}

/* libxl writes this for every guest: 0 for a guest without a graphics card. */
static bool
take_video(const struct xk_json *value, const char *key, struct xk_buf *text)
{
    int64_t kb;

    if (xk_json_integer(value, &kb) && kb == 0)
        return true;
    return take_kb(value, key, text);
}

/* The first row with a path decides. */
struct row {
    const char *path;
    const char *key;
    xk_xl_take *take;
};

static const struct row rows[] = {
    {"c_info.type", "type", take_text},
    {"c_info.name", "name", take_text},
    {"c_info.uuid", "uuid", take_text},
    {"c_info.ssid_label", "init_seclabel", take_text},
    {"b_info.exec_ssid_label", "seclabel", take_text},
    {"c_info.run_hotplug_scripts", NULL, skip},
    {"b_info.claim_mode", NULL, skip},
    {"b_info.sched_params.sched", NULL, skip},
    {"b_info.numa_placement", NULL, skip},
    {"b_info.video_memkb", "videoram", take_video},
    {"b_info.max_vcpus", "maxvcpus", take_integer},
    {"b_info.avail_vcpus", "vcpus", take_count},
    {"b_info.vcpu_hard_affinity", "cpus", take_affinity},
    {"b_info.vcpu_soft_affinity", "cpus_soft", take_affinity},
    {"b_info.max_memkb", "maxmem", take_kb},
    {"b_info.target_memkb", "memory", take_kb},
    {"b_info.cmdline", "cmdline", take_text},
    {"b_info.type.hvm.serial", "serial", take_text},
    {"b_info.type.hvm.serial_list", "serial", take_strings},
    {"b_info.type.hvm.usbdevice", "usbdevice", take_text},
    {"b_info.type.hvm.usbdevice_list", "usbdevice", take_strings},
    {"b_info.type.hvm.viridian", "viridian", take_defbool},
    {"b_info.type.hvm.vga.kind", "vga", take_vga},
    {"b_info.type.hvm.vnc.enable", "vnc", take_defbool},
    {"b_info.type.hvm.vnc.listen", "vnclisten", take_text},
    {"b_info.type.hvm.vnc.passwd", "vncpasswd", take_text},
    {"b_info.type.hvm.vnc.display", "vncdisplay", take_integer},
    {"b_info.type.hvm.vnc.findunused", "vncunused", take_defbool},
    {"b_info.type.hvm.sdl.enable", "sdl", take_defbool},
    {"b_info.type.hvm.sdl.opengl", "opengl", take_defbool},
    {"b_info.type.hvm.sdl.display", "display", take_text},
    {"b_info.type.hvm.sdl.xauthority", "xauthority", take_text},
    {"on_poweroff", "on_poweroff", take_action},
    {"on_reboot", "on_reboot", take_action},
    {"on_watchdog", "on_watchdog", take_action},
    {"on_crash", "on_crash", take_action},
    {"on_soft_reset", "on_soft_reset", take_action},
    {"disks", "disk", xk_xl_take_disks},
    {"nics", "vif", xk_xl_take_vifs},
    {"vfbs", "vfb", xk_xl_take_vfbs},
    {"vkbs", NULL, xk_xl_take_plain_vkbs},
};

/* Keys whose value is a single field. */
static const struct {
    const char *path;
    enum xk_key key;
    enum xk_libxl_field_kind kind;
} fields[] = {
#define XK_ELSEWHERE(key)
#define XK_CREATE(key, kind, field)                                            \
    {"c_info." #field, XK_KEY_##key, XK_LIBXL_FIELD_##kind},
#define XK_BUILD(key, kind, field, type)                                       \
    {"b_info." #field, XK_KEY_##key, XK_LIBXL_FIELD_##kind},
#define XK_UNION(key, kind, member, field, type)                               \
    {"b_info.type." #member "." #field, XK_KEY_##key, XK_LIBXL_FIELD_##kind},
#include "toolstack/xen/to_libxl/libxl_fields.def"
};

static xk_xl_take *const takes[] = {
    [XK_LIBXL_FIELD_TEXT] = take_text,
    [XK_LIBXL_FIELD_DEFBOOL] = take_defbool,
    [XK_LIBXL_FIELD_INT] = take_integer,
    [XK_LIBXL_FIELD_UINT32] = take_integer,
    [XK_LIBXL_FIELD_KB] = take_kb,
    [XK_LIBXL_FIELD_STRINGS] = take_strings,
    [XK_LIBXL_FIELD_BIOS] = take_text,
    [XK_LIBXL_FIELD_HDTYPE] = take_text,
    [XK_LIBXL_FIELD_VENDOR] = take_text,
    [XK_LIBXL_FIELD_ALTP2M] = take_text,
    [XK_LIBXL_FIELD_PASSTHROUGH] = take_text,
    [XK_LIBXL_FIELD_GIC] = take_text,
    [XK_LIBXL_FIELD_VUART] = take_text,
    [XK_LIBXL_FIELD_TEE] = take_text,
    [XK_LIBXL_FIELD_TSC] = take_text,
    [XK_LIBXL_FIELD_TIMER] = take_text,
    [XK_LIBXL_FIELD_DM_VERSION] = take_dm_version,
};
static_assert(XK_ARRAY_SIZE(takes) == XK_LIBXL_FIELD_COUNT,
              "one row per kind of field that has a way back");

static struct row
find(const char *path)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].path, path) == 0)
            return rows[i];
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(fields); i++) {
        if (strcmp(fields[i].path, path) == 0)
            return (struct row){path, xk_key_info(fields[i].key)->name,
                                takes[fields[i].kind]};
    }
    return (struct row){0};
}

bool
xk_xl_config_fills_in(const char *path)
{
    return find(path).take == skip;
}

static int
fail_member(const char *path, bool unknown, const struct xk_json *value,
            struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_put_value(writer, NULL, value);
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "its configuration has \"%.100s\", %s: %.400s; give a "
                   "configuration file before FILE instead",
                   path,
                   unknown ? "for which xk has no key"
                           : "with a value that no key can have",
                   text.data != NULL ? text.data : "");
}

static int
take_member(const char *path, const struct xk_json *value, struct xk_buf *text,
            struct xk_error *err)
{
    struct row row = find(path);

    if (row.take != NULL && row.take(value, row.key, text))
        return 0;
    if (row.take == NULL && xk_json_is_object(value)) {
        for (size_t i = 0; i < xk_json_length(value); i++) {
            XK_CLEANUP_FREE char *member =
                xk_asprintf("%s%s%s", path, *path != '\0' ? "." : "",
                            xk_json_key_at(value, i));

            if (take_member(member, xk_json_at(value, i), text, err) == -1)
                return -1;
        }
        return 0;
    }
    return fail_member(path, row.take == NULL, value, err);
}

/* The JSON leaves out members with libxl's initial value. Where a configuration
 * file's default differs from that value, write a line. */
static void
put_defaults(const struct xk_json *libxl, struct xk_buf *text)
{
    static const char *const actions[] = {
        "on_poweroff", "on_reboot", "on_watchdog", "on_crash", "on_soft_reset"};

    for (size_t i = 0; i < XK_ARRAY_SIZE(actions); i++) {
        if (xk_json_get(libxl, actions[i]) == NULL)
            xk_xl_line(text, actions[i], "destroy");
    }
}

int
xk_xl_config_lines(const struct xk_json *libxl, struct xk_buf *text,
                   struct xk_error *err)
{
    if (!xk_json_is_object(libxl))
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "its configuration is not a JSON object");
    put_defaults(libxl, text);
    return take_member("", libxl, text, err);
}
