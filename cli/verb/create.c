/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
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
};

/* What the words on the command line come to. */
struct source {
    const char *path; /* "/dev/null": only overrides */
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

/* The word of xl's users that the right file is read. */
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

/* The configuration is looked at before the hypervisor is: it can be wrong on
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
        return xk_fail(err, XK_ERR_USAGE, "-c has no use for --json");
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

const struct xk_command xk_command_create = {
    .name = "create",
    .summary = "make a domain from a configuration file and start it",
    .details =
        "Reads FILE, an xl.cfg file (see xk.cfg(5)), makes the domain and "
        "returns when it runs; the guest may still be booting. \"-\" is "
        "standard input.\n\n"
        "KEY=VALUE is read as if it stood at the end of the file, and so wins "
        "over it. Strings need their quotes, which the shell must leave alone: "
        "'name=\"web\"'. Several may stand in one word, split by semicolons. "
        "FILE may be missing, or /dev/null, if that is all.\n\n"
        "Every problem of the file is printed with its line and column; if "
        "one is an error nothing is made. If making the domain fails, or is "
        "killed, nothing of it stays, unless it may run by then: the next verb "
        "goes on with that.\n\n"
        "With --dry-run nothing is made: it prints the configuration with all "
        "defaults filled in, and what would be run, as JSON.",
    .options =
        (const struct xk_option[]){
            [OPTION_PAUSED] = {'p', "paused", XK_ARG_NONE, NULL,
                               "leave the domain paused", NULL},
            [OPTION_CONSOLE] = {'c', "console", XK_ARG_NONE, NULL,
                                "join its console, from the first line on",
                                NULL},
            [OPTION_DRY_RUN] = {'n', "dry-run", XK_ARG_NONE, NULL,
                                "make nothing, print what would be made", NULL},
            [OPTION_QUIET] = {'q', "quiet", XK_ARG_NONE, NULL,
                              "print only errors", NULL},
            [OPTION_FILE] = {'f', "defconfig", XK_ARG_FILE, "FILE",
                             "the file to read", NULL},
            [OPTION_FOREGROUND] = {'F', "foreground", XK_ARG_NONE, NULL,
                                   "return when the domain is gone", NULL},
            [OPTION_STRICT] = {0, "strict", XK_ARG_NONE,
                               NULL, "take warnings for errors", NULL},
            [OPTION_DEBUG] = {'d', "debug", XK_ARG_NONE, NULL,
                              "say all that is done, as -vv does", NULL},
            [OPTION_EXIT] = {'e', NULL, XK_ARG_NONE, NULL,
                             "do not watch the domain",
                             "one monitor watches all domains; set "
                             "on_poweroff=\"preserve\" and the like to have "
                             "nothing done"},
            [OPTION_VNC] = {'V', "vncviewer", XK_ARG_NONE, NULL,
                            "start a VNC viewer",
                            "start a viewer yourself; vnclisten= and "
                            "vncdisplay= say where"},
            [OPTION_VNC_PASS] = {'A', "vncviewer-autopass", XK_ARG_NONE, NULL,
                                 "start a VNC viewer with the password",
                                 "start a viewer yourself; vnclisten= and "
                                 "vncdisplay= say where"},
            [OPTION_IGNORE_MASKS] = {'i', "ignore-global-affinity-masks",
                                     XK_ARG_NONE, NULL,
                                     "nothing to do: there are no global masks",
                                     NULL},
            {0}},
    .positionals = {{"FILE", XK_ARG_FILE, .optional = true},
                    {"KEY=VALUE", XK_ARG_OVERRIDE, .optional = true,
                     .repeated = true}},
    .timeout_s = 60,
    .run = run_create,
};
