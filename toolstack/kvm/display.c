/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The graphics card, its VNC server, and USB input. */
#include "toolstack/kvm/plan_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "toolstack/kvm/vnc.h"

/* Memory is in MiB. QEMU requires a power of two. */
static const struct card {
    const char *name; /* vga= */
    const char *driver;
    const char *memory_property;
    int64_t least, most, otherwise;
} cards[] = {
    {"cirrus", "cirrus-vga", "vgamem_mb", 8, 16, 8},
    {"stdvga", "VGA", "vgamem_mb", 16, 512, 16},
    {"qxl", "qxl-vga", "vram_size_mb", 128, 1024, 128},
};

/* Return the card; NULL: none. */
static const struct card *
card_of(const struct xk_domain_config *config)
{
    const char *name = xk_config_string(config, XK_KEY_VGA);
    bool standard = config->type != XK_TYPE_HVM ||
                    xk_config_bool(config, XK_KEY_STDVGA, false);

    if (xk_config_bool(config, XK_KEY_NOGRAPHIC, false))
        return NULL;
    if (name == NULL)
        return &cards[standard ? 1 : 0];
    for (size_t i = 0; i < XK_ARRAY_SIZE(cards); i++) {
        if (strcmp(name, cards[i].name) == 0)
            return &cards[i];
    }
    return NULL;
}

static int
add_card(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
         const struct card *card, struct xk_error *err)
{
    int64_t asked = xk_config_integer(config, XK_KEY_VIDEORAM, card->otherwise);
    int64_t memory = card->least;
    struct xk_json_writer *w;

    while (memory < asked && memory <= card->most)
        memory *= 2;
    if (asked < card->least || memory > card->most) {
        xk_fail(err, XK_ERR_CONFIG,
                "videoram=%" PRId64 ": %s takes %" PRId64 " to %" PRId64 " MiB",
                asked, card->name, card->least, card->most);
        return xk_kvm_part_failed(
            plan, xk_kvm_key_place(config, XK_KEY_VIDEORAM), err);
    }
    w = xk_kvm_device_open(plan, card->driver, "vga", XK_KVM_SLOT_VGA);
    xk_json_put_integer(w, card->memory_property, memory);
    xk_kvm_option_close(plan);
    return 0;
}

/* The settings of hvm, and of pv without vfb=. */
static void
vnc_of_keys(const struct xk_domain_config *config, struct xk_kvm_vnc *vnc)
{
    enum xk_key place =
        xk_config_is_set(config, XK_KEY_VNCLISTEN) ? XK_KEY_VNCLISTEN
        : xk_config_is_set(config, XK_KEY_KEYMAP)  ? XK_KEY_KEYMAP
                                                   : XK_KEY_VNC;

    *vnc = (struct xk_kvm_vnc){
        .enabled =
            xk_config_bool(config, XK_KEY_VNC, config->type == XK_TYPE_HVM),
        .listen = xk_config_string(config, XK_KEY_VNCLISTEN),
        .display = xk_config_integer(config, XK_KEY_VNCDISPLAY, -1),
        .unused = xk_config_bool(config, XK_KEY_VNCUNUSED, true),
        .password = xk_config_string(config, XK_KEY_VNCPASSWD),
        .keymap = xk_config_string(config, XK_KEY_KEYMAP),
        .where = xk_kvm_key_place(config, place),
    };
}

static int
add_graphics(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
             struct xk_error *err)
{
    const struct xk_value *vfb = &config->values[XK_KEY_VFB];
    bool framebuffer = config->type != XK_TYPE_HVM && vfb->item_count > 0;
    const struct card *card = card_of(config);
    XK_CLEANUP_FREE char *text = NULL;
    struct xk_kvm_vnc vnc;

    vnc_of_keys(config, &vnc);
    if (framebuffer) {
        if (xk_kvm_vnc_parse_vfb(vfb->items[0], &text, &vnc, err) == -1)
            return xk_kvm_part_failed(plan, &vfb->item_where[0], err);
        vnc.where = &vfb->item_where[0];
    }
    if (card == NULL || (config->type != XK_TYPE_HVM && !vnc.enabled))
        return 0;
    if (add_card(plan, config, card, err) == -1)
        return -1;
    if (xk_kvm_vnc_add(plan, &vnc, err) == -1)
        return xk_kvm_part_failed(plan, vnc.where, err);
    return 0;
}

/* ---- USB ---- */

static const struct {
    const char *name; /* usbdevice= */
    const char *driver;
} usb_devices[] = {
    {"tablet", "usb-tablet"},
    {"mouse", "usb-mouse"},
    {"keyboard", "usb-kbd"},
};

static int
add_usb_device(struct xk_kvm_plan *plan, const char *name, size_t number,
               struct xk_error *err)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(usb_devices); i++) {
        struct xk_json_writer *w;
        char id[32];

        if (strcmp(name, usb_devices[i].name) != 0)
            continue;
        snprintf(id, sizeof(id), "usb%zu", number);
        w = xk_kvm_option_open(plan, "-device");
        xk_json_put_string(w, "driver", usb_devices[i].driver);
        xk_json_put_string(w, "id", id);
        xk_json_put_string(w, "bus", "usb.0");
        xk_kvm_option_close(plan);
        return 0;
    }
    return xk_fail(err, XK_ERR_UNSUPPORTED,
                   "usbdevice \"%s\" is not possible on kvm: tablet, mouse and "
                   "keyboard are",
                   name);
}

static int
add_usb(struct xk_kvm_plan *plan, const struct xk_domain_config *config,
        struct xk_error *err)
{
    const struct xk_value *devices = &config->values[XK_KEY_USBDEVICE];
    bool bus = xk_config_bool(config, XK_KEY_USB, false) ||
               xk_config_integer(config, XK_KEY_USBVERSION, 0) > 0 ||
               devices->item_count > 0;

    if (!bus)
        return 0;
    xk_kvm_device_open(plan, "qemu-xhci", "usb", XK_KVM_SLOT_USB);
    xk_kvm_option_close(plan);
    for (size_t i = 0; i < devices->item_count; i++) {
        if (add_usb_device(plan, devices->items[i], i, err) == -1 &&
            xk_kvm_part_failed(plan, &devices->item_where[i], err) == -1)
            return -1;
    }
    return 0;
}

int
xk_kvm_part_display(struct xk_kvm_plan *plan,
                    const struct xk_domain_config *config, struct xk_error *err)
{
    if (add_graphics(plan, config, err) == -1)
        return -1;
    return add_usb(plan, config, err);
}
