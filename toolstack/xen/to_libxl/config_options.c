/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config_options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"

enum kind {
    NOWHERE,
    ELSEWHERE, /* a function translates it, or nothing needs to be done */
    TEXT,
    DEFBOOL,
    BOOLEAN,
    UINT8,
    INT,
    UINT32,
    UUID,
    VKB_BACKEND, /* from here on enumerations, by libxl's names */
    USBCTRL_TYPE,
    USBDEV_TYPE,
    STREAM_TYPE,
    RDM_POLICY,
};

struct option_field {
    enum kind kind;
    size_t offset; /* into the device */
};

#define AT(set, id, kind, device, field)                                       \
    [XK_OPTION_##set##_##id] = {kind, offsetof(libxl_##device, field)}
#define OWN(set, id) [XK_OPTION_##set##_##id] = {ELSEWHERE, 0}
#define SOUND(set, device)                                                     \
    OWN(set, RATES), OWN(set, FORMATS),                                        \
        AT(set, CHANNELS_MIN, UINT32, device, params.channels_min),            \
        AT(set, CHANNELS_MAX, UINT32, device, params.channels_max),            \
        AT(set, BUFFER_SIZE, UINT32, device, params.buffer_size)

static const struct option_field fields[XK_OPTION_COUNT] = {
    AT(P9, TAG, TEXT, device_p9, tag),
    AT(P9, PATH, TEXT, device_p9, path),
    AT(P9, SECURITY_MODEL, TEXT, device_p9, security_model),
    AT(P9, BACKEND, TEXT, device_p9, backend_domname),
    AT(VTPM, BACKEND, TEXT, device_vtpm, backend_domname),
    AT(VTPM, UUID, UUID, device_vtpm, uuid),
    AT(PVCALLS, BACKEND, TEXT, device_pvcallsif, backend_domname),
    AT(CHANNEL, NAME, TEXT, device_channel, name),
    OWN(CHANNEL, CONNECTION),
    OWN(CHANNEL, PATH),
    AT(CHANNEL, BACKEND, TEXT, device_channel, backend_domname),
    AT(VFB, VNC, DEFBOOL, device_vfb, vnc.enable),
    AT(VFB, VNCLISTEN, TEXT, device_vfb, vnc.listen),
    AT(VFB, VNCPASSWD, TEXT, device_vfb, vnc.passwd),
    AT(VFB, VNCDISPLAY, INT, device_vfb, vnc.display),
    AT(VFB, VNCUNUSED, DEFBOOL, device_vfb, vnc.findunused),
    AT(VFB, KEYMAP, TEXT, device_vfb, keymap),
    AT(VFB, SDL, DEFBOOL, device_vfb, sdl.enable),
    AT(VFB, OPENGL, DEFBOOL, device_vfb, sdl.opengl),
    AT(VFB, DISPLAY, TEXT, device_vfb, sdl.display),
    AT(VFB, XAUTHORITY, TEXT, device_vfb, sdl.xauthority),
    OWN(VFB, TYPE),
    AT(VKB, BACKEND, TEXT, device_vkb, backend_domname),
    AT(VKB, BACKEND_TYPE, VKB_BACKEND, device_vkb, backend_type),
    AT(VKB, UNIQUE_ID, TEXT, device_vkb, unique_id),
    AT(VKB, DISABLE_KEYBOARD, BOOLEAN, device_vkb, feature_disable_keyboard),
    AT(VKB, DISABLE_POINTER, BOOLEAN, device_vkb, feature_disable_pointer),
    AT(VKB, ABS_POINTER, BOOLEAN, device_vkb, feature_abs_pointer),
    AT(VKB, RAW_POINTER, BOOLEAN, device_vkb, feature_raw_pointer),
    AT(VKB, MULTI_TOUCH, BOOLEAN, device_vkb, feature_multi_touch),
    AT(VKB, TOUCH_WIDTH, UINT32, device_vkb, multi_touch_width),
    AT(VKB, TOUCH_HEIGHT, UINT32, device_vkb, multi_touch_height),
    AT(VKB, TOUCH_CONTACTS, UINT32, device_vkb, multi_touch_num_contacts),
    AT(VKB, WIDTH, UINT32, device_vkb, width),
    AT(VKB, HEIGHT, UINT32, device_vkb, height),
    AT(VDISPL, BACKEND, TEXT, device_vdispl, backend_domname),
    AT(VDISPL, BE_ALLOC, BOOLEAN, device_vdispl, be_alloc),
    OWN(VDISPL, CONNECTORS),
    AT(VSND_CARD, BACKEND, TEXT, device_vsnd, backend_domname),
    AT(VSND_CARD, SHORT_NAME, TEXT, device_vsnd, short_name),
    AT(VSND_CARD, LONG_NAME, TEXT, device_vsnd, long_name),
    SOUND(VSND_CARD, device_vsnd),
    AT(VSND_PCM, NAME, TEXT, vsnd_pcm, name),
    SOUND(VSND_PCM, vsnd_pcm),
    AT(VSND_STREAM, UNIQUE_ID, TEXT, vsnd_stream, unique_id),
    AT(VSND_STREAM, TYPE, STREAM_TYPE, vsnd_stream, type),
    SOUND(VSND_STREAM, vsnd_stream),
    AT(USBCTRL, TYPE, USBCTRL_TYPE, device_usbctrl, type),
    AT(USBCTRL, VERSION, INT, device_usbctrl, version),
    AT(USBCTRL, PORTS, INT, device_usbctrl, ports),
    AT(USBDEV, TYPE, USBDEV_TYPE, device_usbdev, type),
    AT(USBDEV, HOSTBUS, UINT8, device_usbdev, u.hostdev.hostbus),
    AT(USBDEV, HOSTADDR, UINT8, device_usbdev, u.hostdev.hostaddr),
    AT(USBDEV, CONTROLLER, INT, device_usbdev, ctrl),
    AT(USBDEV, PORT, INT, device_usbdev, port),
    OWN(PCI, BDF),
    OWN(PCI, VSLOT),
    AT(PCI, NAME, TEXT, device_pci, name),
    AT(PCI, PERMISSIVE, BOOLEAN, device_pci, permissive),
    AT(PCI, MSITRANSLATE, BOOLEAN, device_pci, msitranslate),
    AT(PCI, SEIZE, BOOLEAN, device_pci, seize),
    AT(PCI, POWER_MGMT, BOOLEAN, device_pci, power_mgmt),
    AT(PCI, RDM_POLICY, RDM_POLICY, device_pci, rdm_policy),
    OWN(RDM, STRATEGY),
    AT(RDM, POLICY, RDM_POLICY, rdm_reserve, policy),
    OWN(VNUMA, PNODE),
    OWN(VNUMA, SIZE),
    OWN(VNUMA, VCPUS),
    OWN(VNUMA, VDISTANCES),
};

bool
xk_xen_takes_option(enum xk_option_id id)
{
    return fields[id].kind != NOWHERE;
}

char *
xk_xen_copy(const char *text)
{
    return text != NULL ? xk_strdup(text) : NULL;
}

static int
put_name(enum kind kind, const struct xk_given *given, void *to,
         struct xk_error *err)
{
    int rc = ERROR_INVAL;

    if (kind == VKB_BACKEND)
        rc = libxl_vkb_backend_from_string(given->text, to);
    if (kind == USBCTRL_TYPE)
        rc = libxl_usbctrl_type_from_string(given->text, to);
    if (kind == USBDEV_TYPE)
        rc = libxl_usbdev_type_from_string(given->text, to);
    if (kind == STREAM_TYPE)
        rc = libxl_vsnd_stream_type_from_string(given->text, to);
    if (kind == RDM_POLICY)
        rc = libxl_rdm_reserve_policy_from_string(given->text, to);
    if (rc == 0)
        return 0;
    return xk_fail(err, XK_ERR_UNSUPPORTED, "libxl has no %s=%s",
                   given->option->name, given->text);
}

static int
put(const struct xk_given *given, void *device, struct xk_error *err)
{
    const struct option_field *field = &fields[given->option->id];
    void *to = (char *)device + field->offset;

    switch ((int)field->kind) {
    case TEXT:
        free(*(char **)to);
        *(char **)to = xk_strdup(given->text);
        return 0;
    case DEFBOOL:
        libxl_defbool_set(to, given->number != 0);
        return 0;
    case BOOLEAN:
        *(bool *)to = given->number != 0;
        return 0;
    case UINT8:
        *(uint8_t *)to = (uint8_t)given->number;
        return 0;
    case INT:
        *(int *)to = (int)given->number;
        return 0;
    case UINT32:
        *(uint32_t *)to = (uint32_t)given->number;
        return 0;
    case UUID:
        memcpy(to, given->uuid.bytes, sizeof(given->uuid.bytes));
        return 0;
    case NOWHERE:
    case ELSEWHERE:
        return 0;
    default:
        return put_name(field->kind, given, to, err);
    }
}

int
xk_xen_put_givens(const struct xk_givens *givens, void *device,
                  struct xk_error *err)
{
    for (size_t i = 0; i < givens->count; i++) {
        if (put(&givens->items[i], device, err) == -1)
            return -1;
    }
    return 0;
}
