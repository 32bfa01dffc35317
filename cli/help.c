/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include "base/json.h"
#include "cli/output.h"
#include "cli/parse.h"
#include "cli/verbs.h"

enum {
    WIDTH = 79,
    SUMMARY_COLUMN = 18,
    OPTION_COLUMN = 26,
};

bool
xk_option_is_end(const struct xk_option *option)
{
    return option == NULL || (option->letter == 0 && option->name == NULL);
}

void
xk_help_put_usage(struct xk_buf *out, const struct xk_command *command)
{
    const struct xk_positional *row = command->positionals;

    xk_buf_puts(out, command->name);
    if (!xk_option_is_end(command->options))
        xk_buf_puts(out, " [options]");
    for (int i = 0; i < XK_POSITIONALS_MAX && row[i].metavar != NULL; i++)
        xk_buf_printf(out, row[i].optional ? " [%s%s]" : " %s%s",
                      row[i].metavar, row[i].repeated ? "..." : "");
}

void
xk_help_put_option(struct xk_buf *out, const struct xk_option *option)
{
    const char *metavar = option->metavar;

    if (option->letter != 0)
        xk_buf_printf(out, "-%c", option->letter);
    if (option->letter != 0 && option->name == NULL && metavar != NULL)
        xk_buf_printf(out, " %s", metavar);
    if (option->name == NULL)
        return;
    xk_buf_printf(out, "%s--%s", option->letter != 0 ? ", " : "", option->name);
    if (metavar != NULL)
        xk_buf_printf(out, "=%s", metavar);
}

static void
put_options(struct xk_buf *out, const struct xk_option *options)
{
    for (; !xk_option_is_end(options); options++) {
        XK_CLEANUP_BUF struct xk_buf left = {0};

        if (options->refused != NULL)
            continue;
        xk_help_put_option(&left, options);
        xk_buf_printf(out, "  %-*s", OPTION_COLUMN - 2, left.data);
        if (left.length > OPTION_COLUMN - 3)
            xk_buf_printf(out, "\n%*s", OPTION_COLUMN, "");
        xk_output_wrap(out, options->help, OPTION_COLUMN, OPTION_COLUMN, WIDTH);
        xk_buf_puts(out, "\n");
    }
}

static void
put_program(struct xk_buf *out, const struct xk_command *const *commands)
{
    xk_buf_puts(out,
                "Usage: xk [options] VERB [options] [arguments]\n\nVerbs:\n");
    for (; *commands != NULL; commands++) {
        if ((*commands)->hidden)
            continue;
        xk_buf_printf(out, "  %-*s", SUMMARY_COLUMN - 2, (*commands)->name);
        xk_output_wrap(out, (*commands)->summary, SUMMARY_COLUMN,
                       SUMMARY_COLUMN, WIDTH);
        xk_buf_puts(out, "\n");
    }
    xk_buf_puts(out, "\nOptions, before or after the verb:\n");
    put_options(out, xk_global_options);
    xk_buf_puts(out, "\nSee \"xk help VERB\", xk(1) and xk.cfg(5).\n");
}

static void
put_command(struct xk_buf *out, const struct xk_command *command)
{
    xk_buf_puts(out, "Usage: xk ");
    xk_help_put_usage(out, command);
    xk_buf_puts(out, "\n\n");
    xk_output_wrap(out, command->details, 0, 0, WIDTH);
    xk_buf_puts(out, "\n");
    if (xk_option_is_end(command->options))
        return;
    xk_buf_puts(out, "\nOptions:\n");
    put_options(out, command->options);
}

static void
json_options(struct xk_json_writer *writer, const struct xk_option *options)
{
    xk_json_open_array(writer, "options");
    for (; !xk_option_is_end(options); options++) {
        char letter[] = {options->letter, '\0'};

        if (options->refused != NULL)
            continue;
        xk_json_open_object(writer, NULL);
        xk_json_put_string(writer, "letter",
                           options->letter != 0 ? letter : NULL);
        xk_json_put_string(writer, "name", options->name);
        xk_json_put_string(writer, "value", options->metavar);
        xk_json_put_string(writer, "help", options->help);
        xk_json_close_object(writer);
    }
    xk_json_close_array(writer);
}

static void
json_command(struct xk_json_writer *writer, const struct xk_command *command)
{
    XK_CLEANUP_BUF struct xk_buf usage = {0};

    xk_help_put_usage(&usage, command);
    xk_json_open_object(writer, NULL);
    xk_json_put_string(writer, "name", command->name);
    xk_json_put_string(writer, "usage", usage.data);
    xk_json_put_string(writer, "summary", command->summary);
    xk_json_put_string(writer, "details", command->details);
    json_options(writer, command->options);
    xk_json_close_object(writer);
}

static void
json_program(struct xk_json_writer *writer,
             const struct xk_command *const *commands)
{
    xk_json_open_object(writer, NULL);
    json_options(writer, xk_global_options);
    xk_json_open_array(writer, "verbs");
    for (; *commands != NULL; commands++) {
        if (!(*commands)->hidden)
            json_command(writer, *commands);
    }
    xk_json_close_array(writer);
    xk_json_close_object(writer);
}

void
xk_help_put(struct xk_invocation *invocation, const struct xk_command *command)
{
    XK_CLEANUP_JSON_WRITER struct xk_json_writer *writer = NULL;

    if (invocation->json) {
        writer = xk_json_writer_new(&invocation->out, false);
        if (command == NULL)
            json_program(writer, invocation->commands);
        else
            json_command(writer, command);
    } else if (command == NULL) {
        put_program(&invocation->out, invocation->commands);
    } else {
        put_command(&invocation->out, command);
    }
}

void
xk_help_put_version(struct xk_invocation *invocation)
{
    if (invocation->json)
        xk_buf_printf(&invocation->out, "{\"version\":\"%s\"}",
                      PACKAGE_VERSION);
    else
        xk_buf_printf(&invocation->out, "xk %s\n", PACKAGE_VERSION);
}

static int
run_help(struct xk_invocation *invocation, struct xk_error *err)
{
    const struct xk_command *command = NULL;

    if (invocation->argument_count > 0) {
        command = xk_command_find(invocation->commands,
                                  invocation->arguments[0], err);
        if (command == NULL)
            return -1;
    }
    xk_help_put(invocation, command);
    return 0;
}

const struct xk_command xk_command_help = {
    .name = "help",
    .summary = "explain the verbs",
    .details = "Lists the verbs, or explains one of them and its options.",
    .positionals = {{"VERB", XK_ARG_VERB, .optional = true}},
    .run = run_help,
};
