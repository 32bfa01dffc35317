/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/config_display.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"

static char *
copy(const char *text)
{
    return text != NULL ? xk_strdup(text) : NULL;
}

static void
put_bool(const struct xk_domain_config *config, enum xk_key key,
         libxl_defbool *to)
{
    if (xk_config_is_set(config, key))
        libxl_defbool_set(to, xk_config_bool(config, key, false));
}

static void
put_vnc(const struct xk_domain_config *config, libxl_vnc_info *to)
{
    put_bool(config, XK_KEY_VNC, &to->enable);
    put_bool(config, XK_KEY_VNCUNUSED, &to->findunused);
    to->listen = copy(xk_config_string(config, XK_KEY_VNCLISTEN));
    to->passwd = copy(xk_config_string(config, XK_KEY_VNCPASSWD));
    if (xk_config_is_set(config, XK_KEY_VNCDISPLAY))
        to->display = (int)xk_config_integer(config, XK_KEY_VNCDISPLAY, 0);
}

static void
put_sdl(const struct xk_domain_config *config, libxl_sdl_info *to)
{
    put_bool(config, XK_KEY_SDL, &to->enable);
    put_bool(config, XK_KEY_OPENGL, &to->opengl);
    to->display = copy(xk_config_string(config, XK_KEY_DISPLAY));
    to->xauthority = copy(xk_config_string(config, XK_KEY_XAUTHORITY));
}

static int
put_vga(const struct xk_domain_config *config, libxl_vga_interface_info *to,
        struct xk_error *err)
{
    static const struct {
        const char *name;
        libxl_vga_interface_type type;
    } kinds[] = {
        {"stdvga", LIBXL_VGA_INTERFACE_TYPE_STD},
        {"cirrus", LIBXL_VGA_INTERFACE_TYPE_CIRRUS},
        {"none", LIBXL_VGA_INTERFACE_TYPE_NONE},
        {"qxl", LIBXL_VGA_INTERFACE_TYPE_QXL},
    };
    const char *vga = xk_config_string(config, XK_KEY_VGA);

    if (vga == NULL && xk_config_is_set(config, XK_KEY_STDVGA))
        vga =
            xk_config_bool(config, XK_KEY_STDVGA, false) ? "stdvga" : "cirrus";
    if (vga == NULL)
        return 0;
    for (size_t i = 0; i < XK_ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, vga) != 0)
            continue;
        to->kind = kinds[i].type;
        return 0;
    }
    return xk_fail(err, XK_ERR_UNSUPPORTED, "libxl has no vga \"%s\"", vga);
}

static void
put_gfx_passthru(const struct xk_domain_config *config,
                 libxl_domain_build_info *to)
{
    const char *kind = xk_config_string(config, XK_KEY_GFX_PASSTHRU);

    if (kind == NULL)
        return;
    libxl_defbool_set(&to->u.hvm.gfx_passthru, strcmp(kind, "0") != 0);
    if (strcmp(kind, "igd") == 0)
        to->u.hvm.gfx_passthru_kind = LIBXL_GFX_PASSTHRU_KIND_IGD;
}

/* ---- the framebuffer of PV and PVH guests ---- */

struct vfb_option {
    const char *name;
    enum {
        TEXT,
        NUMBER,
        BOOL
    } kind;
    size_t offset;
};

#define OPTION(name, kind, field)                                              \
    {                                                                          \
        name, kind, offsetof(libxl_device_vfb, field)                          \
    }

static const struct vfb_option vfb_options[] = {
    OPTION("vnc", BOOL, vnc.enable),
    OPTION("vnclisten", TEXT, vnc.listen),
    OPTION("vncpasswd", TEXT, vnc.passwd),
    OPTION("vncdisplay", NUMBER, vnc.display),
    OPTION("vncunused", BOOL, vnc.findunused),
    OPTION("keymap", TEXT, keymap),
    OPTION("sdl", BOOL, sdl.enable),
    OPTION("opengl", BOOL, sdl.opengl),
    OPTION("display", TEXT, sdl.display),
    OPTION("xauthority", TEXT, sdl.xauthority),
};

static int
put_vfb_option(char *word, libxl_device_vfb *to, struct xk_error *err)
{
    char *value = strchr(word, '=');
    uint64_t number = 0;

    if (value == NULL)
        return xk_fail(err, XK_ERR_CONFIG, "vfb: \"%s\" has no value", word);
    *value++ = '\0';
    for (size_t i = 0; i < XK_ARRAY_SIZE(vfb_options); i++) {
        void *field = (char *)to + vfb_options[i].offset;

        if (strcmp(vfb_options[i].name, word) != 0)
            continue;
        if (vfb_options[i].kind == TEXT) {
            *(char **)field = xk_strdup(value);
            return 0;
        }
        if (!xk_parse_u64(value, 65535, &number))
            return xk_fail(err, XK_ERR_CONFIG, "vfb: %s=\"%s\" is no number",
                           word, value);
        if (vfb_options[i].kind == BOOL)
            libxl_defbool_set(field, number != 0);
        else
            *(int *)field = (int)number;
        return 0;
    }
    return strcmp(word, "type") == 0
               ? 0
               : xk_fail(err, XK_ERR_CONFIG, "vfb: \"%s\" is not known", word);
}

/* One keyboard goes with each framebuffer. */
static libxl_device_vfb *
add_vfb(libxl_domain_config *to)
{
    libxl_device_vfb *vfb;
    libxl_device_vkb *vkb;

    to->vfbs = xk_realloc(to->vfbs, (size_t)to->num_vfbs + 1, sizeof(*vfb));
    vfb = &to->vfbs[to->num_vfbs];
    libxl_device_vfb_init(vfb);
    vfb->devid = to->num_vfbs++;
    to->vkbs = xk_realloc(to->vkbs, (size_t)to->num_vkbs + 1, sizeof(*vkb));
    vkb = &to->vkbs[to->num_vkbs];
    libxl_device_vkb_init(vkb);
    vkb->devid = to->num_vkbs++;
    return vfb;
}

static int
put_vfbs(const struct xk_domain_config *config, libxl_domain_config *to,
         struct xk_error *err)
{
    const struct xk_value *list = &config->values[XK_KEY_VFB];

    for (size_t i = 0; i < list->item_count; i++) {
        XK_CLEANUP_FREE char *copied = xk_strdup(list->items[i]);
        libxl_device_vfb *vfb = add_vfb(to);
        char *state = NULL;

        for (char *word = strtok_r(copied, ", ", &state); word != NULL;
             word = strtok_r(NULL, ", ", &state)) {
            if (put_vfb_option(word, vfb, err) == -1)
                return -1;
        }
    }
    if (xk_config_bool(config, XK_KEY_VNC, false)) {
        libxl_device_vfb *vfb = add_vfb(to);

        put_vnc(config, &vfb->vnc);
        put_sdl(config, &vfb->sdl);
        vfb->keymap = copy(xk_config_string(config, XK_KEY_KEYMAP));
    }
    return 0;
}

int
xk_xen_config_display(const struct xk_domain_config *config,
                      libxl_domain_config *to, struct xk_error *err)
{
    if (config->type != XK_TYPE_HVM)
        return put_vfbs(config, to, err);
    put_vnc(config, &to->b_info.u.hvm.vnc);
    put_sdl(config, &to->b_info.u.hvm.sdl);
    put_gfx_passthru(config, &to->b_info);
    return put_vga(config, &to->b_info.u.hvm.vga, err);
}
