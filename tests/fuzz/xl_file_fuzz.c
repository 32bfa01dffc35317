/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file of "xl save", possibly forged. It is refused with a reason, or its
 * stream lies within it. Its configuration, which is also tried without the
 * file around it, becomes lines that the configuration parser accepts, or
 * refuses with a position in them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/xen/from_xl/xl_config.h"
#include "toolstack/xen/from_xl/xl_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void
must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static void
check_lines(const struct xk_buf *lines)
{
    struct xk_problems problems = {0};
    struct xk_error err = {0};
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_config_parse("f", lines->data != NULL ? lines->data : "",
                        lines->length, NULL, 0, &problems, &err);

    must(config != NULL || err.message[0] != '\0', "a refusal says why");
    for (size_t i = 0; i < problems.count; i++) {
        const char *message = problems.items[i].message;

        must(strncmp(message, "this string has no end", 22) != 0 &&
                 strncmp(message, "'\\", 2) != 0,
             "what is written is in the grammar");
    }
    xk_problems_free(&problems);
}

static void
check_config(const char *text, size_t length)
{
    struct xk_error err = {0};
    XK_CLEANUP_BUF struct xk_buf lines = {0};
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(text, length, "fuzz", &err);

    if (json == NULL)
        return;
    if (xk_xl_config_lines(json, &lines, &err) == 0)
        check_lines(&lines);
    else
        must(err.message[0] != '\0', "a refusal says why");
}

static int
file_of(const uint8_t *data, size_t length)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    must(fd != -1 && write(fd, data, length) == (ssize_t)length, "a file");
    return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    XK_CLEANUP_CLOSE int fd = file_of(data, length);
    struct xk_xl_file file;
    struct xk_error err = {0};
    bool is = xk_xl_file_is(fd);

    if (xk_xl_file_read(fd, "fuzz", &file, &err) == 0) {
        must(is && file.stream > 0 && (size_t)file.stream < length,
             "the stream is in the file");
        check_config(file.config.data != NULL ? file.config.data : "",
                     file.config.length);
    } else {
        must(err.message[0] != '\0', "a refusal says why");
    }
    xk_buf_free(&file.config);
    check_config((const char *)data, length);
    return 0;
}
