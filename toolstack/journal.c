/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"

enum {
    JOURNAL_LIMIT = 1 << 20,
    /* The next BEGIN condenses a journal that is longer than this. */
    JOURNAL_LONG = 64 << 10,
    /* This many entries are kept as they are: a restart has two. */
    KEPT_ENTRIES = 2 * XK_JOURNAL_RECENT,
    /* Space for the entries that follow a BEGIN, and for the BEGIN of a
     * destroy. */
    RESERVE_BYTES = 4096,
    LINE_MAX_BYTES = 4096,
    SUM_DIGITS = 8,
};

static const char *const kind_names[] = {
    [XK_JOURNAL_BEGIN] = "begin", [XK_JOURNAL_INTENT] = "intent",
    [XK_JOURNAL_DONE] = "done",   [XK_JOURNAL_END] = "end",
    [XK_JOURNAL_NOTE] = "note",
};
static_assert(XK_ARRAY_SIZE(kind_names) == XK_JOURNAL_COUNT, "a name per kind");

/* Notes that stand for the entries a condensed journal has dropped; detail: how
 * many starts there were. */
#define NOTE_STARTS "starts"
#define NOTE_STARTED_AT "started-at" /* detail: CLOCK_BOOTTIME, in ms */

static int64_t
clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
format_line(const struct xk_journal_entry *entry, struct xk_buf *line)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_json_writer *writer = xk_json_writer_new(&text, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "kind", kind_names[entry->kind]);
    xk_json_put_string(writer, "what", entry->what);
    if (entry->detail != NULL)
        xk_json_put_string(writer, "detail", entry->detail);
    xk_json_put_integer(writer, "time_ms", entry->time_ms);
    xk_json_put_integer(writer, "boot_ms", entry->boot_ms);
    xk_json_close_object(writer);
    xk_json_writer_free(writer);
    xk_buf_printf(line, "%08" PRIx32 " %s\n",
                  xk_crc32c(0, text.data, text.length), text.data);
}

static void
format_now(enum xk_journal_kind kind, const char *what, const char *detail,
           struct xk_buf *line)
{
    const struct xk_journal_entry entry = {
        .kind = kind,
        .what = (char *)(uintptr_t)what,
        .detail = (char *)(uintptr_t)detail,
        .time_ms = clock_ms(CLOCK_REALTIME),
        .boot_ms = clock_ms(CLOCK_BOOTTIME),
    };

    format_line(&entry, line);
}

/* A new line must not be appended to the torn line of a killed writer. */
static bool
ends_torn(int fd)
{
    struct stat st;
    char last;

    return fstat(fd, &st) == 0 && st.st_size > 0 &&
           pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

static bool
parse_kind(const char *name, enum xk_journal_kind *kind)
{
    for (size_t i = 0; name != NULL && i < XK_ARRAY_SIZE(kind_names); i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *kind = (enum xk_journal_kind)i;
            return true;
        }
    }
    return false;
}

/* Parse a line without its newline. False if xk did not write it so. */
static bool
parse_line(const char *line, size_t length, struct xk_journal_entry *entry)
{
    XK_CLEANUP_JSON struct xk_json *json = NULL;
    char digits[SUM_DIGITS + 1];
    const char *what, *detail;

    if (length < SUM_DIGITS + 1 || line[SUM_DIGITS] != ' ')
        return false;
    snprintf(digits, sizeof(digits), "%08" PRIx32,
             xk_crc32c(0, line + SUM_DIGITS + 1, length - SUM_DIGITS - 1));
    if (memcmp(digits, line, SUM_DIGITS) != 0)
        return false;
    json = xk_json_parse(line + SUM_DIGITS + 1, length - SUM_DIGITS - 1,
                         "journal", NULL);
    what = xk_json_string(xk_json_get(json, "what"));
    detail = xk_json_string(xk_json_get(json, "detail"));
    if (what == NULL ||
        !parse_kind(xk_json_string(xk_json_get(json, "kind")), &entry->kind) ||
        !xk_json_integer(xk_json_get(json, "time_ms"), &entry->time_ms))
        return false;
    if (!xk_json_integer(xk_json_get(json, "boot_ms"), &entry->boot_ms))
        entry->boot_ms = -1;
    entry->what = xk_strdup(what);
    entry->detail = detail == NULL ? NULL : xk_strdup(detail);
    return true;
}

/* A torn line may stand anywhere: its writer was killed and another process
 * went on. It can be skipped like a damaged line, because an effect comes after
 * its entry: a torn line never had one. */
static void
parse_lines(const char *text, size_t length, struct xk_journal *journal)
{
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        struct xk_journal_entry entry = {0};
        size_t line = newline == NULL ? length : (size_t)(newline - text);

        if (newline != NULL && parse_line(text, line, &entry)) {
            XK_GROW(journal->entries, journal->count);
            journal->entries[journal->count++] = entry;
        }
        line += newline != NULL;
        text += line;
        length -= line;
    }
}

