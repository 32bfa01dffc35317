/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only place of this program that prints the final error and exits. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/invocation.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/report.h"

/* If a standard descriptor is closed, the next file opened would take its
 * number and receive our output. /dev/null is opened read-only, so that writing
 * fails. */
static void
fill_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDONLY); /* children need it too */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void
on_write_signal(int number)
{
    (void)number;
}

/* Let write(2) fail if its reader is gone or a file reaches its size limit,
 * instead of ending the process in the middle of a change. A handler, because
 * children would inherit SIG_IGN. */
static void
catch_write_signals(void)
{
    struct sigaction action = {
        .sa_handler = on_write_signal,
        .sa_flags = SA_RESTART,
    };

    sigemptyset(&action.sa_mask);
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

/* Bound the log of the monitor and its workers, which is a file that stays
 * (toolstack/monitor_start.c). */
static void
bound_log(void)
{
    if (getenv(XK_LOG_BOUNDED) != NULL)
        xk_log_set_bounds(XK_LOG_KEEP, XK_LOG_BURST, XK_LOG_PAUSE_MS);
}

/* Print the result; a JSON document is one line. */
static int
print_result(struct xk_invocation *invocation, struct xk_error *err)
{
    if (invocation->json && invocation->out.length > 0)
        xk_buf_puts(&invocation->out, "\n");
    return xk_output_flush(STDOUT_FILENO, "standard output", &invocation->out,
                           err);
}

int
main(int argc, char **argv)
{
    XK_CLEANUP_BUF struct xk_buf lines = {0};
    struct xk_invocation invocation = {0};
    struct xk_error err = {0};
    struct xk_error ignored;
    int rc;

    fill_standard_descriptors();
    bound_log();
    catch_write_signals();
    rc =
        xk_parse_command_line(&invocation, xk_commands, argc > 0 ? argc - 1 : 0,
                              (const char *const *)argv + 1, &err);
    if (rc == 0)
        rc = xk_invocation_run(&invocation, &err);
    if (print_result(&invocation, rc == 0 ? &err : &ignored) == -1)
        rc = -1;
    xk_report_end(&invocation, rc == 0 ? NULL : &err, &lines);
    xk_output_flush(STDERR_FILENO, "standard error", &lines, &ignored);
    xk_invocation_free(&invocation);
    return rc == 0 ? 0 : xk_error_exit_status(err.kind);
}
