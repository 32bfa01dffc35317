/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of the record that are one for each network card: a word, and the
 * card's devid behind it. */
#ifndef XK_TOOLSTACK_KVM_CARD_FILES_H
#define XK_TOOLSTACK_KVM_CARD_FILES_H

#include <stddef.h>

#include "base/error.h"

/* "leaving-3": toolstack/kvm/leaving.h; "plugged-3": net-helpers/plug.h. */
#define XK_KVM_CARD_LEAVING "leaving-"
#define XK_KVM_CARD_PLUGGED "plugged-"

enum {
    XK_KVM_CARD_FILE_SIZE = 32
};

/* The name of the card's file. */
void xk_kvm_card_file(const char *word, int devid,
                      char name[XK_KVM_CARD_FILE_SIZE]);

/* List the devids that have such a file; the caller frees *devids. */
int xk_kvm_card_files(int record_dir_fd, const char *word, int **devids,
                      size_t *count, struct xk_error *err);

#endif
