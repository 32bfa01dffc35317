/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/to_libxl/config_lists.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/ranges.h"
#include "toolstack/xen/to_libxl/config_options.h"

typedef int finish_device(const struct xk_domain_config *config,
                          const struct xk_givens *givens, void *device,
                          struct xk_error *err);

/* ---- options that are not a single field ---- */

static int
finish_channel(const struct xk_domain_config *config,
               const struct xk_givens *givens, void *device,
               struct xk_error *err)
{
    libxl_device_channel *channel = device;
    const struct xk_given *path = xk_given(givens, XK_OPTION_CHANNEL_PATH);

    (void)config;
    (void)err;
    channel->connection = LIBXL_CHANNEL_CONNECTION_PTY;
    if (strcmp(xk_given(givens, XK_OPTION_CHANNEL_CONNECTION)->text,
               "socket") != 0)
        return 0;
    channel->connection = LIBXL_CHANNEL_CONNECTION_SOCKET;
    channel->u.socket.path = xk_xen_copy(path != NULL ? path->text : NULL);
    return 0;
}

static int
finish_vkb(const struct xk_domain_config *config,
           const struct xk_givens *givens, void *device, struct xk_error *err)
{
    libxl_device_vkb *vkb = device;

    (void)config;
    (void)givens;
    (void)err;
    if (vkb->multi_touch_width != 0 || vkb->multi_touch_height != 0 ||
        vkb->multi_touch_num_contacts != 0)
        vkb->feature_multi_touch = true;
    return 0;
}

static int
finish_vdispl(const struct xk_domain_config *config,
              const struct xk_givens *givens, void *device,
              struct xk_error *err)
{
    libxl_device_vdispl *vdispl = device;
    const char *rest = xk_given(givens, XK_OPTION_VDISPL_CONNECTORS)->text;
    size_t count = 0;

    (void)config;
    while (*rest != '\0') {
        libxl_connector_param *connector;

        XK_GROW(vdispl->connectors, count);
        connector = &vdispl->connectors[count++];
        vdispl->num_connectors = (int)count;
        libxl_connector_param_init(connector);
        if (!xk_connector_next(&rest, &connector->unique_id, &connector->width,
                               &connector->height))
            return xk_fail(err, XK_ERR_CONFIG,
                           "vdispl: \"%.64s\" is not a connector", rest);
    }
    return 0;
}

static int
put_address(const struct xk_givens *givens, libxl_device_pci *pci,
            struct xk_error *err)
{
    const struct xk_given *bdf = xk_given(givens, XK_OPTION_PCI_BDF);
    const struct xk_given *slot = xk_given(givens, XK_OPTION_PCI_VSLOT);
    struct xk_pci_address address;

    if (bdf == NULL)
        return 0;
    if (!xk_pci_parse(bdf->text, &address) ||
        (slot != NULL && !xk_pci_slot_parse(slot->text, &address.slot)))
        return xk_fail(err, XK_ERR_CONFIG, "pci: \"%.64s\" is not an address",
                       bdf->text);
    pci->domain = address.domain;
    pci->bus = address.bus;
    pci->dev = address.device;
    pci->func = address.function;
    pci->vfunc_mask = address.all_functions ? LIBXL_PCI_FUNC_ALL : 1;
    if (address.slot >= 0)
        pci->vdevfn = (uint32_t)address.slot << 3;
    return 0;
}

/* Options that a device does not give default to the keys for all devices. */
static int
finish_pci(const struct xk_domain_config *config,
           const struct xk_givens *givens, void *device, struct xk_error *err)
{
    static const struct {
        enum xk_option_id option;
        enum xk_key key;
        size_t offset;
    } defaults[] = {
        {XK_OPTION_PCI_MSITRANSLATE, XK_KEY_PCI_MSITRANSLATE,
         offsetof(libxl_device_pci, msitranslate)},
        {XK_OPTION_PCI_POWER_MGMT, XK_KEY_PCI_POWER_MGMT,
         offsetof(libxl_device_pci, power_mgmt)},
        {XK_OPTION_PCI_PERMISSIVE, XK_KEY_PCI_PERMISSIVE,
         offsetof(libxl_device_pci, permissive)},
        {XK_OPTION_PCI_SEIZE, XK_KEY_PCI_SEIZE,
         offsetof(libxl_device_pci, seize)},
    };

    for (size_t i = 0; i < XK_ARRAY_SIZE(defaults); i++) {
        if (xk_given(givens, defaults[i].option) == NULL)
            *(bool *)((char *)device + defaults[i].offset) =
                xk_config_bool(config, defaults[i].key, false);
    }
    return put_address(givens, device, err);
}

