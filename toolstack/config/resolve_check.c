/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Check rules that involve several keys. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/resolve.h"
#include "toolstack/config/value.h"

static const struct xk_location *
position(const struct xk_domain_config *config, enum xk_key key)
{
    return &config->values[key].where;
}

static bool
is_path(const char *firmware)
{
    static const char words[] = "bios|uefi|seabios|ovmf|rombios|pvgrub32|"
                                "pvgrub64";
    size_t length;

    return xk_word_find(words, firmware, true, &length) == NULL;
}

/* Whether a key is set to a value that asks for nothing: 0, "", [] or "none".
 */
static bool
is_off(const struct xk_domain_config *config, enum xk_key key)
{
    const struct xk_value *value = &config->values[key];

    switch (xk_key_info(key)->type) {
    case XK_KEY_BOOL:
        return value->integer == 0;
    case XK_KEY_STRING:
        return *value->text == '\0';
    case XK_KEY_ENUM:
        return strcmp(value->text, "none") == 0 ||
               strcmp(value->text, "0") == 0;
    case XK_KEY_LIST:
    case XK_KEY_NESTED:
        return value->item_count == 0;
    case XK_KEY_INTEGER:
        break;
    }
    return false;
}

/* xl ignores keys that do not apply to the domain's type. If such a key asks
 * for something, say so before the domain runs without it. */
static void
check_types(const struct xk_domain_config *config, struct xk_problems *problems)
{
    for (int i = 0; i < XK_KEY_COUNT; i++) {
        enum xk_key key = (enum xk_key)i;
        const struct xk_key_info *info = xk_key_info(key);
        bool harmless = (info->flags & XK_KEY_TUNING) != 0;

        if (!config->values[key].set || (info->types & 1u << config->type) != 0)
            continue;
        xk_problem_add(problems,
                       harmless || is_off(config, key) ? XK_PROBLEM_WARNING
                                                       : XK_PROBLEM_ERROR,
                       position(config, key),
                       "%s does nothing for a domain of type \"%s\"%s",
                       info->name, xk_domain_type_name(config->type),
                       harmless || is_off(config, key)
                           ? ""
                           : "; leave it out, or change the type");
    }
}

static void
check_deprecated(const struct xk_domain_config *config,
                 struct xk_problems *problems)
{
    for (int i = 0; i < XK_KEY_COUNT; i++) {
        enum xk_key key = (enum xk_key)i;
        const struct xk_key_info *info = xk_key_info(key);

        if (config->values[key].set && (info->flags & XK_KEY_DEPRECATED) != 0)
            xk_problem_add(problems, XK_PROBLEM_WARNING, position(config, key),
                           "%s is deprecated. %s", info->name, info->meaning);
    }
}

static void
check_boot(struct xk_domain_config *config, struct xk_problems *problems)
{
    const char *kernel = xk_config_string(config, XK_KEY_KERNEL);
    const char *boot = xk_config_string(config, XK_KEY_BOOT);
    const char *slash = kernel != NULL ? strrchr(kernel, '/') : NULL;
    const char *base = slash != NULL ? slash + 1 : kernel;

    if (config->type == XK_TYPE_HVM && base != NULL &&
        strcmp(base, "hvmloader") == 0) {
        xk_problem_add(problems, XK_PROBLEM_WARNING,
                       position(config, XK_KEY_KERNEL),
                       "kernel: hvmloader is not a kernel and is ignored; to "
                       "replace it set firmware_override");
        xk_value_free(&config->values[XK_KEY_KERNEL]);
    }
    if (boot != NULL && boot[strspn(boot, "acdn")] != '\0')
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_BOOT),
                       "boot: '%.64s' has letters other than c (hard disk), d "
                       "(CD-ROM) and n (network)",
                       boot);
}

static void
check_kernel(const struct xk_domain_config *config,
             struct xk_problems *problems)
{
    const char *firmware = xk_config_string(config, XK_KEY_FIRMWARE);
    bool kernel = xk_config_is_set(config, XK_KEY_KERNEL);
    struct xk_location file = {.file = config->strings[0]};

