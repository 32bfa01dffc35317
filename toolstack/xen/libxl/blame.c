/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/libxl/blame.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    TAIL_MAX = 600 /* bytes to quote from a log */
};

static const struct {
    const char *said; /* part of libxl's message */
    const char *log;  /* %s: the domain's name */
} logs[] = {
    {"device model", "/var/log/xen/qemu-dm-%s.log"},
    {"dm", "/var/log/xen/qemu-dm-%s.log"},
    {"qmp", "/var/log/xen/qemu-dm-%s.log"},
    {"hotplug", "/var/log/xen/xen-hotplug.log"},
    {"script", "/var/log/xen/xen-hotplug.log"},
    {"bootloader", "/var/log/xen/bootloader.%s.log"},
};

/* Explanations of libxl's messages. */
static const struct {
    const char *said, *means;
} meanings[] = {
    {"acknowledge suspend", "the guest does not answer a request to suspend: "
                            "it hangs, or has no driver for it"},
};

static char *
log_path(size_t row, const char *name)
{
    const char *place = strstr(logs[row].log, "%s");

    if (place == NULL)
        return xk_strdup(logs[row].log);
    if (name == NULL || strchr(name, '/') != NULL)
        return NULL;
    return xk_asprintf("%.*s%s%s", (int)(place - logs[row].log), logs[row].log,
                       name, place + 2);
}

/* Append the log's last whole lines, joined by semicolons. */
static void
append_tail(const char *path, struct xk_buf *blame)
{
    XK_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[TAIL_MAX + 1];
    off_t end = fd == -1 ? -1 : lseek(fd, 0, SEEK_END);
    off_t start = end > TAIL_MAX ? end - TAIL_MAX : 0;
    ssize_t got = fd == -1 ? -1 : pread(fd, text, TAIL_MAX, start);
    char *line = text;

    if (got <= 0)
        return;
    text[got] = '\0';
    if (start > 0 && strchr(text, '\n') != NULL)
        line = strchr(text, '\n') + 1;
    for (char *c = line; *c != '\0'; c++) {
        if (*c == '\n')
            *c = c[1] == '\0' ? '\0' : ';';
    }
    xk_buf_printf(blame, "%s says: ", path);
    xk_log_escape(blame, line);
}

void
xk_libxl_blame(const char *said, const char *name, struct xk_buf *blame)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(meanings); i++) {
        if (strstr(said, meanings[i].said) != NULL) {
            xk_buf_puts(blame, meanings[i].means);
            return;
        }
    }
    for (size_t i = 0; i < XK_ARRAY_SIZE(logs); i++) {
        XK_CLEANUP_FREE char *path = NULL;

        if (strcasestr(said, logs[i].said) == NULL)
            continue;
        path = log_path(i, name);
        if (path != NULL)
            append_tail(path, blame);
        return;
    }
}
