/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Convert the resolved configuration to JSON and back: tables of its
 * structures, and the keys. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "net-helpers/mac.h"
#include "toolstack/config/disk_syntax.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/config/json_struct.h"
#include "toolstack/config/value.h"
#include "toolstack/config/vif_syntax.h"

static const char *
format_word(int value)
{
    return xk_disk_format_name((enum xk_disk_format)value);
}

static const char *
bus_word(int value)
{
    static const char *const words[] = {
        [XK_BUS_XVD] = "xvd", [XK_BUS_HD] = "hd", [XK_BUS_SD] = "sd"};
    static_assert(XK_ARRAY_SIZE(words) == XK_BUS_SD + 1, "a word per bus");

    return words[value];
}

static const char *
backend_word(int value)
{
    static const char *const words[] = {
        [XK_DISK_BACKEND_AUTO] = "auto",
        [XK_DISK_BACKEND_PHY] = "phy",
        [XK_DISK_BACKEND_QDISK] = "qdisk",
        [XK_DISK_BACKEND_TAP] = "tap",
        [XK_DISK_BACKEND_STANDALONE] = "standalone",
    };
    static_assert(XK_ARRAY_SIZE(words) == XK_DISK_BACKEND_STANDALONE + 1,
                  "a word per backend");

    return words[value];
}

static const char *
vif_word(int value)
{
    static const char *const words[] = {
        [XK_VIF_DEFAULT] = "default",
        [XK_VIF_IOEMU] = "ioemu",
        [XK_VIF_PV] = "vif",
        [XK_VIF_USER] = "user",
    };
    static_assert(XK_ARRAY_SIZE(words) == XK_VIF_USER + 1, "a word per type");

    return words[value];
}

static const char *
type_word(int value)
{
    return xk_domain_type_name((enum xk_domain_type)value);
}

static const char *
action_word(int value)
{
    return xk_action_name((enum xk_action)value);
}

#define FIELD(type, member, field_name, field_kind, ...)                       \
    {                                                                          \
        .name = field_name, .kind = XK_FIELD_##field_kind,                     \
        .offset = offsetof(type, member), __VA_ARGS__                          \
    }
#define RANGE(min_, max_) .min = min_, .max = max_
#define WORDS(word_, last) .word = word_, .max = last

#define DISK(member, kind, ...)                                                \
    FIELD(struct xk_disk, member, #member, kind, __VA_ARGS__)

static const struct xk_field disk_fields[] = {
    DISK(target, TEXT),
    DISK(format, WORD, WORDS(format_word, XK_FORMAT_COUNT - 1)),
    DISK(vdev, NAME),
    DISK(bus, WORD, WORDS(bus_word, XK_BUS_SD)),
    DISK(index, UNSIGNED, RANGE(0, (1 << 20) - 1)),
    DISK(partition, UNSIGNED, RANGE(0, 255)),
    DISK(read_write, BOOL),
    DISK(cdrom, BOOL),
    DISK(backend, WORD, WORDS(backend_word, XK_DISK_BACKEND_STANDALONE)),
    DISK(backend_domain, TEXT),
    DISK(script, TEXT),
    DISK(direct_io_safe, BOOL),
    DISK(discard, BOOL),
    DISK(untrusted, BOOL),
    DISK(virtio, BOOL),
    DISK(grant_usage, INT, RANGE(-1, 1)),
};

static const char *
vif_backend_word(int value)
{
    static const char *const words[] = {
        [XK_VIF_BACKEND_AUTO] = "auto",
        [XK_VIF_BACKEND_LINUX] = "linux",
        [XK_VIF_BACKEND_XK] = "xk",
    };
    static_assert(XK_ARRAY_SIZE(words) == XK_VIF_BACKEND_XK + 1,
                  "a word per backend");

    return words[value];
}

static void
put_mac(struct xk_json_writer *writer, const char *name, const void *record)
{
    char text[XK_MAC_TEXT_SIZE];

    xk_mac_format(((const struct xk_vif *)record)->mac, text);
    xk_json_put_string(writer, name, text);
}

static int
get_mac(const struct xk_json *value, const char *name, void *record,
        struct xk_error *err)
{
    const char *text = xk_json_string(value);

    if (text == NULL || !xk_mac_parse(text, ((struct xk_vif *)record)->mac))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not a MAC address",
                       name);
    return 0;
}

