/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a domain that xl saved. */
#include <unistd.h>

#include "base/cleanup.h"
#include "toolstack/xen/driver_internal.h"
#include "toolstack/xen/from_xl/xl_file.h"
#include "toolstack/xen/helper/caller.h"
#include "toolstack/xen/ops.h"

static struct xk_json *
needs_of(const struct xk_xl_file *file, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, "xen_major", file->xen_major);
    xk_json_put_integer(writer, "xen_minor", file->xen_minor);
    xk_json_close_object(writer);
    return xk_json_parse(text.data, text.length, "needs", err);
}

/* Write the input of xk-libxl's verb "adopt". */
static int
put_input(const struct xk_buf *config, const char *what, struct xk_buf *text,
          struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(config->data, config->length, what, err);
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(text, false);

    if (json == NULL)
        return -1;
    xk_json_open_object(writer, NULL);
    xk_json_put_value(writer, "libxl", json);
    xk_json_close_object(writer);
    return 0;
}

static struct xk_domain_config *
adopt(struct xk_xen *xen, const struct xk_buf *config, const char *what,
      struct xk_deadline deadline, struct xk_error *err)
{
    static const char *const argv[] = {"adopt", NULL};
    XK_CLEANUP_BUF struct xk_buf input = {0};
    const struct xk_xen_call call = {
        .argv = argv, .input = &input, .stream_fd = -1, .lock_fd = -1};
    XK_CLEANUP_JSON struct xk_json *answer = NULL;

    if (config->length == 0) {
        xk_fail(err, XK_ERR_USAGE,
                "%s does not contain a configuration: give a configuration "
                "file before FILE",
                what);
        return NULL;
    }
    if (put_input(config, what, &input, err) == -1 ||
        xk_xen_helper(xen, &call, &answer, deadline, err) == -1)
        return NULL;
    return xk_config_from_json(xk_json_get(answer, "config"), err);
}

int
xk_xen_read_foreign(struct xk_hypervisor *hv, int fd, const char *what,
                    struct xk_domain_config **config, struct xk_json **needs,
                    struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_xl_file file;
    int r = 1;

    if (!xk_xl_file_is(fd))
        return 0;
    if (xk_xl_file_read(fd, what, &file, err) == -1)
        r = -1;
    else if (lseek(fd, file.stream, SEEK_SET) == -1)
        r = xk_fail_errno(err, "read %s", what);
    if (r == 1 && config != NULL) {
        *config = adopt(xk_xen(hv), &file.config, what, deadline, err);
        r = *config != NULL ? 1 : -1;
    }
    if (r == 1) {
        *needs = needs_of(&file, err);
        r = *needs != NULL ? 1 : -1;
    }
    xk_buf_free(&file.config);
    return r;
}
