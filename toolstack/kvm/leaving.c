/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/leaving.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "net-helpers/mac.h"
#include "toolstack/kvm/card_files.h"

bool
xk_kvm_is_leaving(int record_dir_fd, int devid)
{
    char name[XK_KVM_CARD_FILE_SIZE];

    xk_kvm_card_file(XK_KVM_CARD_LEAVING, devid, name);
    return faccessat(record_dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int
xk_kvm_leaving_mark(int record_dir_fd, int devid, const char *mac,
                    struct xk_error *err)
{
    char name[XK_KVM_CARD_FILE_SIZE];

    if (xk_kvm_is_leaving(record_dir_fd, devid))
        return 0;
    xk_kvm_card_file(XK_KVM_CARD_LEAVING, devid, name);
    return xk_write_file(record_dir_fd, name, mac, strlen(mac), false, err);
}

void
xk_kvm_leaving_unmark(int record_dir_fd, int devid)
{
    char name[XK_KVM_CARD_FILE_SIZE];

    xk_kvm_card_file(XK_KVM_CARD_LEAVING, devid, name);
    unlinkat(record_dir_fd, name, 0);
}

static void
take(int record_dir_fd, int devid, struct xk_kvm_leaving *card)
{
    XK_CLEANUP_BUF struct xk_buf mac = {0};
    char name[XK_KVM_CARD_FILE_SIZE];
    uint8_t bytes[6];

    *card = (struct xk_kvm_leaving){.devid = devid};
    xk_kvm_card_file(XK_KVM_CARD_LEAVING, devid, name);
    if (xk_read_file(record_dir_fd, name, XK_MAC_TEXT_SIZE, &mac, NULL) == 0 &&
        mac.length > 0 && xk_mac_parse(mac.data, bytes))
        xk_mac_format(bytes, card->mac);
}

int
xk_kvm_leaving_list(int record_dir_fd, struct xk_kvm_leaving **cards,
                    size_t *count, struct xk_error *err)
{
    XK_CLEANUP_FREE int *devids = NULL;

    *cards = NULL;
    if (xk_kvm_card_files(record_dir_fd, XK_KVM_CARD_LEAVING, &devids, count,
                          err) == -1)
        return -1;
    *cards = xk_calloc(*count + 1, sizeof(**cards));
    for (size_t i = 0; i < *count; i++)
        take(record_dir_fd, devids[i], &(*cards)[i]);
    return 0;
}

void
xk_kvm_leaving_clear(int record_dir_fd)
{
    XK_CLEANUP_FREE int *devids = NULL;
    size_t count;

    if (xk_kvm_card_files(record_dir_fd, XK_KVM_CARD_LEAVING, &devids, &count,
                          NULL) == -1)
        return;
    for (size_t i = 0; i < count; i++)
        xk_kvm_leaving_unmark(record_dir_fd, devids[i]);
}
