/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How it works: before the file is made, the journal gets an INTENT with its
 * temporary name, which contains a random number. Before the file gets its
 * final name, the journal gets a DONE with that name and the file's device and
 * inode.
 */
#include "toolstack/created_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/uuid.h"
#include "toolstack/journal.h"

#define EFFECT "made-file"

/* ---- the journal ---- */

static int
note(const struct xk_record *record, enum xk_journal_kind kind,
     const char *path, const struct stat *st, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "path", path);
    if (st != NULL) {
        xk_json_put_integer(writer, "device", (int64_t)st->st_dev);
        xk_json_put_integer(writer, "inode", (int64_t)st->st_ino);
    }
    xk_json_close_object(writer);
    return xk_journal_append(record, kind, EFFECT, text.data, err);
}

/* ---- making ---- */

static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return xk_strdup(".");
    return slash == path ? xk_strdup("/")
                         : xk_strndup(path, (size_t)(slash - path));
}

static char *
temporary_name(const char *folder)
{
    char text[XK_UUID_TEXT_SIZE];
    struct xk_uuid uuid;

    xk_uuid_random(&uuid);
    xk_uuid_format(&uuid, text);
    return xk_asprintf("%s/.xk-%s", folder, text);
}

/* Neither call replaces an existing file; not every file system has the first.
 */
static int
name_it(const char *temporary, const char *path, struct xk_error *err)
{
    if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno == EINVAL && link(temporary, path) == 0) {
        unlink(temporary);
        return 0;
    }
    if (errno == EEXIST)
        return xk_fail(err, XK_ERR_EXISTS, "\"%s\" exists", path);
    return xk_fail_errno(err, "make \"%s\"", path);
}

static int
sync_folder(const char *folder, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1)
        return xk_fail_errno(err, "sync \"%s\"", folder);
    return 0;
}

static int
make(const struct xk_record *record, const char *temporary, const char *path,
     xk_made_file_fill *fill, const void *context, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open(
        temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    struct stat st;

    if (fd == -1)
        return xk_fail_errno(err, "make \"%s\"", path);
    if (fill(fd, temporary, context, err) == -1)
        return -1;
    if (fsync(fd) == -1 || fstat(fd, &st) == -1)
        return xk_fail_errno(err, "make \"%s\"", path);
    if (note(record, XK_JOURNAL_DONE, path, &st, err) == -1)
        return -1;
    return name_it(temporary, path, err);
}

int
xk_made_file(const struct xk_record *record, const char *path,
             xk_made_file_fill *fill, const void *context, struct xk_error *err)
{
    XK_CLEANUP_FREE char *folder = folder_of(path);
    XK_CLEANUP_FREE char *temporary = temporary_name(folder);

    if (note(record, XK_JOURNAL_INTENT, temporary, NULL, err) == -1)
        return -1;
    if (make(record, temporary, path, fill, context, err) == -1) {
        unlink(temporary);
        return -1;
    }
    return sync_folder(folder, err);
}

/* ---- undoing ---- */

static void
remove_file(const char *path)
{
    if (unlink(path) == -1 && errno != ENOENT)
        xk_warn("\"%s\" could not be removed: %s", path, strerror(errno));
}

/* Whether the file at that name now is the one that was made. */
static bool
is_the_one(const char *path, const struct xk_json *detail)
{
    int64_t device = 0, inode = 0;
    struct stat st;

    return xk_json_integer(xk_json_get(detail, "device"), &device) &&
           xk_json_integer(xk_json_get(detail, "inode"), &inode) &&
           lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (int64_t)st.st_dev == device && (int64_t)st.st_ino == inode;
}

static void
undo(const struct xk_journal_entry *entry)
{
    XK_CLEANUP_JSON struct xk_json *detail = NULL;
    const char *path;

    if (entry->detail == NULL || strcmp(entry->what, EFFECT) != 0)
        return;
    detail =
        xk_json_parse(entry->detail, strlen(entry->detail), "journal", NULL);
    path = xk_json_string(xk_json_get(detail, "path"));
    if (path == NULL)
        return;
    /* Nobody else has a file of that temporary name. */
    if (entry->kind == XK_JOURNAL_INTENT ||
        (entry->kind == XK_JOURNAL_DONE && is_the_one(path, detail)))
        remove_file(path);
}

void
xk_made_files_remove(const struct xk_record *record)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;

    if (xk_journal_read(record, &journal, NULL) == -1)
        return;
    begin = xk_journal_unfinished(&journal);
    if (begin != NULL) {
        for (size_t i = (size_t)(begin - journal.entries); i < journal.count;
             i++)
            undo(&journal.entries[i]);
    }
    xk_journal_free(&journal);
}
