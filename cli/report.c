/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

/* Write a line. If standard error accepts no more, nothing can be done. */
static void
say(const struct xk_buf *line)
{
    if (xk_write_all(STDERR_FILENO, line->data, line->length) == -1)
        return;
}

void
xk_report_line(const char *fmt, ...)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_FREE char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = xk_vasprintf(fmt, args);
    va_end(args);
    xk_buf_printf(&line, "%s\n", text);
    say(&line);
}

void
xk_report_problem(const struct xk_problem *problem)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};
    XK_CLEANUP_FREE char *text = xk_problem_format(problem);

    xk_log_escape(&line, text);
    xk_buf_puts(&line, "\n");
    say(&line);
}

void
xk_report_problem_members(struct xk_json_writer *writer,
                          const struct xk_problem *problem)
{
    xk_json_put_string(writer, "severity", xk_severity_name(problem->severity));
    xk_json_put_string(writer, "file", problem->file);
    xk_json_put_integer(writer, "line", problem->line);
    xk_json_put_integer(writer, "column", problem->column);
    xk_json_put_string(writer, "message", problem->message);
}

static void
put_error(const struct xk_invocation *invocation, const struct xk_error *error,
          struct xk_buf *lines)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(lines, false);
    const struct xk_problems *problems = &invocation->problems;

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "error");
    xk_json_put_error(writer, error);
    if (problems->count > 0) {
        xk_json_open_array(writer, "problems");
        for (size_t i = 0; i < problems->count; i++) {
            if (!xk_invocation_wants_problem(invocation, &problems->items[i]))
                continue;
            xk_json_open_object(writer, NULL);
            xk_report_problem_members(writer, &problems->items[i]);
            xk_json_close_object(writer);
        }
        xk_json_close_array(writer);
    }
    xk_json_close_object(writer);
    xk_json_close_object(writer);
    xk_buf_puts(lines, "\n");
}

static void
put_problem(const struct xk_problem *problem, struct xk_buf *lines)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(lines, false);

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "problem");
    xk_report_problem_members(writer, problem);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
    xk_buf_puts(lines, "\n");
}

static void
put_line(const struct xk_error *error, struct xk_buf *lines)
{
    xk_buf_puts(lines, "xk: error: ");
    xk_log_escape(lines, error->message);
    xk_buf_puts(lines, "\n");
}

void
xk_report_end(struct xk_invocation *invocation, const struct xk_error *error,
              struct xk_buf *lines)
{
    xk_invocation_show_problems(invocation);
    if (!invocation->json) {
        if (error != NULL)
            put_line(error, lines);
        return;
    }
    if (error != NULL) {
        put_error(invocation, error, lines);
        return;
    }
    while (invocation->problems_shown < invocation->problems.count) {
        const struct xk_problem *problem =
            &invocation->problems.items[invocation->problems_shown++];

        if (xk_invocation_wants_problem(invocation, problem))
            put_problem(problem, lines);
    }
}

static void
put_step(const struct xk_invocation *invocation, const char *step,
         const char *domain, struct xk_buf *line)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer =
        xk_json_writer_new(line, false);

    xk_json_open_object(writer, NULL);
    xk_json_open_object(writer, "progress");
    xk_json_put_string(writer, "verb", invocation->command->name);
    xk_json_put_string(writer, "step", step);
    xk_json_put_string(writer, "domain", domain);
    xk_json_close_object(writer);
    xk_json_close_object(writer);
    xk_buf_puts(line, "\n");
}

void
xk_report_step(const struct xk_invocation *invocation, const char *step,
               const char *domain)
{
    XK_CLEANUP_BUF struct xk_buf line = {0};

    if (invocation->json && step[0] != '\0')
        put_step(invocation, step, domain, &line);
    else if (!invocation->json && isatty(STDERR_FILENO) && step[0] != '\0')
        xk_buf_printf(&line, "\r\033[K%s: %s ...", domain, step);
    else if (!invocation->json && isatty(STDERR_FILENO))
        xk_buf_puts(&line, "\r\033[K");
    if (line.length > 0)
        say(&line);
}
