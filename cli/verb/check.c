/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verbs.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/invocation.h"
#include "cli/report.h"
#include "toolstack/config/domain_config.h"
#include "toolstack/host.h"
#include "toolstack/known_drivers.h"
#include "toolstack/mac_use.h"

enum {
    OPTION_ON,
    OPTION_STRICT,
};

/* Counts over all files. */
struct totals {
    size_t errors;
    size_t warnings;
    size_t bad_files;
    char *first; /* the first problem that counts, formatted */
};

/* Set *driver to the facts to check against, NULL: none. */
static int
find_driver(const struct xk_invocation *invocation,
            const struct xk_driver_facts **driver, struct xk_error *err)
{
    const char *on = xk_option_value(invocation, OPTION_ON);

    if (on == NULL)
        on = invocation->hypervisor;
    *driver = on == NULL ? NULL : xk_known_driver_get(on, err);
    return on != NULL && *driver == NULL ? -1 : 0;
}

/* Nothing is recovered or made for a check, and a host without a state has no
 * domains. */
static void
check_host(const struct xk_invocation *invocation,
           const struct xk_domain_config *config, struct xk_problems *problems)
{
    struct xk_host host;

    if (!xk_state_exists() ||
        xk_host_peek(&host, invocation->hypervisor, NULL) == -1)
        return;
    xk_mac_use_check(&host, config, 0, problems, invocation->deadline);
    xk_host_close(&host);
}

/* Collect every problem of one file. If the file cannot be read at all, that is
 * a problem of the whole file, without a line. */
static void
check_file(const struct xk_invocation *invocation,
           const struct xk_driver_facts *driver, const char *path,
           struct xk_problems *problems)
{
    XK_CLEANUP_CONFIG struct xk_domain_config *config = NULL;
    struct xk_location whole = {path, 0, 0};
    struct xk_error err;

    config = xk_config_read(path, NULL, 0, problems, &err);
    if (config == NULL && problems->errors == 0)
        xk_problem_add(problems, XK_PROBLEM_ERROR, &whole, "%s", err.message);
    if (config != NULL && driver != NULL)
        xk_config_check_on(config, driver, problems);
    if (config != NULL)
        check_host(invocation, config, problems);
}

static void
put_lines(struct xk_buf *out, const char *path,
          const struct xk_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        XK_CLEANUP_FREE char *line = xk_problem_format(&problems->items[i]);

        xk_log_escape(out, line);
        xk_buf_puts(out, "\n");
    }
    if (problems->count == 0) {
        xk_log_escape(out, path);
        xk_buf_puts(out, ": ok\n");
    }
}

static void
put_json(struct xk_json_writer *writer, const char *path,
         const struct xk_problems *problems)
{
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "file", path);
    xk_json_put_integer(writer, "errors", (int64_t)problems->errors);
    xk_json_put_integer(writer, "warnings", (int64_t)problems->warnings);
    xk_json_open_array(writer, "problems");
    for (size_t i = 0; i < problems->count; i++) {
        xk_json_open_object(writer, NULL);
        xk_report_problem_members(writer, &problems->items[i]);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
    xk_json_close_object(writer);
}

static bool
counts(const struct xk_invocation *invocation, enum xk_severity severity)
{
    return severity == XK_PROBLEM_ERROR ||
           (severity == XK_PROBLEM_WARNING &&
            xk_option_given(invocation, OPTION_STRICT));
}

static void
add_up(const struct xk_invocation *invocation,
       const struct xk_problems *problems, struct totals *totals)
{
    bool bad = false;

    totals->errors += problems->errors;
    totals->warnings += problems->warnings;
    for (size_t i = 0; i < problems->count; i++) {
        if (!counts(invocation, problems->items[i].severity))
            continue;
        bad = true;
        if (totals->first == NULL)
            totals->first = xk_problem_format(&problems->items[i]);
    }
    totals->bad_files += bad ? 1 : 0;
}

static int
verdict(size_t files, const struct totals *totals, struct xk_error *err)
{
    if (totals->bad_files == 0)
        return 0;
    return xk_fail(err, XK_ERR_CONFIG,
                   "%zu of %zu file%s cannot be used, %zu error%s and %zu "
                   "warning%s: %s",
                   totals->bad_files, files, files == 1 ? "" : "s",
                   totals->errors, totals->errors == 1 ? "" : "s",
                   totals->warnings, totals->warnings == 1 ? "" : "s",
                   totals->first);
}

static int
run_check(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;
    const struct xk_driver_facts *driver;
    struct totals totals = {0};
    int rc;

    if (find_driver(invocation, &driver, err) == -1)
        return -1;
    if (invocation->json) {
        writer = xk_json_writer_new(&invocation->out, false);
        xk_json_open_object(writer, NULL);
        xk_json_open_array(writer, "files");
    }
    for (size_t i = 0; i < invocation->argument_count; i++) {
        const char *path = invocation->arguments[i];
        struct xk_problems problems = {0};

        check_file(invocation, driver, path, &problems);
        add_up(invocation, &problems, &totals);
        if (writer != NULL)
            put_json(writer, path, &problems);
        else
            put_lines(&invocation->out, path, &problems);
        xk_problems_free(&problems);
    }
    if (writer != NULL) {
        xk_json_close_array(writer);
        xk_json_close_object(writer);
    }
    rc = verdict(invocation->argument_count, &totals, err);
    free(totals.first);
    return rc;
}

const struct xk_command xk_command_check = {
    .name = "check",
    .summary = "say what is wrong with configuration files",
    .details =
        "Reads each file as \"create\" would and prints every problem with "
        "its file, line and column. Nothing is created, and no hypervisor is "
        "needed. A MAC address that a running domain of this host has on the "
        "same bridge is an error too.\n\n"
        "With --on the keys are also checked against what that hypervisor "
        "can do: a note says that a key is done by other means, a warning "
        "that it has no effect, an error that the domain would not be what was "
        "asked for.\n\n"
        "The exit status is 2 if there is an error, or, with --strict, a "
        "warning.",
    .options =
        (const struct xk_option[]){
            [OPTION_ON] = {0, "on", XK_ARG_HYPERVISOR, NULL,
                           "also check for this hypervisor", NULL},
            [OPTION_STRICT] = {0, "strict", XK_ARG_NONE, NULL,
                               "treat warnings as errors", NULL},
            {0}},
    .positionals = {{"FILE", XK_ARG_FILE, .repeated = true}},
    .run = run_check,
};
