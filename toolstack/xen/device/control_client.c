/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client of xk-backend's control socket (contracts/device.h). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/unix_socket.h"
#include "toolstack/xen/device/device_internal.h"

enum {
    ANSWER_MAX = 64 * 1024,
    ASK_MS = 5000,
};

int
xk_xen_device_read_line(int fd, struct xk_buf *line,
                        struct xk_deadline deadline, struct xk_error *err)
{
    static const char who[] = XK_XEN_BACKEND_PROGRAM;

    for (;;) {
        char *room = xk_buf_reserve(line, ANSWER_MAX);
        ssize_t got;

        if (xk_deadline_poll(deadline, fd, POLLIN, who, err) == -1)
            return -1;
        got = read(fd, room, ANSWER_MAX);
        if (got == 0)
            return 0;
        if (got == -1 && errno != EINTR)
            return xk_fail_errno(err, "read from %s", who);
        line->length += got > 0 ? (size_t)got : 0;
        if (line->length > ANSWER_MAX)
            return xk_fail(err, XK_ERR_PROTOCOL,
                           "%s sent a line longer than %d bytes", who,
                           ANSWER_MAX);
        if (memchr(line->data, '\n', line->length) != NULL)
            return 0;
    }
}

struct xk_json *
xk_xen_device_take_line(const struct xk_buf *line, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *said =
        xk_json_parse(line->data != NULL ? line->data : "", line->length,
                      XK_XEN_BACKEND_PROGRAM, err);
    const struct xk_json *error = xk_json_get(said, XK_DEVICE_ERROR);

    if (error == NULL)
        return XK_TAKE(said);
    xk_json_take_error(error, err);
    return NULL;
}

static int
connect_control(const struct xk_xen_device *device, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int dir =
        open(device->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct xk_error why;
    int fd;

    if (dir == -1)
        return xk_fail_errno(err, "open \"%s\"", device->path);
    fd = xk_unix_connect(dir, XK_DEVICE_CONTROL, &why);
    return fd != -1 ? fd
                    : xk_fail(err, XK_ERR_STATE,
                              "nothing serves %s %s at this moment (%s)",
                              device->kind->noun, device->name,
                              strerror(why.errnum));
}

struct xk_json *
xk_xen_device_ask(const struct xk_xen_device *device, const char *question,
                  struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = connect_control(device, err);
    XK_CLEANUP_BUF struct xk_buf line = {0};

    if (fd == -1)
        return NULL;
    deadline = xk_deadline_min(deadline, xk_deadline_in_ms(ASK_MS));
    if (xk_write_all(fd, question, strlen(question)) == -1 ||
        xk_write_all(fd, "\n", 1) == -1) {
        xk_fail_errno(err, "ask " XK_XEN_BACKEND_PROGRAM);
        return NULL;
    }
    if (xk_xen_device_read_line(fd, &line, deadline, err) == -1)
        return NULL;
    return xk_xen_device_take_line(&line, err);
}

void
xk_xen_device_take_counts(const struct xk_json *status,
                          const struct xk_xen_device_count *counts,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        *counts[i].to = xk_json_count(status, counts[i].name);
}

const char *
xk_xen_device_state(const struct xk_json *status)
{
    const char *state = xk_json_string(xk_json_get(status, XK_STATUS_STATE));

    return state != NULL ? state : "?";
}
