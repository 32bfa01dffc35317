/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that the host and QEMU know a network card by, and its TAP
 * (net-helpers/tap.h). */
#ifndef XK_TOOLSTACK_KVM_TAPS_H
#define XK_TOOLSTACK_KVM_TAPS_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/process.h"
#include "net-helpers/plug.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/kvm/card_files.h"
#include "toolstack/record.h"

/* Return the name of a card's TAP if the configuration gives none: at most 15
 * bytes, owned by the caller. It follows from UUID and devid, so that every
 * process that knows the domain finds the TAP. */
char *xk_kvm_tap_name(const struct xk_uuid *uuid, int devid);

/* Return the name of a card's TAP, owned by the caller. */
char *xk_kvm_tap_of(const struct xk_domain_config *config,
                    const struct xk_vif *vif);

enum {
    XK_KVM_NETDEV_NAME_SIZE = 24
};

/* QEMU's name for the guest's end of a card (-device): "vifN". */
#define XK_KVM_CARD_NAME_SIZE 16
void xk_kvm_card_name(int devid, char name[XK_KVM_CARD_NAME_SIZE]);

/* QEMU's name for the host's end of a card (-netdev): "net-vifN". */
void xk_kvm_netdev_name(int devid, char name[XK_KVM_NETDEV_NAME_SIZE]);

/* What a card's plug needs to know of it, in memory of its own. */
struct xk_kvm_plugged {
    struct xk_plug_card card;
    char *mac, mark[XK_KVM_CARD_FILE_SIZE];
    char uuid[XK_UUID_TEXT_SIZE];
};

/* The mark is in the record's directory; -1: there is none. The caller sets
 * card.device. */
void xk_kvm_plugged_init(struct xk_kvm_plugged *plugged,
                         const struct xk_domain_config *config,
                         const struct xk_vif *vif, int record_dir_fd);
void xk_kvm_plugged_free(struct xk_kvm_plugged *plugged);

/* Undo what the plugs of the record's cards, or that of one card, have left on
 * this host (net-helpers/plug.h). A failure is only logged. */
void xk_kvm_unplug_card(int record_dir_fd, int devid,
                        struct xk_deadline deadline);
void xk_kvm_unplug(const struct xk_record *record, struct xk_deadline deadline);

/* The same for the cards that has() does not know. */
typedef bool xk_kvm_has_plug(int devid, void *context);
void xk_kvm_unplug_others(int record_dir_fd, xk_kvm_has_plug *has,
                          void *context, struct xk_deadline deadline);

/* Set aside the TAPs of these cards that the process holds: take them off their
 * bridge, set them down, and rename them after the configuration's UUID, which
 * is not the UUID they were created for. `leaving` are the devids of further
 * cards, as far as their TAPs have the names of xk_kvm_tap_name(). The process
 * keeps the TAPs. Succeeds if the process has ended, and if all or part of this
 * is already done. */
int xk_kvm_tap_set_aside(const struct xk_process *process,
                         const struct xk_domain_config *config,
                         const int *leaving, size_t leaving_count,
                         struct xk_deadline deadline, struct xk_error *err);

#endif
