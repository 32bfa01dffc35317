/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/migration/save.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "toolstack/journal.h"
#include "toolstack/migration/frame.h"
#include "toolstack/migration/manifest.h"
#include "toolstack/migration/pump.h"
#include "toolstack/operation.h"
#include "toolstack/record_config.h"
#include "toolstack/remove.h"
#include "toolstack/seam/transfer_ops.h"

enum {
    SILENCE_MS = 60000, /* a slow disk may take this long */
};

/* In the journal: the temporary file is complete. From then on recovery
 * finishes the save. */
#define EFFECT_WRITTEN "save-written"

/* A save in progress. All of it can be read back from the journal. */
struct save {
    struct xk_host *host;
    struct xk_domain *domain;
    char *path;       /* absolute */
    char *temporary;  /* path with a suffix */
    struct stat file; /* the complete file */
    enum xk_save_then then;
    bool runs;
    enum xk_compression compression;
    const struct xk_send_watch *watch;
    struct xk_frame_stream stream;
};

static void
free_save(struct save *save)
{
    free(save->path);
    free(save->temporary);
}

#define CLEANUP_SAVE __attribute__((cleanup(free_save)))

/* ---- the journal ---- */

static int
note_begin(const struct save *save, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "path", save->path);
    xk_json_put_string(writer, "temporary", save->temporary);
    xk_json_put_integer(writer, "then", save->then);
    xk_json_put_bool(writer, "runs", save->runs);
    xk_json_close_object(writer);
    return xk_journal_append(save->domain->record, XK_JOURNAL_BEGIN, XK_OP_SAVE,
                             text.data, err);
}

static int
read_begin(const char *detail, struct save *save, struct xk_error *err)
{
    XK_CLEANUP_JSON struct xk_json *json =
        xk_json_parse(detail != NULL ? detail : "",
                      detail != NULL ? strlen(detail) : 0, "journal", err);
    const char *path, *temporary;
    int64_t then;

    if (json == NULL)
        return -1;
    path = xk_json_need_string(json, "path", err);
    temporary = xk_json_need_string(json, "temporary", err);
    if (path == NULL || temporary == NULL)
        return -1;
    save->path = xk_strdup(path);
    save->temporary = xk_strdup(temporary);
    /* Never destroy a domain because a word is missing. */
    if (!xk_json_integer(xk_json_get(json, "then"), &then) || then < 0 ||
        then > XK_SAVE_PAUSE)
        return xk_fail(err, XK_ERR_PROTOCOL,
                       "the journal does not say what becomes of the domain");
    save->then = (enum xk_save_then)then;
    save->runs = xk_json_is_true(xk_json_get(json, "runs"));
    return 0;
}

/* Note the identity of the file: other files had its name before and may get it
 * later. */
static int
note_written(const struct save *save, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_integer(writer, "device", (int64_t)save->file.st_dev);
    xk_json_put_integer(writer, "inode", (int64_t)save->file.st_ino);
    xk_json_put_integer(writer, "bytes", (int64_t)save->file.st_size);
    xk_json_close_object(writer);
    return xk_journal_append(save->domain->record, XK_JOURNAL_DONE,
                             EFFECT_WRITTEN, text.data, err);
}

static void
read_written(const char *detail, struct stat *file)
{
    XK_CLEANUP_JSON struct xk_json *json =
        detail == NULL ? NULL
                       : xk_json_parse(detail, strlen(detail), "journal", NULL);
    int64_t device, inode, bytes;

    if (!xk_json_integer(xk_json_get(json, "device"), &device) ||
        !xk_json_integer(xk_json_get(json, "inode"), &inode) ||
        !xk_json_integer(xk_json_get(json, "bytes"), &bytes))
        return;
    file->st_dev = (dev_t)device;
    file->st_ino = (ino_t)inode;
    file->st_size = bytes;
}

/* Whether the journal says, since that entry, that a file is complete; *file is
 * its identity. */
static bool
find_written(const struct xk_journal *journal,
             const struct xk_journal_entry *begin, struct stat *file)
{
    const struct xk_journal_entry *end = journal->entries + journal->count;

    for (const struct xk_journal_entry *entry = begin; entry < end; entry++) {
        if (entry->kind != XK_JOURNAL_DONE ||
            strcmp(entry->what, EFFECT_WRITTEN) != 0)
            continue;
        read_written(entry->detail, file);
        return true;
    }
    return false;
}

static int
note(const struct save *save, enum xk_journal_kind kind, const char *what,
     struct xk_error *err)
{
    return xk_journal_append(save->domain->record, kind, what, NULL, err);
}

/* ---- the file ---- */

