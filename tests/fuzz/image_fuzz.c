/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header of an image yields a name that ends within its bounds and a known
 * format, or the image is refused with a reason. The same bytes always give the
 * same result.
 *
 * The input's first byte is the format that the configuration states.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/must.h"
#include "toolstack/image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static int
read_header(int fd, enum xk_disk_format format, struct xk_image_header *header)
{
    struct xk_error err = {.kind = XK_ERR_COUNT};
    int r = xk_image_read_header(fd, "it", format, header, &err);

    if (r == -1) {
        must(err.kind != XK_ERR_COUNT && err.message[0] != '\0',
             "a refusal is typed and says why");
        return -1;
    }
    must(memchr(header->backing, '\0', sizeof(header->backing)) != NULL,
         "a name ends");
    must(!header->backing_format_given ||
             (unsigned)header->backing_format < XK_FORMAT_COUNT,
         "a format is one");
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct xk_image_header first = {0}, second = {0};
    int fd = memfd_create("image", MFD_CLOEXEC);
    int r;

    if (length == 0 || fd == -1 ||
        write(fd, data + 1, length - 1) != (ssize_t)length - 1) {
        close(fd);
        return 0;
    }
    r = read_header(fd, data[0] % XK_FORMAT_COUNT, &first);
    must(r == read_header(fd, data[0] % XK_FORMAT_COUNT, &second),
         "the same bytes say the same");
    must(r == -1 || strcmp(first.backing, second.backing) == 0,
         "the same bytes name the same");
    close(fd);
    return 0;
}
