/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/util.h"
#include "cli/console.h"
#include "cli/invocation.h"
#include "cli/report.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/create.h"
#include "toolstack/seam/domain_ops.h"
#include "toolstack/wait.h"

enum {
    OPTION_PAUSED,
    OPTION_CONSOLE,
    OPTION_DRY_RUN,
    OPTION_QUIET,
    OPTION_FILE,
    OPTION_FOREGROUND,
    OPTION_STRICT,
    OPTION_DEBUG,
    OPTION_EXIT,
    OPTION_VNC,
    OPTION_VNC_PASS,
    OPTION_IGNORE_MASKS,
    OPTION_COUNT,
};

/* The sources of the configuration, from the command line. */
struct source {
    const char *path; /* "/dev/null": there are only overrides */
    const char **overrides;
    size_t override_count;
};

static int
sort_arguments(const struct xk_invocation *invocation, struct source *source,
               struct xk_error *err)
{
    source->path = xk_option_value(invocation, OPTION_FILE);
    for (size_t i = 0; i < invocation->argument_count; i++) {
        const char *word = invocation->arguments[i];

        if (strchr(word, '=') != NULL)
            source->overrides[source->override_count++] = word;
        else if (source->path == NULL)
            source->path = word;
        else
            return xk_fail(err, XK_ERR_USAGE,
                           "\"create\" takes one file: \"%s\" or \"%s\"?",
                           source->path, word);
    }
    if (source->path == NULL && source->override_count == 0)
        return xk_fail(err, XK_ERR_USAGE,
                       "\"create\" needs a file or KEY=VALUE; see \"xk help "
                       "create\"");
    if (source->path == NULL)
        source->path = "/dev/null";
    return 0;
}

static bool
is_quiet(const struct xk_invocation *invocation)
{
    return xk_option_given(invocation, OPTION_QUIET);
}

static void
step(const struct xk_invocation *invocation, const char *what,
     const char *domain)
{
    if (!is_quiet(invocation))
        xk_report_step(invocation, what, domain);
}

/* Print the line by which users of xl see that the right file is read. */
static void
announce(const struct xk_invocation *invocation, const struct source *source)
{
    bool no_file = strcmp(source->path, "/dev/null") == 0;

    if (!is_quiet(invocation) && !invocation->json)
        xk_report_line("Parsing config from %s",
                       no_file ? "the command line" : source->path);
}

static struct xk_domain_config *
read_config(struct xk_invocation *invocation, struct xk_error *err)
{
    struct source source = {0};
    struct xk_domain_config *config = NULL;

    source.overrides =
        xk_calloc(invocation->argument_count + 1, sizeof(*source.overrides));
    if (sort_arguments(invocation, &source, err) == 0) {
        announce(invocation, &source);
        config =
            xk_config_read(source.path, source.overrides, source.override_count,
                           &invocation->problems, err);
    }
    free(source.overrides);
    return config;
}

/* Check the configuration before the hypervisor is opened: it can be wrong on
 * any host. */
static int
check_config(struct xk_invocation *invocation,
             const struct xk_domain_config *config, struct xk_error *err)
{
    bool strict = xk_option_given(invocation, OPTION_STRICT);
    const struct xk_problems *problems = &invocation->problems;
    const struct xk_hypervisor_ops *driver =
        xk_driver_find(invocation->hypervisor, err);

    if (driver == NULL)
        return -1;
    xk_config_check_on(config, driver->name, &invocation->problems);
    if (problems->errors > 0)
        return xk_problems_fail(problems, err);
    if (strict && problems->warnings > 0)
        return xk_fail(err, XK_ERR_CONFIG,
                       "%zu warning%s, which --strict takes for errors",
                       problems->warnings, problems->warnings == 1 ? "" : "s");
    return 0;
}

static int
dry_run(struct xk_invocation *invocation, const struct xk_domain_config *config,
        struct xk_error *err)
{
    struct xk_hypervisor *hv = xk_host_default(&invocation->host, err);
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    XK_CLEANUP_BUF struct xk_buf text = {0};

    if (hv == NULL || xk_hv_check(hv, config, &invocation->problems, err) == -1)
        return -1;
    if (invocation->problems.errors > 0)
        return xk_problems_fail(&invocation->problems, err);
    writer = xk_json_writer_new(&text, !invocation->json);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "hypervisor", xk_hv_name(hv));
    xk_config_show(config, writer, "config");
    xk_json_open_object(writer, "run");
    if (xk_hv_describe(hv, config, writer, err) == -1)
        return -1;
    xk_json_close_object(writer);
    xk_json_close_object(writer);
    xk_buf_append(&invocation->out, text.data, text.length);
    return 0;
}

static int
stay(struct xk_invocation *invocation, struct xk_domain *domain,
     struct xk_error *err)
{
    int rc = 0;

