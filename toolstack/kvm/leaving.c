/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/leaving.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/number.h"
#include "net-helpers/mac.h"

#define PREFIX "leaving-" /* and the devid */

enum {
    NAME_SIZE = 32,
};

static void
name_of(int devid, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, PREFIX "%d", devid);
}

bool
xk_kvm_is_leaving(int record_dir_fd, int devid)
{
    char name[NAME_SIZE];

    name_of(devid, name);
    return faccessat(record_dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int
xk_kvm_leaving_mark(int record_dir_fd, int devid, const char *mac,
                    struct xk_error *err)
{
    char name[NAME_SIZE];

    if (xk_kvm_is_leaving(record_dir_fd, devid))
        return 0;
    name_of(devid, name);
    return xk_write_file(record_dir_fd, name, mac, strlen(mac), false, err);
}

void
xk_kvm_leaving_unmark(int record_dir_fd, int devid)
{
    char name[NAME_SIZE];

    name_of(devid, name);
    unlinkat(record_dir_fd, name, 0);
}

static void
take(int record_dir_fd, const char *name, int devid,
     struct xk_kvm_leaving *card)
{
    XK_CLEANUP_BUF struct xk_buf mac = {0};
    uint8_t bytes[6];

    *card = (struct xk_kvm_leaving){.devid = devid};
    if (xk_read_file(record_dir_fd, name, XK_MAC_TEXT_SIZE, &mac, NULL) == 0 &&
        mac.length > 0 && xk_mac_parse(mac.data, bytes))
        xk_mac_format(bytes, card->mac);
}

int
xk_kvm_leaving_list(int record_dir_fd, struct xk_kvm_leaving **cards,
                    size_t *count, struct xk_error *err)
{
    int fd = openat(record_dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    XK_CLEANUP_DIR DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t devid;

    *cards = NULL;
    *count = 0;
    if (dir == NULL)
        return xk_fail_errno(err, "read the record of the domain");
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
            !xk_parse_u64(entry->d_name + strlen(PREFIX), INT32_MAX, &devid))
            continue;
        XK_GROW(*cards, *count);
        take(record_dir_fd, entry->d_name, (int)devid, &(*cards)[(*count)++]);
    }
    return 0;
}

void
xk_kvm_leaving_clear(int record_dir_fd)
{
    XK_CLEANUP_FREE struct xk_kvm_leaving *cards = NULL;
    size_t count = 0;

    xk_kvm_leaving_list(record_dir_fd, &cards, &count, NULL);
    for (size_t i = 0; i < count; i++)
        xk_kvm_leaving_unmark(record_dir_fd, cards[i].devid);
}
