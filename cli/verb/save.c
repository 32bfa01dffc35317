/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>

#include "base/util.h"
#include "cli/invocation.h"
#include "cli/progress.h"
#include "toolstack/find.h"
#include "toolstack/migration/save.h"

enum {
    OPTION_CONTINUE,
    OPTION_PAUSE,
    OPTION_COMPRESS,
    OPTION_COUNT,
};

static enum xk_save_then
what_then(const struct xk_invocation *invocation)
{
    if (xk_option_given(invocation, OPTION_PAUSE))
        return XK_SAVE_PAUSE;
    return xk_option_given(invocation, OPTION_CONTINUE) ? XK_SAVE_CONTINUE
                                                        : XK_SAVE_DESTROY;
}

static int
run_save(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    struct xk_progress progress;
    struct xk_save_options options = {
        .then = what_then(invocation),
        .compression = xk_option_given(invocation, OPTION_COMPRESS)
                           ? XK_COMPRESSION_ZSTD
                           : XK_COMPRESSION_AUTO,
        .watch = &progress.watch,
    };
    const char *path = invocation->arguments[1];
    int rc;

    if (xk_option_given(invocation, OPTION_PAUSE) &&
        xk_option_given(invocation, OPTION_CONTINUE))
        return xk_fail(err, XK_ERR_USAGE, "-c and -p exclude each other");
    if (xk_domain_find(&invocation->host, invocation->arguments[0], &domain,
                       invocation->deadline, err) == -1)
        return -1;
    xk_progress_start(&progress, invocation, domain.name, "saving");
    rc = xk_domain_save(&invocation->host, &domain, path, &options, NULL,
                        invocation->deadline, err);
    xk_progress_end(&progress);
    if (rc == -1)
        return -1;
    xk_invocation_put_handle(invocation, &domain, "file", path);
    return 0;
}

static const struct xk_option options[] = {
    [OPTION_CONTINUE] =
        XK_FLAG('c', NULL, "let the domain continue afterwards"),
    [OPTION_PAUSE] = XK_FLAG('p', NULL, "leave the domain paused afterwards"),
    [OPTION_COMPRESS] = XK_FLAG('z', "compress", "compress all of it (zstd)"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_save = {
    .name = "save",
    .summary = "write a domain to a file and end it",
    .details =
        "The domain is paused while its memory and devices are written to "
        "FILE, and is gone at the end; \"xk restore\" recreates it as it was. "
        "Its disks are not part of FILE and must not be changed meanwhile.\n\n"
        "FILE is written under another name beside it, readable by its owner "
        "only, synced to disk, and then replaces the file that was there. If "
        "anything fails, or the verb is cancelled (Ctrl-C) or killed, the "
        "domain continues, the file that was there is unchanged, and nothing "
        "else is left.\n\n"
        "The data is compressed where that saves time; with -z also where it "
        "only saves space.\n\n"
        "With -c the domain continues when FILE is written, and with -p it "
        "stays, paused.",
    .options = options,
    .positionals = {{"DOMAIN", XK_ARG_DOMAIN}, {"FILE", XK_ARG_FILE}},
    .needs_host = true,
    .run = run_save,
};