    if (xk_option_given(invocation, OPTION_CONSOLE))
        rc = xk_console_attach(invocation, domain, 0, XK_HISTORY_ALL, err);
    if (rc == 0 && xk_option_given(invocation, OPTION_FOREGROUND))
        rc = xk_domain_wait(&invocation->host, domain, XK_WAIT_DESTROYED, NULL,
                            xk_deadline_never(), err);
    return rc;
}

static int
create(struct xk_invocation *invocation, const struct xk_domain_config *config,
       struct xk_error *err)
{
    XK_CLEANUP_DOMAIN struct xk_domain domain = {0};
    bool paused = xk_option_given(invocation, OPTION_PAUSED);
    int rc;

    step(invocation, "building", config->name);
    rc = xk_domain_create(&invocation->host, config, paused, &domain,
                          invocation->deadline, err);
    step(invocation, "", config->name);
    if (rc == -1)
        return -1;
    if (xk_invocation_put_domain(invocation, &domain, err) == -1)
        return -1;
    return stay(invocation, &domain, err);
}

static int
run_create(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;

    if (invocation->json && xk_option_given(invocation, OPTION_CONSOLE))
        return xk_fail(err, XK_ERR_USAGE, "-c cannot be combined with --json");
    if (xk_option_given(invocation, OPTION_DEBUG))
        xk_log_set_level(XK_LOG_DEBUG);
    config = read_config(invocation, err);
    if (config == NULL || check_config(invocation, config, err) == -1)
        return -1;
    if (is_quiet(invocation))
        invocation->problems_shown = invocation->problems.count;
    xk_invocation_show_problems(invocation);
    if (xk_invocation_open_host(invocation, err) == -1)
        return -1;
    if (xk_option_given(invocation, OPTION_DRY_RUN))
        return dry_run(invocation, config, err);
    return create(invocation, config, err);
}

static const struct xk_option options[] = {
    [OPTION_PAUSED] = XK_FLAG('p', "paused", "leave the domain paused"),
    [OPTION_CONSOLE] = XK_FLAG(
        'c', "console", "connect to its console, from the first line on"),
    [OPTION_DRY_RUN] =
        XK_FLAG('n', "dry-run", "create nothing, print what would be created"),
    [OPTION_QUIET] = XK_FLAG('q', "quiet", "print only errors"),
    [OPTION_FILE] =
        XK_VALUE('f', "defconfig", XK_ARG_FILE, "FILE", "the file to read"),
    [OPTION_FOREGROUND] =
        XK_FLAG('F', "foreground", "return when the domain is gone"),
    [OPTION_STRICT] = XK_FLAG(0, "strict", "treat warnings as errors"),
    [OPTION_DEBUG] = XK_FLAG('d', "debug", "print each step, as -vv does"),
    [OPTION_EXIT] =
        XK_REFUSED('e', NULL, "do not watch the domain",
                   "one monitor watches all domains; to have it leave this one "
                   "alone, set on_poweroff=\"preserve\" and the like"),
    [OPTION_VNC] = XK_REFUSED('V', "vncviewer", "start a VNC viewer",
                              "run \"xk vncviewer\" afterwards"),
    [OPTION_VNC_PASS] = XK_REFUSED(
        'A', "vncviewer-autopass", "start a VNC viewer with the password",
        "run \"xk vncviewer --autopass\" afterwards"),
    [OPTION_IGNORE_MASKS] =
        XK_FLAG('i', "ignore-global-affinity-masks",
                "accepted and ignored: there are no global masks"),
    {0},
};
static_assert(XK_ARRAY_SIZE(options) == OPTION_COUNT + 1,
              "one row for each option");

const struct xk_command xk_command_create = {
    .name = "create",
    .summary = "create a domain from a configuration file and start it",
    .details =
        "Reads FILE, an xl.cfg file (see xk.cfg(5)), creates the domain and "
        "returns when it runs; the guest may still be booting. \"-\" is "
        "standard input.\n\n"
        "KEY=VALUE is read as if it stood at the end of the file, so it "
        "overrides the file. Strings need their quotes, which must be "
        "protected from the shell: 'name=\"web\"'. One word may have several "
        "settings, separated by semicolons. FILE may be missing, or /dev/null, "
        "if the settings are the whole configuration.\n\n"
        "Every problem of the file is printed with its line and column; if one "
        "of them is an error, nothing is created. If creating the domain fails "
        "or is killed, nothing of the domain remains, unless the guest may "
        "already run: then the next verb finishes the create.\n\n"
        "With --dry-run nothing is created: the verb prints the configuration "
        "with all defaults filled in, and what would be run, as JSON.",
    .options = options,
    .positionals = {{"FILE", XK_ARG_FILE, .optional = true},
                    {"KEY=VALUE", XK_ARG_OVERRIDE, .optional = true,
                     .repeated = true}},
    .timeout_s = 60,
    .run = run_create,
};
