/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

enum {
    LINE_BYTES_MAX = 2048 /* in a bounded log */
};

static enum xk_log_level shown = XK_LOG_WARNING;
static const char *program = "xk";
static bool as_json;

/* A token bucket per level, which limits the rate of its lines. */
struct bucket {
    unsigned left;
    unsigned dropped;
    int64_t counted_ms;
};

static struct {
    off_t keep; /* 0: no bounds */
    unsigned burst, pause_ms;
    struct bucket buckets[XK_LOG_DEBUG + 1];
} bounds;
static pthread_mutex_t bounds_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_names[] = {
    [XK_LOG_ERROR] = "error",
    [XK_LOG_WARNING] = "warning",
    [XK_LOG_INFO] = "info",
    [XK_LOG_DEBUG] = "debug",
};

void
xk_log_set_level(enum xk_log_level level)
{
    shown = level;
}

void
xk_log_set_name(const char *name)
{
    program = name;
}

void
xk_log_set_json(bool json)
{
    as_json = json;
}

/* Returns the length of the control character at p, or 0. C1 controls, which
 * some terminals obey, have two bytes in UTF-8. */
static size_t
control_length(const unsigned char *p)
{
    if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
        return 2;
    return p[0] < 0x20 || p[0] == 0x7f;
}

static void
escape_byte(struct xk_buf *out, unsigned char byte)
{
    static const char plain[] = "\n\r\t", letters[] = "nrt";
    const char *known = byte == '\0' ? NULL : strchr(plain, byte);

    if (known != NULL)
        xk_buf_printf(out, "\\%c", letters[known - plain]);
    else
        xk_buf_printf(out, "\\x%02x", byte);
}

void
xk_log_escape(struct xk_buf *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    while (*p != '\0') {
        size_t length = control_length(p);

        if (length == 0)
            xk_buf_append(out, p++, 1);
        for (; length > 0; length--)
            escape_byte(out, *p++);
    }
}

static void
put_json(struct xk_buf *line, enum xk_log_level level, const char *text)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(line, false);

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "log");
    xk_json_put_string(writer, "level", level_names[level]);
    xk_json_put_string(writer, "message", text);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
}

static void
put_text(struct xk_buf *line, enum xk_log_level level, const char *text)
{
    xk_buf_printf(line, "%s: %s: ", program, level_names[level]);
    xk_log_escape(line, text);
}

/* ---- bounds ---- */

static int64_t
clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
xk_log_set_bounds(off_t keep, unsigned burst, unsigned pause_ms)
{
    struct stat st;

    bounds.keep = 0;
    if (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode))
        return;
    bounds.keep = keep;
    bounds.burst = burst;
    bounds.pause_ms = pause_ms;
    for (size_t i = 0; i <= XK_LOG_DEBUG; i++)
        bounds.buckets[i] =
            (struct bucket){.left = burst, .counted_ms = clock_ms()};
}

/* Remove old lines once the file has twice its bound, so that not every line
 * punches a hole. False: the file is full and no hole can be punched. */
static bool
make_room(size_t length)
{
    struct stat st;
    off_t old;

    if (fstat(STDERR_FILENO, &st) == -1)
        return false;
    if ((off_t)st.st_blocks * 512 + (off_t)length <= bounds.keep * 2)
        return true;
    old = st.st_size - bounds.keep;
    return old > 0 &&
           fallocate(STDERR_FILENO, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     0, old) == 0;
}

void
xk_log_trim(void)
{
    if (bounds.keep != 0)
        make_room(0);
}

/* Returns true if a line may be written now. *dropped: how many lines were left
 * out before it. */
static bool
take_token(enum xk_log_level level, unsigned *dropped)
{
    struct bucket *bucket = &bounds.buckets[level];
    int64_t now = clock_ms();
    int64_t gained = (now - bucket->counted_ms) / bounds.pause_ms;

    *dropped = 0;
    if (gained > 0) {
        bucket->counted_ms += gained * bounds.pause_ms;
        bucket->left = gained < bounds.burst - bucket->left
                           ? bucket->left + (unsigned)gained
                           : bounds.burst;
    }
    if (bucket->left == 0) {
        bucket->dropped++;
        return false;
    }
    bucket->left--;
    *dropped = bucket->dropped;
    bucket->dropped = 0;
    return true;
}

/* ---- lines ---- */

static void
put_line(struct xk_buf *lines, enum xk_log_level level, const char *text)
{
    if (as_json)
        put_json(lines, level, text);
    else
        put_text(lines, level, text);
    xk_buf_puts(lines, "\n");
}

/* Put a line for a bounded log. False: leave it out. */
static bool
put_bounded(struct xk_buf *lines, enum xk_log_level level, char *text)
{
    unsigned dropped;

    if (!take_token(level, &dropped))
        return false;
    if (dropped > 0) {
        XK_CLEANUP_FREE char *word =
            xk_asprintf("%u line%s left out here", dropped,
                        dropped == 1 ? " was" : "s were");

        put_line(lines, level, word);
    }
    if (strlen(text) > LINE_BYTES_MAX)
        text[LINE_BYTES_MAX] = '\0';
    put_line(lines, level, text);
    return make_room(lines->length);
}

void
xk_log(enum xk_log_level level, const char *fmt, ...)
{
    int saved = errno;
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_FREE char *text = NULL;
    va_list args;

    if (level > shown)
        return;
    va_start(args, fmt);
    text = xk_vasprintf(fmt, args);
    va_end(args);
    if (bounds.keep == 0) {
        put_line(&line, level, text);
    } else {
        pthread_mutex_lock(&bounds_lock);
        if (!put_bounded(&line, level, text))
            line.length = 0;
        pthread_mutex_unlock(&bounds_lock);
    }
    if (line.length > 0 && write(STDERR_FILENO, line.data, line.length) == -1) {
        /* there is nowhere to report it */
    }
    errno = saved;
}
