/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config_display.h"

#include <string.h>

#include "base/util.h"
#include "toolstack/xen/to_libxl/config_lists.h"
#include "toolstack/xen/to_libxl/config_options.h"

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
    to->listen = xk_xen_copy(xk_config_string(config, XK_KEY_VNCLISTEN));
    to->passwd = xk_xen_copy(xk_config_string(config, XK_KEY_VNCPASSWD));
    if (xk_config_is_set(config, XK_KEY_VNCDISPLAY))
        to->display = (int)xk_config_integer(config, XK_KEY_VNCDISPLAY, 0);
}

static bool
is_named(const struct xk_domain_config *config, enum xk_key key)
{
    const char *text = xk_config_string(config, key);

    return text != NULL && text[0] != '\0';
}

/* By default libxl would open a VNC port on 127.0.0.1 for each HVM guest, which
 * any user of the host could use. Open one only if the configuration mentions
 * VNC. */
static void
put_hvm_vnc(const struct xk_domain_config *config, libxl_vnc_info *to)
{
    put_vnc(config, to);
    if (!xk_config_is_set(config, XK_KEY_VNC) &&
        !xk_config_is_set(config, XK_KEY_VNCDISPLAY) &&
        !is_named(config, XK_KEY_VNCLISTEN) &&
        !is_named(config, XK_KEY_VNCPASSWD))
        libxl_defbool_set(&to->enable, false);
}

static void
put_sdl(const struct xk_domain_config *config, libxl_sdl_info *to)
{
    put_bool(config, XK_KEY_SDL, &to->enable);
    put_bool(config, XK_KEY_OPENGL, &to->opengl);
    to->display = xk_xen_copy(xk_config_string(config, XK_KEY_DISPLAY));
    to->xauthority = xk_xen_copy(xk_config_string(config, XK_KEY_XAUTHORITY));
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

/* Add a framebuffer for vnc=1 unless there is one. xl does this only for PV
 * guests; PVH guests have the same devices. */
static void
put_vfb(const struct xk_domain_config *config, libxl_domain_config *to)
{
    libxl_device_vfb *vfb;

    if (!xk_config_bool(config, XK_KEY_VNC, false) || to->num_vfbs > 0)
        return;
    vfb = xk_xen_add_vfb(to);
    put_vnc(config, &vfb->vnc);
    put_sdl(config, &vfb->sdl);
    vfb->keymap = xk_xen_copy(xk_config_string(config, XK_KEY_KEYMAP));
}

int
xk_xen_config_display(const struct xk_domain_config *config,
                      libxl_domain_config *to, struct xk_error *err)
{
    if (config->type != XK_TYPE_HVM) {
        put_vfb(config, to);
        return 0;
    }
    put_hvm_vnc(config, &to->b_info.u.hvm.vnc);
    put_sdl(config, &to->b_info.u.hvm.sdl);
    put_gfx_passthru(config, &to->b_info);
    return put_vga(config, &to->b_info.u.hvm.vga, err);
}
