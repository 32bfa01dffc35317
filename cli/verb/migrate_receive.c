/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "cli/invocation.h"
#include "toolstack/migration/receive.h"

/* Reserve standard output for the peer: return a copy of it, and send whatever
 * else is printed to standard error. */
static int
keep_output(struct xk_error *err)
{
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    if (fd == -1 || dup2(STDERR_FILENO, STDOUT_FILENO) == -1)
        return xk_fail_errno(err, "keep standard output for the other host");
    return fd;
}

static int
run_migrate_receive(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_FREE char *name = NULL;
    XK_CLEANUP_CLOSE int out = -1;

    if (isatty(STDIN_FILENO))
        return xk_fail(err, XK_ERR_USAGE,
                       "\"migrate-receive\" is run by \"xk migrate\" on "
                       "another host, not by a person");
    out = keep_output(err);
    if (out == -1)
        return -1;
    if (xk_migrate_receive(&invocation->host, STDIN_FILENO, out, &name, err) ==
        -1)
        return -1;
    if (name != NULL)
        xk_info("domain \"%s\" came from another host", name);
    return 0;
}

const struct xk_command xk_command_migrate_receive = {
    .name = "migrate-receive",
    .summary = "receive a domain from another host",
    .details = "\"xk migrate\" runs this on the host that a domain is moved "
               "to, and talks to it over standard input and output.",
    .no_json = true,
    .needs_host = true,
    .run = run_migrate_receive,
};
