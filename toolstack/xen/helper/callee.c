/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/xen/helper/callee.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "toolstack/xen/helper/caller.h"

enum {
    LINES_MAX = 4,
    LINE_MAX = 512,
};

/* ---- the log ---- */

static void
take_message(xentoollog_logger *logger, xentoollog_level level, int errnoval,
             const char *context, const char *format, va_list al)
{
    struct xk_callee_log *log = (struct xk_callee_log *)logger;
    char line[LINE_MAX];
    const char *text = line, *colon;

    vsnprintf(line, sizeof(line), format, al);
    if (log->debug)
        fprintf(stderr, "%s: %s\n", context != NULL ? context : "", line);
    if (level < XTL_ERROR || log->count++ >= LINES_MAX)
        return;
    /* Drop the prefix "libxl_dm.c:123:function: Domain 4:", which means nothing
     * to users. */
    while ((colon = strstr(text, ": ")) != NULL &&
           (strncmp(text, "libxl", 5) == 0 || strncmp(text, "Domain ", 7) == 0))
        text = colon + 2;
    xk_buf_printf(&log->errors, "%s%s", log->errors.length > 0 ? "; " : "",
                  text);
    if (errnoval > 0)
        xk_buf_printf(&log->errors, ": %s", strerror(errnoval));
}

static void
take_progress(xentoollog_logger *logger, const char *context,
              const char *doing_what, int percent, unsigned long done,
              unsigned long total)
{
    (void)logger;
    (void)context;
    (void)doing_what;
    (void)percent;
    (void)done;
    (void)total;
}

static void
end_log(xentoollog_logger *logger)
{
    (void)logger;
}

void
xk_callee_log_init(struct xk_callee_log *log)
{
    *log = (struct xk_callee_log){
        .logger = {take_message, take_progress, end_log},
        .debug = getenv("XK_DEBUG_LIBXL") != NULL,
    };
}

/* ---- the call ---- */

/* libxl starts programs that live on, such as device models. They must not
 * inherit our descriptors: the caller waits until the answer's pipe is closed.
 */
static void
keep_from_children(void)
{
    for (int fd = XK_XEN_HELPER_FD; fd <= XK_XEN_HELPER_LOCK; fd++)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool
xk_callee_was_called(const char *program, int argc)
{
    if (argc < 2 || isatty(STDIN_FILENO)) {
        fprintf(stderr, "%s is run by xk\n", program);
        return false;
    }
    keep_from_children();
    return true;
}

struct xk_json *
xk_callee_input(struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (xk_read_fd(STDIN_FILENO, "standard input", XK_XEN_HELPER_INPUT_MAX,
                   &text, err) == -1)
        return NULL;
    return xk_json_parse(text.data != NULL ? text.data : "", text.length,
                         "standard input", err);
}

static void
put_error(struct xk_buf *answer, const struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(answer, false);

    xk_json_open_object(writer, NULL);
    xk_json_put_error_member(writer, "error", err);
    xk_json_close_object(writer);
}

int
xk_callee_answer(int r, const struct xk_buf *result, const struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf failure = {0};

    if (r == -1)
        put_error(&failure, err);
    else
        xk_buf_append(&failure, result->data, result->length);
    xk_write_all(XK_XEN_HELPER_FD, failure.data, failure.length);
    return r == 0 ? 0 : 1;
}