    if (config->type == XK_TYPE_HVM) {
        if (firmware != NULL && (strcmp(firmware, "pvgrub32") == 0 ||
                                 strcmp(firmware, "pvgrub64") == 0))
            xk_problem_add(problems, XK_PROBLEM_ERROR,
                           position(config, XK_KEY_FIRMWARE),
                           "firmware: %s is for type=\"pv\"", firmware);
        return;
    }
    if (firmware != NULL && strcmp(firmware, "pvgrub32") != 0 &&
        strcmp(firmware, "pvgrub64") != 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_FIRMWARE),
                       "firmware: a domain of type \"%s\" can have pvgrub32 or "
                       "pvgrub64 only, not '%.64s'",
                       xk_domain_type_name(config->type), firmware);
    else if (firmware != NULL && kernel)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_FIRMWARE),
                       "firmware and kernel are both set");
    if (position(config, XK_KEY_FIRMWARE)->file == NULL &&
        position(config, XK_KEY_KERNEL)->file == NULL &&
        position(config, XK_KEY_BOOTLOADER)->file == NULL)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &file,
                       "a domain of type \"%s\" needs kernel= or bootloader=; "
                       "to boot its disk write type = \"hvm\"",
                       xk_domain_type_name(config->type));
}

static void
check_cmdline(const struct xk_domain_config *config,
              struct xk_problems *problems)
{
    static const enum xk_key replaced[] = {XK_KEY_ROOT, XK_KEY_EXTRA};

    if (!xk_config_is_set(config, XK_KEY_CMDLINE))
        return;
    for (size_t i = 0; i < XK_ARRAY_SIZE(replaced); i++) {
        if (xk_config_is_set(config, replaced[i]))
            xk_problem_add(problems, XK_PROBLEM_WARNING,
                           position(config, replaced[i]),
                           "%s is ignored, because cmdline is set",
                           xk_key_info(replaced[i])->name);
    }
}

static void
check_firmware(const struct xk_domain_config *config,
               struct xk_problems *problems)
{
    const char *firmware = xk_config_string(config, XK_KEY_FIRMWARE);

    if (xk_config_is_set(config, XK_KEY_BIOS_PATH_OVERRIDE) &&
        !xk_config_is_set(config, XK_KEY_BIOS) &&
        (firmware == NULL || is_path(firmware)))
        xk_problem_add(problems, XK_PROBLEM_WARNING,
                       position(config, XK_KEY_BIOS_PATH_OVERRIDE),
                       "bios_path_override without bios; say which kind of "
                       "firmware it is");
}

static void
check_display(const struct xk_domain_config *config,
              struct xk_problems *problems)
{
    const char *listen = xk_config_string(config, XK_KEY_VNCLISTEN);
    const char *vga = xk_config_string(config, XK_KEY_VGA);
    int64_t videoram = xk_config_integer(config, XK_KEY_VIDEORAM, 128);

    if (listen != NULL && strchr(listen, ':') != NULL &&
        xk_config_integer(config, XK_KEY_VNCDISPLAY, 0) != 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_VNCDISPLAY),
                       "the display is set in both vnclisten and vncdisplay");
    if (vga != NULL && strcmp(vga, "qxl") == 0 && videoram < 128)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_VIDEORAM),
                       "videoram: qxl needs 128 MiB");
}

static void
check_usb(const struct xk_domain_config *config, struct xk_problems *problems)
{
    bool bus = xk_config_bool(config, XK_KEY_USB, false) ||
               config->values[XK_KEY_USBDEVICE].item_count > 0;

    if (bus && xk_config_integer(config, XK_KEY_USBVERSION, 0) != 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR,
                       position(config, XK_KEY_USBVERSION),
                       "usbversion cannot be combined with usb or usbdevice");
}

static void
check_cpus(const struct xk_domain_config *config, struct xk_problems *problems)
{
    static const enum xk_key lists[] = {XK_KEY_CPUS, XK_KEY_CPUS_SOFT};

    for (size_t i = 0; i < XK_ARRAY_SIZE(lists); i++) {
        const struct xk_value *value = &config->values[lists[i]];

        for (size_t k = 0; k < value->item_count; k++) {
            const char *wrong = xk_cpu_list_check(value->items[k]);

            if (wrong != NULL)
                xk_problem_add(problems, XK_PROBLEM_ERROR,
                               &value->item_where[k], "%s: %s",
                               xk_key_info(lists[i])->name, wrong);
        }
    }
}

void
xk_resolve_check(struct xk_domain_config *config, struct xk_problems *problems)
{
    check_deprecated(config, problems);
    check_types(config, problems);
    check_boot(config, problems);
    check_kernel(config, problems);
    check_cmdline(config, problems);
    check_firmware(config, problems);
    check_display(config, problems);
    check_usb(config, problems);
    check_cpus(config, problems);
}
