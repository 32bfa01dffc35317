/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/handover.h"

#include <assert.h>
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
    [XK_HANDOVER_TRYING] = "trying",
    [XK_HANDOVER_OWNED] = "owned",
    [XK_HANDOVER_REFUSED] = "refused",
};
static_assert(XK_ARRAY_SIZE(names) == XK_HANDOVER_REFUSED + 1,
              "each decision has a name");

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

/* If the directory's own entry is not on disk, a power failure loses its files.
 */
static int
sync_lib(const struct xk_state *state, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd =
        open(state->lib_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd == -1 || fsync(fd) == -1
               ? xk_fail_errno(err, "sync \"%s\"", state->lib_path)
               : 0;
}

/* Returns -1 with err->errnum ENOENT if this host never was the target of a
 * move. */
static int
open_folder(const struct xk_state *state, bool make, struct xk_error *err)
{
    XK_CLEANUP_FREE char *path = xk_asprintf("%s/moves", state->lib_path);
    int fd;

    if (make &&
        (xk_make_dirs(path, 0700, err) == -1 || sync_lib(state, err) == -1))
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
                       "the decision about move %s cannot be read", name);
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
write_text(int folder_fd, const char *name, enum xk_handover fate,
           struct xk_error *err)
{
    const char *text = xk_handover_name(fate);
    XK_CLEANUP_CLOSE int fd =
        openat(folder_fd, name,
               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd == -1 || xk_write_all(fd, text, strlen(text)) == -1 ||
        fsync(fd) == -1)
        return xk_fail_errno(err, "write the decision about a move (\"%s\")",
                             name);
    return 0;
}

static int
sync_folder(int folder_fd, struct xk_error *err)
{
    return fsync(folder_fd) == -1
               ? xk_fail_errno(err, "sync the decisions about moves")
               : 0;
}

/* ---- names ---- */

struct names {
    char fate[XK_UUID_TEXT_SIZE];
    char prepared[XK_UUID_TEXT_SIZE + 1]; /* becomes "trying" by link(2) */
    char temporary[XK_UUID_TEXT_SIZE + 16];
};

static void
name_files(const struct xk_uuid *move, struct names *files)
{
    xk_uuid_format(move, files->fate);
    snprintf(files->prepared, sizeof(files->prepared), ".%s", files->fate);
    snprintf(files->temporary, sizeof(files->temporary), ".%s.%d", files->fate,
             (int)getpid());
}

/* link(2) fails if the name exists, and makes the whole text visible at once.
 */
static int
make_name(int folder_fd, const char *text, const char *name,
          struct xk_error *err)
{
    if (linkat(folder_fd, text, folder_fd, name, 0) == -1)
        return errno == EEXIST
                   ? xk_fail(err, XK_ERR_EXISTS, "move %s is already decided",
                             name)
                   : xk_fail_errno(err, "note the decision about move %s",
                                   name);
    return sync_folder(folder_fd, err);
}

/* ---- fates ---- */

int
xk_handover_prepare(const struct xk_state *state, const struct xk_uuid *move,
                    struct xk_error *err)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, true, err);
    struct names files;

    name_files(move, &files);
    if (folder_fd == -1 ||
        write_text(folder_fd, files.prepared, XK_HANDOVER_TRYING, err) == -1)
        return -1;
    return sync_folder(folder_fd, err);
}

/* The guest is paused meanwhile, so write and sync only what is necessary. */
int
xk_handover_try(const struct xk_state *state, const struct xk_uuid *move,
                struct xk_error *err)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, false, err);
    struct xk_error why = {0};
    struct names files;

    name_files(move, &files);
    if (folder_fd == -1)
        return -1;
    if (make_name(folder_fd, files.prepared, files.fate, &why) == 0)
        return 0;
    if (why.kind == XK_ERR_EXISTS)
        return xk_fail(err, XK_ERR_STATE,
                       "the move was abandoned before it was complete");
    *err = why;
    return -1;
}

int
xk_handover_withdraw(const struct xk_state *state, const struct xk_uuid *move,
                     struct xk_error *err)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, false, err);
    enum xk_handover fate;
    struct names files;

    name_files(move, &files);
    if (folder_fd == -1 || read_at(folder_fd, files.fate, &fate, err) == -1)
        return -1;
    if (fate != XK_HANDOVER_TRYING)
        return 0;
    if (unlinkat(folder_fd, files.fate, 0) == -1)
        return xk_fail_errno(err, "withdraw the decision about move %s",
                             files.fate);
    return sync_folder(folder_fd, err);
}

int
xk_handover_own(const struct xk_state *state, const struct xk_uuid *move,
                struct xk_error *err)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, true, err);
    struct names files;
    int r;

    name_files(move, &files);
    if (folder_fd == -1)
        return -1;
    r = write_text(folder_fd, files.temporary, XK_HANDOVER_OWNED, err);
    if (r == 0 &&
        renameat(folder_fd, files.temporary, folder_fd, files.fate) == -1)
        r = xk_fail_errno(err, "note the decision about move %s", files.fate);
    unlinkat(folder_fd, r == -1 ? files.temporary : files.prepared, 0);
    return r == -1 ? -1 : sync_folder(folder_fd, err);
}

int
xk_handover_refuse(const struct xk_state *state, const struct xk_uuid *move,
                   enum xk_handover *fate, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, true, err);
    struct xk_error why = {0};
    struct names files;
    int r;

    name_files(move, &files);
    if (folder_fd == -1 ||
        write_text(folder_fd, files.temporary, XK_HANDOVER_REFUSED, err) == -1)
        return -1;
    r = make_name(folder_fd, files.temporary, files.fate, &why);
    unlinkat(folder_fd, files.temporary, 0);
    if (r == -1 && why.kind != XK_ERR_EXISTS) {
        *err = why;
        return -1;
    }
    return read_at(folder_fd, files.fate, fate, err);
}

void
xk_handover_forget(const struct xk_state *state, const struct xk_uuid *move)
{
    XK_CLEANUP_CLOSE int folder_fd = open_folder(state, false, NULL);
    struct names files;

    name_files(move, &files);
    if (folder_fd == -1)
        return;
    unlinkat(folder_fd, files.prepared, 0);
    unlinkat(folder_fd, files.fate, 0);
}
