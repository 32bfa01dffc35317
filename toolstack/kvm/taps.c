/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/taps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "net-helpers/tap.h"
#include "toolstack/config/vif_plug.h"
#include "toolstack/kvm/card_files.h"
#include "toolstack/record_config.h"

struct setting_aside {
    const struct xk_domain_config *config;
    const int *leaving;
    size_t leaving_count;
    struct xk_deadline deadline;
};

char *
xk_kvm_tap_name(const struct xk_uuid *uuid, int devid)
{
    const uint8_t *b = uuid->bytes;

    return xk_asprintf("vif%02x%02x%02x%02x.%d", b[0], b[1], b[2], b[3], devid);
}

char *
xk_kvm_tap_of(const struct xk_domain_config *config, const struct xk_vif *vif)
{
    return vif->vifname != NULL ? xk_strdup(vif->vifname)
                                : xk_kvm_tap_name(&config->uuid, vif->devid);
}

void
xk_kvm_card_name(int devid, char name[XK_KVM_CARD_NAME_SIZE])
{
    snprintf(name, XK_KVM_CARD_NAME_SIZE, "vif%d", devid);
}

void
xk_kvm_netdev_name(int devid, char name[XK_KVM_NETDEV_NAME_SIZE])
{
    snprintf(name, XK_KVM_NETDEV_NAME_SIZE, "net-vif%d", devid);
}

/* ---- plugs ---- */

void
xk_kvm_plugged_init(struct xk_kvm_plugged *plugged,
                    const struct xk_domain_config *config,
                    const struct xk_vif *vif, int record_dir_fd)
{
    *plugged = (struct xk_kvm_plugged){.mac = xk_vif_mac_text(vif)};
    xk_kvm_card_file(XK_KVM_CARD_PLUGGED, vif->devid, plugged->mark);
    xk_uuid_format(&config->uuid, plugged->uuid);
    plugged->card = (struct xk_plug_card){
        .vifname = vif->vifname,
        .mac = plugged->mac,
        .domain = plugged->uuid,
        .dir_fd = record_dir_fd,
        .mark = record_dir_fd != -1 ? plugged->mark : NULL,
        .mtu = vif->mtu,
    };
}

void
xk_kvm_plugged_free(struct xk_kvm_plugged *plugged)
{
    free(plugged->mac);
}

void
xk_kvm_unplug_card(int record_dir_fd, int devid, struct xk_deadline deadline)
{
    char mark[XK_KVM_CARD_FILE_SIZE];
    struct xk_error why;

    xk_kvm_card_file(XK_KVM_CARD_PLUGGED, devid, mark);
    if (xk_plug_out(record_dir_fd, mark, deadline, &why) == -1)
        xk_warn("network card %d: %s", devid, why.message);
}

void
xk_kvm_unplug_others(int record_dir_fd, xk_kvm_has_plug *has, void *context,
                     struct xk_deadline deadline)
{
    XK_CLEANUP_FREE int *devids = NULL;
    size_t count;

    if (xk_kvm_card_files(record_dir_fd, XK_KVM_CARD_PLUGGED, &devids, &count,
                          NULL) == -1)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!has(devids[i], context))
            xk_kvm_unplug_card(record_dir_fd, devids[i], deadline);
    }
}

static bool
has_none(int devid, void *context)
{
    (void)devid;
    (void)context;
    return false;
}

void
xk_kvm_unplug(const struct xk_record *record, struct xk_deadline deadline)
{
    xk_kvm_unplug_others(record->dir_fd, has_none, NULL, deadline);
}

/* ---- setting aside ---- */

/* Whether the TAP was created for this card, for a domain of any UUID. */
static bool
is_tap_of(const char *name, const struct xk_vif *vif)
{
    struct xk_uuid uuid = {0};
    XK_CLEANUP_FREE char *made = NULL;

    if (vif->vifname != NULL && strcmp(name, vif->vifname) == 0)
        return true;
    if (sscanf(name, "vif%2hhx%2hhx%2hhx%2hhx.", &uuid.bytes[0], &uuid.bytes[1],
               &uuid.bytes[2], &uuid.bytes[3]) != 4)
        return false;
    made = xk_kvm_tap_name(&uuid, vif->devid);
    return strcmp(name, made) == 0;
}

/* Return the devid of the card; -1: the TAP is of none of them. */
static int
devid_of(const char *name, const struct setting_aside *setting)
{
    const struct xk_domain_config *config = setting->config;

    for (size_t i = 0; i < config->vif_count; i++) {
        if (is_tap_of(name, &config->vifs[i]))
            return config->vifs[i].devid;
    }
    for (size_t i = 0; i < setting->leaving_count; i++) {
        const struct xk_vif nameless = {.devid = setting->leaving[i]};

        if (is_tap_of(name, &nameless))
            return nameless.devid;
    }
    return -1;
}

static int
set_aside(const char *name, void *context, struct xk_error *err)
{
    const struct setting_aside *setting = context;
    int devid = devid_of(name, setting);
    XK_CLEANUP_FREE char *aside = NULL;

    if (devid == -1)
        return 0;
    aside = xk_kvm_tap_name(&setting->config->uuid, devid);
    return strcmp(name, aside) == 0
               ? 0
               : xk_tap_set_aside(name, aside, setting->deadline, err);
}

int
xk_kvm_tap_set_aside(const struct xk_process *process,
                     const struct xk_domain_config *config, const int *leaving,
                     size_t leaving_count, struct xk_deadline deadline,
                     struct xk_error *err)
{
    struct setting_aside setting = {config, leaving, leaving_count, deadline};

    return xk_tap_visit_held(process, set_aside, &setting, err);
}