int
xk_journal_read(const struct xk_record *record, struct xk_journal *journal,
                struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    *journal = (struct xk_journal){0};
    if (faccessat(record->dir_fd, "journal", F_OK, 0) == -1)
        return 0;
    if (xk_read_file(record->dir_fd, "journal", JOURNAL_LIMIT, &text, err) ==
        -1)
        return -1;
    parse_lines(text.data, text.length, journal);
    return 0;
}

void
xk_journal_free(struct xk_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        free(journal->entries[i].what);
        free(journal->entries[i].detail);
    }
    free(journal->entries);
    *journal = (struct xk_journal){0};
}

const struct xk_journal_entry *
xk_journal_unfinished(const struct xk_journal *journal)
{
    for (size_t i = journal->count; i > 0; i--) {
        const struct xk_journal_entry *entry = &journal->entries[i - 1];

        if (entry->kind == XK_JOURNAL_END)
            return NULL;
        if (entry->kind == XK_JOURNAL_BEGIN)
            return entry;
    }
    return NULL;
}

static bool
is_entry(const struct xk_journal_entry *entry, enum xk_journal_kind kind,
         const char *what)
{
    return entry->kind == kind && strcmp(entry->what, what) == 0;
}

unsigned
xk_journal_count(const struct xk_journal *journal, enum xk_journal_kind kind,
                 const char *what, const struct xk_journal_entry *after)
{
    size_t first = after == NULL ? 0 : (size_t)(after - journal->entries) + 1;
    unsigned count = 0;

    for (size_t i = first; i < journal->count; i++)
        count += is_entry(&journal->entries[i], kind, what);
    return count;
}

/* The number of starts that an entry stands for. */
static unsigned
starts_of(const struct xk_journal_entry *entry)
{
    uint64_t starts = 0;

    if (is_entry(entry, XK_JOURNAL_BEGIN, XK_OP_RESTART))
        return 1;
    if (is_entry(entry, XK_JOURNAL_NOTE, NOTE_STARTS) &&
        entry->detail != NULL &&
        xk_parse_u64(entry->detail, INT32_MAX, &starts))
        return (unsigned)starts;
    return 0;
}

unsigned
xk_journal_starts(const struct xk_journal *journal)
{
    unsigned starts = 0;

    for (size_t i = 0; i < journal->count; i++)
        starts += starts_of(&journal->entries[i]);
    return starts;
}

/* The time at which the entry started the domain, by CLOCK_BOOTTIME; -1: it
 * started none, or at an unknown time. A rename-restart starts a domain too. */
static int64_t
start_ms(const struct xk_journal_entry *entry)
{
    uint64_t ms;

    if (is_entry(entry, XK_JOURNAL_BEGIN, XK_OP_RESTART) ||
        is_entry(entry, XK_JOURNAL_BEGIN, XK_OP_REPLACE))
        return entry->boot_ms;
    if (is_entry(entry, XK_JOURNAL_NOTE, NOTE_STARTED_AT) &&
        entry->detail != NULL && xk_parse_u64(entry->detail, INT64_MAX, &ms))
        return (int64_t)ms;
    return -1;
}

/* An entry of an earlier boot may have a later time than now. */
static bool
is_start_within(const struct xk_journal_entry *entry, int64_t window_ms)
{
    int64_t now = clock_ms(CLOCK_BOOTTIME);
    int64_t start = start_ms(entry);

    return start >= 0 && start <= now && start >= now - window_ms;
}

unsigned
xk_journal_starts_within(const struct xk_journal *journal, int64_t window_ms)
{
    unsigned starts = 0;

    for (size_t i = 0; i < journal->count; i++)
        starts += is_start_within(&journal->entries[i], window_ms);
    return starts;
}

int
xk_journal_pass_starts(const struct xk_record *from, const struct xk_record *to,
                       int64_t window_ms, struct xk_error *err)
{
    struct xk_journal journal;
    int r = xk_journal_read(from, &journal, err);

    for (size_t i = 0; r == 0 && i < journal.count; i++) {
        const struct xk_journal_entry *entry = &journal.entries[i];
        char ms[24];

        snprintf(ms, sizeof(ms), "%" PRId64, start_ms(entry));
        if (is_start_within(entry, window_ms))
            r = xk_journal_append(to, XK_JOURNAL_NOTE, NOTE_STARTED_AT, ms,
                                  err);
    }
    xk_journal_free(&journal);
    return r;
}

/* ---- writing ---- */

/* Write the journal in few lines: sums for old entries. */
static void
format_condensed(const struct xk_journal *journal, struct xk_buf *text)
{
    size_t first =
        journal->count > KEPT_ENTRIES ? journal->count - KEPT_ENTRIES : 0;
    const struct xk_journal old = {.entries = journal->entries, .count = first};
    unsigned starts = xk_journal_starts(&old);
    char digits[16];

    snprintf(digits, sizeof(digits), "%u", starts);
    if (starts > 0)
        format_now(XK_JOURNAL_NOTE, NOTE_STARTS, digits, text);
    if (xk_journal_count(&old, XK_JOURNAL_NOTE, XK_NOTE_PRESERVED, NULL) > 0)
        format_now(XK_JOURNAL_NOTE, XK_NOTE_PRESERVED, NULL, text);
    for (size_t i = first; i < journal->count; i++)
        format_line(&journal->entries[i], text);
}

