/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/console.h"

#include <assert.h>
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
    OPTION_COUNT,
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

/* Run the pump, over signals that only stop the process. *end_signal is the
 * signal that must end the process; 0: none. */
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
                       "the reader of the console output is gone");
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
        raise(end_signal); /* the terminal is restored */
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
        return xk_fail(
            err, XK_ERR_UNSUPPORTED,
            "a vuart is a device of Arm guests, which are not supported");
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

static const struct xk_option options[] = {
    [OPTION_NUMBER] = XK_VALUE('n', NULL, XK_ARG_NUMBER, "NUMBER",
                               "which console; 0 is the first"),
    [OPTION_TYPE] =
        XK_VALUE('t', NULL, XK_ARG_TEXT, "pv|serial", "which kind of console"),
    [OPTION_HISTORY] = XK_VALUE(0, "history", XK_ARG_TEXT, "all|none|LINES",
                                "how much earlier output to show"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_console = {
    .name = "console",
    .summary = "connect to the console of a domain",
    .details = "Shows what the guest has written and writes, and sends it what "
               "is typed. Ctrl-] leaves. Several people can be on one console "
               "at the same time: all see the output, and all can type. The "
               "verb ends when the domain is gone; it continues over a reboot "
               "that keeps the domain.\n\n"
               "Earlier output comes first: on a terminal the last screenful, "
               "otherwise all of it; --history chooses.\n\n"
               "Standard input need not be a terminal. If it is not, there is "
               "no Ctrl-], and the end of the input does not end the verb: it "
               "shows the output until the domain is gone, or until --timeout "
               "has passed (exit status 7).\n\n"
               "On KVM a domain has one console, its serial port; -t pv means "
               "the same console.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}},
    .timeout_s = 10, /* until the console is open */
    .no_json = true,
    .run = run_console,
};