/* ---- the lists ---- */

#define STARTER(name)                                                          \
    static void start_##name(void *device, int number)                         \
    {                                                                          \
        libxl_device_##name *started = device;                                 \
        libxl_device_##name##_init(started);                                   \
        started->devid = number;                                               \
    }
STARTER(p9)
STARTER(vtpm)
STARTER(pvcallsif)
STARTER(channel)
STARTER(vfb)
STARTER(vkb)
STARTER(vdispl)
STARTER(usbctrl)

static void
start_usbdev(void *device, int number)
{
    (void)number;
    libxl_device_usbdev_init(device);
    libxl_device_usbdev_init_type(device, LIBXL_USBDEV_TYPE_HOSTDEV);
}

static void
start_pci(void *device, int number)
{
    (void)number;
    libxl_device_pci_init(device);
}

struct list {
    enum xk_key key;
    enum xk_option_set set;
    size_t array, count, size; /* offsets into libxl_domain_config */
    void (*start)(void *device, int number);
    finish_device *finish; /* NULL: none */
};

#define LIST(key, name, finish)                                                \
    {                                                                          \
        XK_KEY_##key, XK_OPTIONS_##key,                                        \
            offsetof(libxl_domain_config, name##s),                            \
            offsetof(libxl_domain_config, num_##name##s),                      \
            sizeof(libxl_device_##name), start_##name, finish                  \
    }

static const struct list lists[] = {
    LIST(P9, p9, NULL),
    LIST(VTPM, vtpm, NULL),
    LIST(PVCALLS, pvcallsif, NULL),
    LIST(CHANNEL, channel, finish_channel),
    LIST(VKB, vkb, finish_vkb),
    LIST(VDISPL, vdispl, finish_vdispl),
    LIST(USBCTRL, usbctrl, NULL),
    LIST(USBDEV, usbdev, NULL),
    {XK_KEY_PCI, XK_OPTIONS_PCI, offsetof(libxl_domain_config, pcidevs),
     offsetof(libxl_domain_config, num_pcidevs), sizeof(libxl_device_pci),
     start_pci, finish_pci},
};

static const struct list vfbs = LIST(VFB, vfb, NULL);
static const struct list keyboards = LIST(VKB, vkb, finish_vkb);

/* Append an element and return it. The array's pointer is copied as bytes:
 * pointers to all of libxl's device types have the same size. */
static void *
add(const struct list *list, libxl_domain_config *to)
{
    int *count = (int *)((char *)to + list->count);
    void *array, *device;

    memcpy(&array, (char *)to + list->array, sizeof(array));
    array = xk_realloc(array, (size_t)*count + 1, list->size);
    memcpy((char *)to + list->array, &array, sizeof(array));
    device = (char *)array + (size_t)*count * list->size;
    list->start(device, *count);
    (*count)++;
    return device;
}

libxl_device_vfb *
xk_xen_add_vfb(libxl_domain_config *to)
{
    add(&keyboards, to);
    return add(&vfbs, to);
}

static int
put_device(const struct xk_domain_config *config, const struct list *list,
           const char *text, libxl_domain_config *to, struct xk_error *err)
{
    XK_CLEANUP_GIVENS struct xk_givens givens = {0};
    void *device;

    if (xk_options_again(list->set, text, &givens, err) == -1)
        return -1;
    device = list->key == XK_KEY_VFB ? xk_xen_add_vfb(to) : add(list, to);
    if (xk_xen_put_givens(&givens, device, err) == -1)
        return -1;
    return list->finish != NULL ? list->finish(config, &givens, device, err)
                                : 0;
}

static int
put_list(const struct xk_domain_config *config, const struct list *list,
         libxl_domain_config *to, struct xk_error *err)
{
    const struct xk_value *value = &config->values[list->key];

    for (size_t i = 0; i < value->item_count; i++) {
        if (put_device(config, list, value->items[i], to, err) == -1)
            return xk_wrap(err, "%s", xk_key_info(list->key)->name);
    }
    return 0;
}

int
xk_xen_config_lists(const struct xk_domain_config *config,
                    libxl_domain_config *to, struct xk_error *err)
{
    if (put_list(config, &vfbs, to, err) == -1)
        return -1;
    for (size_t i = 0; i < XK_ARRAY_SIZE(lists); i++) {
        if (put_list(config, &lists[i], to, err) == -1)
            return -1;
    }
    return 0;
}
