/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/console.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/util.h"
#include "cli/console_pump.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "toolstack/find.h"
#include "toolstack/hypervisor.h"
#include "toolstack/seam/domain_ops.h"

enum {
    OPTION_NUMBER,
    OPTION_TYPE,
    OPTION_HISTORY,
};

static off_t
history_start(const struct xk_console *console, int lines)
{
    if (console->log_fd == -1)
        return 0;
    if (lines == XK_HISTORY_SCREEN && isatty(STDOUT_FILENO))
        lines = xk_terminal_lines(STDOUT_FILENO);
    return xk_console_history_start(console->log_fd, lines);
}

/* *end_signal: the signal that shall end the process, 0: none. */
static int
run_pump(struct xk_console_pump *pump, struct xk_terminal *terminal,
         struct xk_deadline deadline, int *end_signal, struct xk_error *err)
{
    int end;

    *end_signal = 0;
    do {
        end = xk_console_pump_run(pump, deadline, err);
        if (end == XK_CONSOLE_PUMP_INTERRUPTED)
            *end_signal = xk_terminal_take_signal(terminal);
    } while (end == XK_CONSOLE_PUMP_INTERRUPTED && *end_signal == 0);
    return end;
}

static int
say_end(int end, bool was_raw, const struct xk_domain *domain,
        struct xk_error *err)
{
    if (end == XK_CONSOLE_PUMP_UNREAD)
        return xk_fail(err, XK_ERR_FAILED,
                       "nobody reads the output of the console any more");
    if (end == XK_CONSOLE_PUMP_GONE)
        xk_report_line("%sdomain \"%s\" is gone", was_raw ? "\n" : "",
                       domain->name);
    else if (end == XK_CONSOLE_PUMP_LEFT)
        xk_report_line("\nleft the console of domain \"%s\"", domain->name);
    return 0;
}

static int
pump_console(struct xk_invocation *invocation, const struct xk_domain *domain,
             const struct xk_console *console, int history_lines,
             struct xk_error *err)
{
    struct xk_deadline deadline =
        invocation->has_timeout ? invocation->deadline : xk_deadline_never();
    struct xk_terminal terminal;
    struct xk_console_pump pump = {
        .console = console,
        .input_fd = STDIN_FILENO,
        .output_fd = STDOUT_FILENO,
        .log_offset = history_start(console, history_lines),
    };
    bool was_raw;
    int end, end_signal;

    if (xk_terminal_enter(&terminal, STDIN_FILENO, err) == -1)
        return -1;
    was_raw = terminal.is_raw;
    pump.escape = was_raw;
    pump.interrupt_fd = terminal.signal_fd;
    end = run_pump(&pump, &terminal, deadline, &end_signal, err);
    xk_terminal_leave(&terminal);
    if (end_signal != 0)
        raise(end_signal); /* the terminal is as before */
    return end == -1 ? -1 : say_end(end, was_raw, domain, err);
}

int
xk_console_attach(struct xk_invocation *invocation,
                  const struct xk_domain *domain, unsigned number,
                  int history_lines, struct xk_error *err)
{
    struct xk_hypervisor *hv = domain->hv;
    struct xk_console console = XK_CONSOLE_NONE;
    int rc;

    if (xk_hv_console(hv, domain, number, &console, err) == -1)
        return -1;
    rc = pump_console(invocation, domain, &console, history_lines, err);
    xk_console_close(&console);
    return rc;
}

static int
parse_history(const char *text, int *lines, struct xk_error *err)
{
    static const struct {
        const char *word;
        int lines;
    } words[] = {{"all", XK_HISTORY_ALL}, {"none", 0}};
    uint64_t number;

    for (size_t i = 0; i < XK_ARRAY_SIZE(words); i++) {
        if (strcmp(text, words[i].word) == 0) {
            *lines = words[i].lines;
            return 0;
        }
    }
    if (!xk_parse_u64(text, INT_MAX, &number))
        return xk_fail(err, XK_ERR_USAGE,
                       "--history takes \"all\", \"none\" or a number of "
                       "lines, not \"%s\"",
                       text);
    *lines = (int)number;
    return 0;
}

static int
check_type(const char *type, struct xk_error *err)
{
    if (strcmp(type, "pv") == 0 || strcmp(type, "serial") == 0)
        return 0;
    if (strcmp(type, "vuart") == 0)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "a vuart is a device of Arm guests, which are not done");
    return xk_fail(err, XK_ERR_USAGE,
                   "-t takes \"pv\" or \"serial\", not \"%s\"", type);
}

static int
run_console(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    const char *number_text = xk_option_value(invocation, OPTION_NUMBER);
    const char *type = xk_option_value(invocation, OPTION_TYPE);
    const char *history = xk_option_value(invocation, OPTION_HISTORY);
    int lines = XK_HISTORY_SCREEN;
    uint64_t number = 0;

    if (number_text != NULL)
        xk_parse_u64(number_text, UINT_MAX, &number);
    if ((type != NULL && check_type(type, err) == -1) ||
        (history != NULL && parse_history(history, &lines, err) == -1))
        return -1;
    if (xk_invocation_open_host(invocation, err) == -1 ||
        xk_domain_find(&invocation->host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1)
        return -1;
    return xk_console_attach(invocation, &domain, (unsigned)number, lines, err);
}

const struct xk_command xk_command_console = {
    .name = "console",
    .summary = "join the console of a domain",
    .details =
        "Shows what the guest wrote and writes, and sends it what is typed. "
        "Ctrl-] leaves. Several people can be on one console at once: all see "
        "the output, and all can type. It ends when the domain is gone, and "
        "stays over a reboot that keeps it.\n\n"
        "First comes what was written before: on a terminal the last "
        "screenful, else all of it; --history chooses.\n\n"
        "Standard input need not be a terminal. Then there is no Ctrl-], and "
        "the end of the input is not the end: the output is shown until the "
        "domain is gone, or --timeout has passed (exit status 7).\n\n"
        "On KVM a domain has one console, its serial port; -t pv means the "
        "same one.",
    .options =
        (const struct xk_option[]){
            [OPTION_NUMBER] = {'n', NULL, XK_ARG_NUMBER, "NUMBER",
                               "which console; 0 is the first", NULL},
            [OPTION_TYPE] = {'t', NULL, XK_ARG_TEXT, "pv|serial",
                             "which kind of console", NULL},
            [OPTION_HISTORY] = {0, "history", XK_ARG_TEXT, "all|none|LINES",
                                "how much of what was written before to show",
                                NULL},
            {0}},
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 10, /* to get there */
    .no_json = true,
    .run = run_console,
};