static void
put_hostfwd(struct xk_json_writer *writer, const char *name, const void *record)
{
    const struct xk_vif *vif = record;

    xk_json_open_array(writer, name);
    for (size_t i = 0; i < vif->hostfwd_count; i++) {
        XK_CLEANUP_FREE char *text = xk_hostfwd_format(&vif->hostfwd[i]);

        xk_json_put_string(writer, NULL, text);
    }
    xk_json_close_array(writer);
}

static int
get_hostfwd(const struct xk_json *value, const char *name, void *record,
            struct xk_error *err)
{
    struct xk_vif *vif = record;

    if (!xk_json_is_array(value))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not an array", name);
    for (size_t i = 0; i < xk_json_length(value); i++) {
        const char *text = xk_json_string(xk_json_at(value, i));

        XK_GROW(vif->hostfwd, vif->hostfwd_count);
        if (text == NULL ||
            xk_hostfwd_parse(text, &vif->hostfwd[vif->hostfwd_count++]) != NULL)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "\"%s\" has an invalid forwarded port", name);
    }
    return 0;
}

/* On every supported host uint32_t and unsigned have the same size. */
static_assert(sizeof(uint32_t) == sizeof(unsigned), "XK_FIELD_UNSIGNED");

#define VIF(member, kind, ...)                                                 \
    FIELD(struct xk_vif, member, #member, kind, __VA_ARGS__)

static const struct xk_field vif_fields[] = {
    VIF(mac, CUSTOM, .put = put_mac, .get = get_mac),
    VIF(mac_given, BOOL),
    VIF(type, WORD, WORDS(vif_word, XK_VIF_USER)),
    VIF(backend, WORD, WORDS(vif_backend_word, XK_VIF_BACKEND_XK),
        .optional = true),
    VIF(bridge, TEXT),
    VIF(gatewaydev, TEXT),
    VIF(model, TEXT),
    VIF(vifname, TEXT),
    VIF(script, TEXT),
    VIF(ip, TEXT),
    VIF(backend_domain, TEXT),
    VIF(rate_bytes_per_interval, U64, RANGE(0, INT64_MAX)),
    VIF(rate_interval_us, UNSIGNED, RANGE(0, UINT32_MAX)),
    VIF(devid, INT, RANGE(0, INT32_MAX)),
    VIF(mtu, UNSIGNED, RANGE(0, 65535)),
    VIF(vlan, TEXT),
    VIF(untrusted, BOOL),
    VIF(spoof_check, BOOL, .optional = true),
    VIF(no_host_loopback, BOOL, .optional = true),
    VIF(hostfwd, CUSTOM, .put = put_hostfwd, .get = get_hostfwd),
};

static void
put_disks(struct xk_json_writer *writer, const char *name, const void *record)
{
    const struct xk_domain_config *config = record;

    xk_json_open_array(writer, name);
    for (size_t i = 0; i < config->disk_count; i++) {
        xk_json_open_object(writer, NULL);
        xk_struct_put(writer, disk_fields, XK_ARRAY_SIZE(disk_fields),
                      &config->disks[i]);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

static int
get_disks(const struct xk_json *value, const char *name, void *record,
          struct xk_error *err)
{
    struct xk_domain_config *config = record;

    if (!xk_json_is_array(value))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not an array", name);
    for (size_t i = 0; i < xk_json_length(value); i++) {
        XK_GROW(config->disks, config->disk_count);
        if (xk_struct_get(xk_json_at(value, i), disk_fields,
                          XK_ARRAY_SIZE(disk_fields),
                          &config->disks[config->disk_count++], err) == -1)
            return xk_wrap(err, "disk %zu", i);
    }
    return 0;
}

static void
put_vifs(struct xk_json_writer *writer, const char *name, const void *record)
{
    const struct xk_domain_config *config = record;

    xk_json_open_array(writer, name);
    for (size_t i = 0; i < config->vif_count; i++) {
        xk_json_open_object(writer, NULL);
        xk_struct_put(writer, vif_fields, XK_ARRAY_SIZE(vif_fields),
                      &config->vifs[i]);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

static int
get_vifs(const struct xk_json *value, const char *name, void *record,
         struct xk_error *err)
{
    struct xk_domain_config *config = record;

    if (!xk_json_is_array(value))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not an array", name);
    for (size_t i = 0; i < xk_json_length(value); i++) {
        XK_GROW(config->vifs, config->vif_count);
        if (xk_struct_get(xk_json_at(value, i), vif_fields,
                          XK_ARRAY_SIZE(vif_fields),
                          &config->vifs[config->vif_count++], err) == -1)
            return xk_wrap(err, "vif %zu", i);
    }
    return 0;
}

static void
put_uuid(struct xk_json_writer *writer, const char *name, const void *record)
{
    char text[XK_UUID_TEXT_SIZE];

    xk_uuid_format(&((const struct xk_domain_config *)record)->uuid, text);
    xk_json_put_string(writer, name, text);
}

static int
get_uuid(const struct xk_json *value, const char *name, void *record,
         struct xk_error *err)
{
    const char *text = xk_json_string(value);

    if (text == NULL ||
        !xk_uuid_parse(text, &((struct xk_domain_config *)record)->uuid))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not a UUID", name);
    return 0;
}

/* A list that was given as a single string is written as a string; as false if
 * it has no item (viridian=0). */
static void
put_list(struct xk_json_writer *writer, const char *name,
         const struct xk_value *value)
{
    if (value->single && value->item_count == 1) {
        xk_json_put_string(writer, name, value->items[0]);
        return;
    }
    if (value->single && value->item_count == 0) {
        xk_json_put_bool(writer, name, false);
        return;
    }
    xk_json_open_array(writer, name);
    for (size_t i = 0; i < value->item_count; i++)
        xk_json_put_string(writer, NULL, value->items[i]);
    xk_json_close_array(writer);
}

static void
put_value(struct xk_json_writer *writer, enum xk_key key,
          const struct xk_value *value)
{
    const struct xk_key_info *info = xk_key_info(key);

    switch (info->type) {
    case XK_KEY_BOOL:
        xk_json_put_bool(writer, info->name, value->integer != 0);
        break;
    case XK_KEY_INTEGER:
        xk_json_put_integer(writer, info->name, value->integer);
        break;
    case XK_KEY_STRING:
    case XK_KEY_ENUM:
        xk_json_put_string(writer, info->name, value->text);
        break;
    case XK_KEY_LIST:
    case XK_KEY_NESTED:
        put_list(writer, info->name, value);
        break;
    case XK_KEY_TYPE_COUNT:
        break;
    }
}

static void
put_keys(struct xk_json_writer *writer, const char *name, const void *record)
{
    const struct xk_domain_config *config = record;

    xk_json_open_object(writer, name);
    for (size_t i = 0; i < XK_KEY_COUNT; i++) {
        if (config->values[i].set)
            put_value(writer, (enum xk_key)i, &config->values[i]);
    }
    xk_json_close_object(writer);
}

static bool
get_item(struct xk_value *value, const char *text)
{
    if (text == NULL)
        return false;
    XK_GROW(value->items, value->item_count);
    XK_GROW(value->item_where, value->item_count);
    value->items[value->item_count++] = xk_strdup(text);
    return true;
}

static bool
get_list(struct xk_value *value, const struct xk_key_info *info,
         const struct xk_json *from)
{
    if (!xk_json_is_array(from)) {
        value->single = (info->flags & XK_KEY_SINGLE) != 0;
        return value->single && (xk_json_is_false(from) ||
                                 get_item(value, xk_json_string(from)));
    }
    for (size_t i = 0; i < xk_json_length(from); i++) {
        if (!get_item(value, xk_json_string(xk_json_at(from, i))))
            return false;
    }
    return true;
}

static bool
get_value(struct xk_value *value, const struct xk_key_info *info,
          const struct xk_json *from)
{
    const char *text = xk_json_string(from);
    size_t length;

    switch (info->type) {
    case XK_KEY_BOOL:
        value->integer = xk_json_is_true(from);
        return xk_json_is_true(from) || xk_json_is_false(from);
    case XK_KEY_INTEGER:
        return xk_json_integer(from, &value->integer) &&
               value->integer >= info->min && value->integer <= info->max;
    case XK_KEY_ENUM:
        if (text == NULL ||
            xk_word_find(info->words, text, false, &length) == NULL)
            return false;
        break;
    case XK_KEY_STRING:
        break;
    case XK_KEY_LIST:
    case XK_KEY_NESTED:
        return get_list(value, info, from);
    case XK_KEY_TYPE_COUNT:
        break;
    }
    if (text != NULL)
        value->text = xk_strdup(text);
    return text != NULL;
}

static int
get_keys(const struct xk_json *value, const char *name, void *record,
         struct xk_error *err)
{
    struct xk_domain_config *config = record;

    if (!xk_json_is_object(value))
        return xk_fail(err, XK_ERR_PROTOCOL, "\"%s\" is not an object", name);
    for (size_t i = 0; i < xk_json_length(value); i++) {
        const char *member = xk_json_key_at(value, i);
        enum xk_key key = xk_key_find(member);

        if (key == XK_KEY_COUNT || config->values[key].set)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "\"%s\" has \"%s\", which is unknown or repeated",
                           name, member);
        config->values[key].set = true;
        if (!get_value(&config->values[key], xk_key_info(key),
                       xk_json_at(value, i)))
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "\"%s\": \"%s\" has an invalid value", name, member);
    }
    return 0;
}

#define HIDDEN "***"

#define CONFIG(member, kind, ...)                                              \
    FIELD(struct xk_domain_config, member, #member, kind, __VA_ARGS__)
#define POLICY(reason, field_name)                                             \
    FIELD(struct xk_domain_config, on[reason], field_name, WORD,               \
          WORDS(action_word, XK_ACTION_COUNT - 1))

enum {
    RECORD_VERSION = 1
};

static void
put_version(struct xk_json_writer *writer, const char *name, const void *record)
{
    (void)record;
    xk_json_put_integer(writer, name, RECORD_VERSION);
}

/* xk_config_from_record() checks the version before anything else. */
static int
get_version(const struct xk_json *value, const char *name, void *record,
            struct xk_error *err)
{
    (void)value;
    (void)name;
    (void)record;
    (void)err;
    return 0;
}

/* The first field (version) is only in records. */
static const struct xk_field record_fields[] = {
    {.name = XK_JSON_VERSION,
     .kind = XK_FIELD_CUSTOM,
     .put = put_version,
     .get = get_version},
    CONFIG(source, NAME),
    CONFIG(name, NAME),
    CONFIG(uuid, CUSTOM, .put = put_uuid, .get = get_uuid),
    CONFIG(uuid_given, BOOL),
    CONFIG(type, WORD, WORDS(type_word, XK_TYPE_COUNT - 1)),
    CONFIG(memory_mib, U64, RANGE(1, 67108864)),
    CONFIG(maxmem_mib, U64, RANGE(1, 67108864)),
    CONFIG(vcpus, UNSIGNED, RANGE(1, 8192)),
    CONFIG(maxvcpus, UNSIGNED, RANGE(1, 8192)),
    POLICY(XK_STOP_POWEROFF, "on_poweroff"),
    POLICY(XK_STOP_REBOOT, "on_reboot"),
    POLICY(XK_STOP_CRASH, "on_crash"),
    POLICY(XK_STOP_WATCHDOG, "on_watchdog"),
    POLICY(XK_STOP_SOFT_RESET, "on_soft_reset"),
    CONFIG(disks, CUSTOM, .put = put_disks, .get = get_disks),
    CONFIG(vifs, CUSTOM, .put = put_vifs, .get = get_vifs),
    FIELD(struct xk_domain_config, values, "keys", CUSTOM, .put = put_keys,
          .get = get_keys),
};

static const struct xk_field *const config_fields = record_fields + 1;

enum {
    RECORD_FIELDS = XK_ARRAY_SIZE(record_fields),
    CONFIG_FIELDS = RECORD_FIELDS - 1,
};

void
xk_config_to_json(const struct xk_domain_config *config,
                  struct xk_json_writer *writer, const char *key)
{
    xk_json_open_object(writer, key);
    xk_struct_put(writer, config_fields, CONFIG_FIELDS, config);
    xk_json_close_object(writer);
}

void
xk_config_to_record(const struct xk_domain_config *config, struct xk_buf *text)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);

    xk_json_open_object(writer, NULL);
    xk_struct_put(writer, record_fields, RECORD_FIELDS, config);
    xk_json_close_object(writer);
}

/* ---- secrets ---- */

static void
hide_text(char **text)
{
    free(*text);
    *text = xk_strdup(HIDDEN);
}

/* Hide the password in an item such as "vncpasswd=abc,vnc=1". */
static void
hide_in_item(char **item)
{
    static const char word[] = "passwd=";
    const char *at = strstr(*item, word);
    const char *end;
    char *hidden;

    if (at == NULL)
        return;
    at += strlen(word);
    end = at + strcspn(at, ",");
    hidden = xk_asprintf("%.*s" HIDDEN "%s", (int)(at - *item), *item, end);
    free(*item);
    *item = hidden;
}

static void
hide_secrets(struct xk_domain_config *config)
{
    for (int key = 0; key < XK_KEY_COUNT; key++) {
        struct xk_value *value = &config->values[key];

        if ((xk_key_info((enum xk_key)key)->flags & XK_KEY_SECRET) != 0 &&
            value->text != NULL)
            hide_text(&value->text);
        for (size_t i = 0; i < value->item_count; i++) {
            if (value->items[i] != NULL)
                hide_in_item(&value->items[i]);
        }
    }
}

void
xk_config_show(const struct xk_domain_config *config,
               struct xk_json_writer *writer, const char *key)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *copying =
        xk_json_writer_new(&text, false);
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    XK_CLEANUP_CONFIG struct xk_domain_config *copied = NULL;

    xk_config_to_json(config, copying, NULL);
    json = xk_json_parse(text.data, text.length, "configuration", NULL);
    copied = xk_config_from_json(json, NULL);
    if (copied == NULL) {
        xk_json_put_null(writer, key);
        return;
    }
    hide_secrets(copied);
    xk_config_to_json(copied, writer, key);
}

static struct xk_domain_config *
read_config(const struct xk_json *value, const struct xk_field *fields,
            size_t count, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        XK_NEW(struct xk_domain_config);

    if (xk_struct_get(value, fields, count, config, err) == -1 ||
        xk_domain_name_check(config->name, err) == -1)
        goto bad;
    if (config->maxmem_mib < config->memory_mib ||
        config->maxvcpus < config->vcpus) {
        xk_fail(err, XK_ERR_PROTOCOL,
                "a maximum is less than the value at the start");
        goto bad;
    }
    return XK_TAKE(config);

bad:
    xk_wrap(err, "configuration");
    if (err != NULL)
        err->kind = XK_ERR_PROTOCOL;
    return NULL;
}

struct xk_domain_config *
xk_config_from_json(const struct xk_json *value, struct xk_error *err)
{
    return read_config(value, config_fields, CONFIG_FIELDS, err);
}

struct xk_domain_config *
xk_config_from_record(const struct xk_json *value, struct xk_error *err)
{
    if (xk_json_check_version(value, RECORD_VERSION, err) == -1)
        return NULL;
    return xk_json_get(value, XK_JSON_VERSION) == NULL
               ? xk_config_from_json(value, err)
               : read_config(value, record_fields, RECORD_FIELDS, err);
}
