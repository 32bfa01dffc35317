/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/kvm/card_files.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"

void
xk_kvm_card_file(const char *word, int devid, char name[XK_KVM_CARD_FILE_SIZE])
{
    snprintf(name, XK_KVM_CARD_FILE_SIZE, "%s%d", word, devid);
}

int
xk_kvm_card_files(int record_dir_fd, const char *word, int **devids,
                  size_t *count, struct xk_error *err)
{
    int fd = openat(record_dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    XK_CLEANUP_DIR DIR *dir = fd == -1 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    uint64_t devid;

    *devids = NULL;
    *count = 0;
    if (dir == NULL)
        return xk_fail_errno(err, "read the record of the domain");
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, word, strlen(word)) != 0 ||
            !xk_parse_u64(entry->d_name + strlen(word), INT32_MAX, &devid))
            continue;
        XK_GROW(*devids, *count);
        (*devids)[(*count)++] = (int)devid;
    }
    return 0;
}