/* Replace a long journal in one step, or not at all. If that fails, the long
 * journal is as good, as long as it can be read. Do not condense within an
 * interrupted operation: a destroy, which may begin in one, needs all its
 * entries. */
static int
condense(const struct xk_record *record, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    struct xk_journal journal;
    struct xk_error why = {0};
    struct stat st;
    int r = 0;

    if (fstatat(record->dir_fd, "journal", &st, AT_SYMLINK_NOFOLLOW) == -1 ||
        st.st_size <= JOURNAL_LONG)
        return 0;
    if (xk_journal_read(record, &journal, err) == -1)
        return -1;
    if (xk_journal_unfinished(&journal) == NULL) {
        format_condensed(&journal, &text);
        r = xk_write_file(record->dir_fd, "journal", text.data, text.length,
                          false, &why);
    }
    xk_journal_free(&journal);
    if (r == 0 || st.st_size < JOURNAL_LIMIT / 2)
        return 0;
    if (err != NULL)
        *err = why;
    return xk_wrap(err, "the journal of domain %s is too long",
                   record->uuid_text);
}

/* On a file system that cannot reserve space, there is no such promise. */
static int
take_space(int fd, size_t length)
{
    struct stat st;

    if (fstat(fd, &st) == -1)
        return -1;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size,
                  (off_t)length + RESERVE_BYTES) == 0)
        return 0;
    return errno == ENOSPC || errno == EDQUOT ? -1 : 0;
}

int
xk_journal_append(const struct xk_record *record, enum xk_journal_kind kind,
                  const char *what, const char *detail, struct xk_error *err)
{
    XK_CLEANUP_CLOSE int fd = -1;
    XK_CLEANUP_BUF struct xk_buf line = {0};
    /* A destroy frees space, so it does not need any in advance. */
    bool needs_space =
        kind == XK_JOURNAL_BEGIN && strcmp(what, XK_OP_DESTROY) != 0;

    if (needs_space && condense(record, err) == -1)
        return -1;
    fd = openat(record->dir_fd, "journal",
                O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd == -1)
        return xk_fail_errno(err, "open the journal of domain %s",
                             record->uuid_text);
    if (ends_torn(fd))
        xk_buf_puts(&line, "\n");
    format_now(kind, what, detail, &line);
    if ((needs_space && take_space(fd, line.length) == -1) ||
        xk_write_all(fd, line.data, line.length) == -1)
        return xk_fail_errno(err, "write the journal of domain %s",
                             record->uuid_text);
    return 0;
}

/* ---- at a glance ---- */

/* The last line suffices in nearly every case. */
static bool
last_line_is_end(int dirfd, const char *path)
{
    XK_CLEANUP_CLOSE int fd = -1;
    char tail[LINE_MAX_BYTES];
    struct xk_journal_entry entry = {0};
    off_t size = 0;
    ssize_t length;
    char *line;
    bool is_end;

    fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    length = fd == -1 ? -1 : read(fd, tail, sizeof(tail));
    if (length == sizeof(tail)) {
        size = lseek(fd, 0, SEEK_END);
        length = pread(fd, tail, sizeof(tail), size - LINE_MAX_BYTES);
    }
    if (length < 2 || tail[length - 1] != '\n')
        return false;
    line = memrchr(tail, '\n', (size_t)length - 1);
    line = line == NULL ? tail : line + 1;
    if (!parse_line(line, (size_t)(tail + length - 1 - line), &entry))
        return false;
    is_end = entry.kind == XK_JOURNAL_END;
    free(entry.what);
    free(entry.detail);
    return is_end;
}

bool
xk_journal_is_at_rest(const struct xk_state *state, const struct xk_uuid *uuid)
{
    char text[XK_UUID_TEXT_SIZE], path[XK_UUID_TEXT_SIZE + 16];

    xk_uuid_format(uuid, text);
    snprintf(path, sizeof(path), "%s/journal", text);
    return last_line_is_end(state->domains_fd, path);
}

bool
xk_journal_is_unfinished(const struct xk_record *record)
{
    struct xk_journal journal;
    bool unfinished;

    if (last_line_is_end(record->dir_fd, "journal"))
        return false;
    if (xk_journal_read(record, &journal, NULL) == -1)
        return true;
    unfinished = journal.count == 0 || xk_journal_unfinished(&journal) != NULL;
    xk_journal_free(&journal);
    return unfinished;
}

bool
xk_journal_is_whole(const struct xk_record *record)
{
    static const char *const halves[] = {XK_OP_CREATE, XK_OP_DESTROY,
                                         XK_OP_RECEIVE};
    const struct xk_journal_entry *begin;
    struct xk_journal journal;
    bool whole = true;

    if (!xk_journal_is_unfinished(record) ||
        xk_journal_read(record, &journal, NULL) == -1)
        return true;
    begin = xk_journal_unfinished(&journal);
    for (size_t i = 0; begin != NULL && i < XK_ARRAY_SIZE(halves); i++)
        whole = whole && strcmp(begin->what, halves[i]) != 0;
    xk_journal_free(&journal);
    return whole;
}
