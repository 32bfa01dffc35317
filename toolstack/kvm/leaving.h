/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network cards that were detached, and that the guest has not released yet as
 * far as we know. Each is a file of the record. QEMU knows whether such a card
 * is still there (toolstack/kvm/live_cards.h).
 */
#ifndef XK_TOOLSTACK_KVM_LEAVING_H
#define XK_TOOLSTACK_KVM_LEAVING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "net-helpers/mac.h"

struct xk_kvm_leaving {
    int devid;
    char mac[XK_MAC_TEXT_SIZE]; /* "": not known */
};

/* Note that the card is leaving. A mark that exists stays as it is. */
int xk_kvm_leaving_mark(int record_dir_fd, int devid, const char *mac,
                        struct xk_error *err);
void xk_kvm_leaving_unmark(int record_dir_fd, int devid);
bool xk_kvm_is_leaving(int record_dir_fd, int devid);

/* List them; the caller frees *cards. */
int xk_kvm_leaving_list(int record_dir_fd, struct xk_kvm_leaving **cards,
                        size_t *count, struct xk_error *err);

/* Forget all of them: their QEMU has ended. */
void xk_kvm_leaving_clear(int record_dir_fd);

#endif