/* The rename would replace a device or a pipe. */
static int
check_target(const char *path, struct xk_error *err)
{
    struct stat st;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return xk_fail(
            err, XK_ERR_USAGE,
            "\"%s\" is not a regular file, which a domain must be saved to",
            path);
    return 0;
}

/* Resolve the folder now: recovery runs in another working directory. */
static char *
absolute_path(const char *path, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copy = xk_strdup(path);
    XK_CLEANUP_FREE char *copy_too = xk_strdup(path);
    XK_CLEANUP_FREE char *folder = realpath(dirname(copy), NULL);
    const char *name = basename(copy_too);

    if (folder == NULL) {
        xk_fail_errno(err, "save to \"%s\"", path);
        return NULL;
    }
    if (path[0] == '\0' || path[strlen(path) - 1] == '/') {
        xk_fail(err, XK_ERR_USAGE, "\"%s\" is not a file name", path);
        return NULL;
    }
    return xk_asprintf("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, name);
}

/* A leftover is from a save of this domain that a power failure interrupted:
 * only the holder of the record's lock writes this file. */
static int
open_temporary(const struct save *save, struct xk_error *err)
{
    int fd;

    unlink(save->temporary);
    fd = open(save->temporary,
              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return xk_fail_errno(err, "create \"%s\"", save->temporary);
    return fd;
}

static int
write_head(struct save *save, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config =
        xk_record_load_config(save->domain->record, err);
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);
    bool runs = save->runs;
    int r;

    if (config == NULL)
        return -1;
    xk_json_open_object(writer, NULL);
    r = xk_manifest_put(save->domain, config, runs, NULL, writer, deadline,
                        err);
    xk_json_close_object(writer);
    if (r == -1)
        return -1;
    return xk_frame_write_text(&save->stream, XK_FRAME_FILE, &text, deadline,
                               err);
}

static int
write_end(struct save *save, const struct xk_pump_totals *totals,
          struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_pump_put_totals(writer, totals);
    xk_json_close_object(writer);
    return xk_frame_write_text(&save->stream, XK_FRAME_DATA_END, &text,
                               deadline, err);
}

/* If the disk is full, the pump has the error; the driver only sees a closed
 * pipe. */
static int
write_state(struct save *save, struct xk_pump_totals *totals,
            struct xk_deadline deadline, struct xk_error *err)
{
    const struct xk_pump_options options = {.compression = save->compression,
                                            .silence_ms = SILENCE_MS};
    const struct xk_send_options how = {.live = false};
    struct xk_error driver_err = {0};
    struct xk_pump *pump;
    int fd, sent;

    pump = xk_pump_out(&save->stream, NULL, &options, &fd, err);
    if (pump == NULL)
        return -1;
    sent = xk_hv_send(save->domain->hv, save->domain, &how, fd, save->watch,
                      deadline, &driver_err);
    if (xk_pump_join(pump, sent == -1, totals, err) == -1)
        return -1;
    if (sent == -1)
        *err = driver_err;
    return sent;
}

static int
write_file(struct save *save, struct xk_deadline deadline, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = open_temporary(save, err);
    struct xk_pump_totals totals;

    if (fd == -1)
        return -1;
    save->stream = (struct xk_frame_stream){.fd = fd, .what = save->path};
    if (write_head(save, deadline, err) == -1 ||
        write_state(save, &totals, deadline, err) == -1 ||
        write_end(save, &totals, deadline, err) == -1)
        return -1;
    if (fsync(fd) == -1 || fstat(fd, &save->file) == -1)
        return xk_fail_errno(err, "sync \"%s\"", save->temporary);
    return 0;
}

static int
sync_folder(const char *path, struct xk_error *err)
{
    XK_CLEANUP_FREE char *copy = xk_strdup(path);
    XK_CLEANUP_CLOSE int fd =
        open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd == -1 || fsync(fd) == -1)
        return xk_fail_errno(err, "sync the directory of \"%s\"", path);
    return 0;
}

/* ---- save ---- */

/* Return the domain to its state and remove the temporary file. */
static int
back_out(struct save *save, bool runs, struct xk_deadline deadline,
         struct xk_error *err)
{
    struct xk_hypervisor *hv = save->domain->hv;

    int r = xk_hv_take_back(hv, save->domain, runs, deadline, err);

    /* Only after the domain is back: unlinking blocks if a file server hangs.
     */
    unlink(save->temporary);
    if (r == -1)
        return -1;
    return note(save, XK_JOURNAL_END, XK_OP_SAVE, err);
}

static bool
is_complete(const struct save *save, const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && st.st_dev == save->file.st_dev &&
           st.st_ino == save->file.st_ino && st.st_size == save->file.st_size;
}

/* May run again after a kill, when the file already has its name. The name does
 * not identify the file: other files may have it before and after. */
