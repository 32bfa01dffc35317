/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/util.h"

enum {
    TEXT_MAX = 32
};

static const char *const names[] = {
    [XK_HANDOVER_OPEN] = "open",
    [XK_HANDOVER_OWNED] = "owned",
    [XK_HANDOVER_REFUSED] = "refused",
};

const char *
xk_handover_name(enum xk_handover fate)
{
    return names[fate];
}

enum xk_handover
xk_handover_by_name(const char *name)
{
    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(names); i++) {
        if (strcmp(names[i], name) == 0)
            return (enum xk_handover)i;
    }
    return XK_HANDOVER_OPEN;
}

/* -1 with errno ENOENT in err->errnum where no move ever came here. */
static int
open_folder(const struct xk_state *state, bool make, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/moves", state->lib_path);
    int fd;

    if (make && xk_make_dirs(path, 0700, err) == -1)
        return -1;
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd == -1 ? xk_fail_errno(err, "open \"%s\"", path) : fd;
}

static int
read_at(int folder_fd, const char *name, enum xk_handover *fate,
        struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_error why = {0};

    *fate = XK_HANDOVER_OPEN;
    if (xk_read_file(folder_fd, name, TEXT_MAX, &text, &why) == -1) {
        if (why.errnum == ENOENT)
            return 0;
        if (err != NULL)
            *err = why;
        return -1;
    }
    *fate = xk_handover_by_name(text.data);
    if (*fate == XK_HANDOVER_OPEN)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the fate of move %s cannot be read", name);
    return 0;
}

int
xk_handover_read(const struct xk_state *state, const struct xk_uuid *move,
                 enum xk_handover *fate, struct xk_error *err)
{
    struct xk_error why = {0};
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, false, &why);
    char name[XK_UUID_TEXT_SIZE];

    *fate = XK_HANDOVER_OPEN;
    if (folder_fd == -1 && why.errnum == ENOENT)
        return 0;
    if (folder_fd == -1) {
        if (err != NULL)
            *err = why;
        return -1;
    }
    xk_uuid_format(move, name);
    return read_at(folder_fd, name, fate, err);
}

static int
write_text(int folder_fd, const char *name, const char *text,
           struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        openat(folder_fd, name,
               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd == -1 || xk_write_all(fd, text, strlen(text)) == -1 ||
        fsync(fd) == -1)
        return xk_fail_errno(err, "write the fate of move %s", name);
    return 0;
}

/* link(2) makes the name only where there is none, with all of the text. The
 * guest stands still meanwhile: nothing is synced that need not be. */
static int
make_name(int folder_fd, const char *name, const char *text,
          struct xk_error *err)
{
    XK_CLEANUP_FREE char *temporary =
        xk_asprintf(".%s.%d", name, (int)getpid());
    int r;

    if (write_text(folder_fd, temporary, text, err) == -1)
        return -1;
    r = linkat(folder_fd, temporary, folder_fd, name, 0);
    if (r == -1 && errno != EEXIST)
        xk_fail_errno(err, "note the fate of move %s", name);
    else
        r = 0;
    unlinkat(folder_fd, temporary, 0);
    if (r == 0 && fsync(folder_fd) == -1)
        r = xk_fail_errno(err, "sync the fate of move %s", name);
    return r;
}

int
xk_handover_decide(const struct xk_state *state, const struct xk_uuid *move,
                   enum xk_handover *fate, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, true, err);
    char name[XK_UUID_TEXT_SIZE];

    if (folder_fd == -1)
        return -1;
    xk_uuid_format(move, name);
    if (make_name(folder_fd, name, xk_handover_name(*fate), err) == -1)
        return -1;
    return read_at(folder_fd, name, fate, err);
}

void
xk_handover_forget(const struct xk_state *state, const struct xk_uuid *move)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, false, NULL);
    char name[XK_UUID_TEXT_SIZE];

    xk_uuid_format(move, name);
    if (folder_fd != -1)
        unlinkat(folder_fd, name, 0);
}
