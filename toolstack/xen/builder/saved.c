/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes libxl's copy of the configuration, which xl list -l, save, migrate and
 * others read: the configuration plus the values that
 * libxl__update_domain_configuration() fills in, in libxl's format.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "toolstack/xen/build_scope.h"
#include "toolstack/xen/builder/builder.h"

static int
write_text(const char *path, const char *text, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    /* libxl expects the terminating NUL in the file. */
    if (fd == -1 || xk_write_all(fd, text, strlen(text) + 1) == -1)
        return xk_fail_errno(err, "write \"%s\"", path);
    return 0;
}

int
xk_builder_save_config(struct xk_builder *builder, struct xk_error *err)
{
    libxl_domain_config *kept = &builder->libxl;
    char uuid[XK_UUID_TEXT_SIZE];
    XK_CLEANUP_FREE char *text = NULL;
    XK_CLEANUP_FREE char *path = NULL;
    XK_CLEANUP_FREE char *half = NULL;

    kept->b_info.video_memkb = 0;
    libxl_defbool_set(&kept->b_info.arch_x86.msr_relaxed, false);
    text = libxl_domain_config_to_json(NULL, kept);
    if (text == NULL)
        return xk_fail(err, XK_ERR_FAILED,
                       "libxl cannot write its configuration as JSON");
    xk_uuid_format(&builder->config->uuid, uuid);
    path = xk_asprintf(XK_LIBXL_FILES "/userdata-d.%u.%s.libxl-json",
                       builder->domid, uuid);
    half = xk_asprintf(XK_LIBXL_FILES "/userdata-n.%u.%s.libxl-json",
                       builder->domid, uuid);
    if (write_text(half, text, err) == -1)
        return -1;
    return rename(half, path) == 0 ? 0
                                   : xk_fail_errno(err, "write \"%s\"", path);
}