static int
give_name(const struct save *save, struct xk_error *err)
{
    if (is_complete(save, save->path))
        return 0;
    if (!is_complete(save, save->temporary))
        return xk_fail(
            err, XK_ERR_STATE,
            "the file that domain \"%s\" was saved to is neither \"%s\" nor "
            "\"%s\" any more, so the domain is kept: put the file back",
            save->domain->name, save->path, save->temporary);
    if (rename(save->temporary, save->path) == -1)
        return xk_fail_errno(err, "rename \"%s\" to \"%s\"", save->temporary,
                             save->path);
    return 0;
}

/* From a complete file to the end. Every step can be repeated. */
static int
finish(struct save *save, struct xk_deadline deadline, struct xk_error *err)
{
    struct xk_hypervisor *hv = save->domain->hv;
    bool runs = save->runs && save->then == XK_SAVE_CONTINUE;

    if (give_name(save, err) == -1 || sync_folder(save->path, err) == -1)
        return -1;
    if (save->then == XK_SAVE_DESTROY)
        return xk_operation_remove(save->domain, deadline, err);
    if (xk_hv_take_back(hv, save->domain, runs, deadline, err) == -1)
        return -1;
    return note(save, XK_JOURNAL_END, XK_OP_SAVE, err);
}

static void
undo(struct save *save)
{
    struct xk_error err = {0};

    if (back_out(save, save->runs, xk_deadline_in_ms(XK_UNDO_MS), &err) == -1)
        xk_warn("domain \"%s\" could not be resumed: %s", save->domain->name,
                err.message);
}

static int
save_locked(struct save *save, struct xk_deadline deadline,
            struct xk_error *err)
{
    if (xk_operation_need_alive(save->host, save->domain, &save->runs, deadline,
                                err) == -1)
        return -1;
    if (note_begin(save, err) == -1)
        return -1;
    if (write_file(save, deadline, err) == -1 ||
        note_written(save, err) == -1) {
        undo(save);
        return -1;
    }
    return finish(save, deadline, err);
}

static int
prepare(struct save *save, const char *path, struct xk_error *err)
{
    if (save->domain->record == NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "domain \"%s\" was created by another toolstack, which "
                       "has its configuration: save it with that toolstack",
                       save->domain->name);
    save->path = absolute_path(path, err);
    if (save->path == NULL || check_target(save->path, err) == -1)
        return -1;
    if (!xk_utf8_valid(save->path, NULL))
        return xk_fail(err, XK_ERR_USAGE,
                       "\"%s\" is not UTF-8, so a save to it that is killed "
                       "could not be finished",
                       save->path);
    save->temporary =
        xk_asprintf("%s.%s.part", save->path, save->domain->record->uuid_text);
    return 0;
}

int
xk_domain_save(struct xk_host *host, struct xk_domain *domain, const char *path,
               const struct xk_save_options *options, uint64_t *bytes,
               struct xk_deadline deadline, struct xk_error *err)
{
    CLEANUP_SAVE struct save save = {
        .host = host,
        .domain = domain,
        .then = options->then,
        .compression = options->compression,
        .watch = options->watch,
    };
    int r;

    if (prepare(&save, path, err) == -1 ||
        xk_operation_lock(host, domain, deadline, err) == -1)
        return -1;
    r = save_locked(&save, deadline, err);
    xk_record_unlock(domain->record);
    if (bytes != NULL)
        *bytes = save.stream.bytes;
    return r == -1 ? xk_wrap(err, "save domain \"%s\"", domain->name) : 0;
}

/* Read an interrupted save from the journal. */
static int
read_interrupted(struct save *save, bool *written, struct xk_error *err)
{
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    int r = -1;

    *written = false;
    if (xk_journal_read(save->domain->record, &journal, err) == -1)
        return -1;
    begin = xk_journal_unfinished(&journal);
    if (begin != NULL && strcmp(begin->what, XK_OP_SAVE) == 0) {
        r = read_begin(begin->detail, save, err);
        *written = find_written(&journal, begin, &save->file);
    }
    xk_journal_free(&journal);
    return r;
}

char *
xk_save_leftover(struct xk_domain *domain)
{
    CLEANUP_SAVE struct save save = {.domain = domain};
    bool written;

    return domain->record != NULL &&
                   read_interrupted(&save, &written, NULL) == 0 && !written
               ? XK_TAKE(save.temporary)
               : NULL;
}

int
xk_save_recover(struct xk_host *host, struct xk_domain *domain,
                struct xk_deadline deadline, struct xk_error *err)
{
    CLEANUP_SAVE struct save save = {.host = host, .domain = domain};
    bool written;

    if (read_interrupted(&save, &written, err) == -1)
        return -1;
    return written ? finish(&save, deadline, err)
                   : back_out(&save, save.runs, deadline, err);
}
