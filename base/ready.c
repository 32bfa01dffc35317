/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ready.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "base/number.h"

enum {
    FD_MAX = 1023
};

int
xk_ready_descriptor(void)
{
    const char *text = getenv(XK_READY_ENV);
    uint64_t number;

    if (text == NULL || !xk_parse_u64(text, FD_MAX, &number) ||
        number <= STDERR_FILENO || fcntl((int)number, F_GETFD) == -1)
        return -1;
    fcntl((int)number, F_SETFD, FD_CLOEXEC);
    return (int)number;
}

struct xk_deadline
xk_ready_deadline(void)
{
    const char *text = getenv(XK_READY_MS_ENV);
    uint64_t ms;

    return text != NULL && xk_parse_u64(text, INT32_MAX, &ms)
               ? xk_deadline_in_ms((int64_t)ms)
               : xk_deadline_never();
}

void
xk_ready_say(int fd, const struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&line, false);

    if (fd == -1)
        return;
    xk_json_open_object(writer, NULL);
    if (err == NULL)
        xk_json_put_bool(writer, "ready", true);
    else
        xk_json_put_error_member(writer, XK_READY_ERROR, err);
    xk_json_close_object(writer);
    xk_buf_puts(&line, "\n");
    /* Whoever asked may be gone; the device is served all the same. */
    (void)xk_write_all(fd, line.data, line.length);
    close(fd);
}
