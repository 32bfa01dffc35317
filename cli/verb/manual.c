/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the manual pages: reads a hand-written page in pod and replaces lines
 * such as @VERBS@ by text from the tables. So a verb, an option or a key cannot
 * be missing from its page.
 */
#include "cli/verbs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/util.h"
#include "cli/config_key_text.h"
#include "cli/help.h"
#include "cli/invocation.h"
#include "cli/parse.h"
#include "toolstack/config/key.h"
#include "toolstack/known_drivers.h"

enum {
    TEMPLATE_MAX = 1 << 20,
};

/* Write plain text as pod: escape what pod takes for markup. */
static void
put_text(struct xk_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '<')
            xk_buf_puts(out, "E<lt>");
        else if (*text == '>')
            xk_buf_puts(out, "E<gt>");
        else
            xk_buf_append(out, text, 1);
    }
}

static void
put_paragraph(struct xk_buf *out, const char *text)
{
    put_text(out, text);
    xk_buf_puts(out, "\n\n");
}

/* Make a sentence of a help line such as "print help". */
static void
put_sentence(struct xk_buf *out, const char *line)
{
    char first[] = {line[0], '\0'};

    if (first[0] >= 'a' && first[0] <= 'z')
        first[0] = (char)(first[0] - 'a' + 'A');
    put_text(out, first);
    put_text(out, line + 1);
    xk_buf_puts(out, ".\n\n");
}

static void
put_option(struct xk_buf *out, const struct xk_option *option)
{
    XK_CLEANUP_BUF struct xk_buf shown = {0};

    xk_help_put_option(&shown, option);
    xk_buf_puts(out, "=item B<");
    put_text(out, shown.data);
    xk_buf_puts(out, ">\n\n");
    put_sentence(out, option->help);
    if (option->refused != NULL) {
        xk_buf_puts(out, "An option of xl(1) that xk does not support: ");
        put_text(out, option->refused);
        xk_buf_puts(out, ".\n\n");
    }
}

static void
put_options(struct xk_buf *out, const struct xk_option *options)
{
    if (xk_option_is_end(options))
        return;
    xk_buf_puts(out, "=over 4\n\n");
    for (; !xk_option_is_end(options); options++)
        put_option(out, options);
    xk_buf_puts(out, "=back\n\n");
}

static void
put_global_options(struct xk_invocation *invocation)
{
    put_options(&invocation->out, xk_global_options);
}

static void
put_verbs(struct xk_invocation *invocation)
{
    struct xk_buf *out = &invocation->out;
    const struct xk_command *const *row = invocation->commands;

    for (; *row != NULL; row++) {
        XK_CLEANUP_BUF struct xk_buf usage = {0};

        if ((*row)->hidden)
            continue;
        xk_help_put_usage(&usage, *row);
        xk_buf_puts(out, "=head2 ");
        put_paragraph(out, usage.data);
        put_sentence(out, (*row)->summary);
        put_paragraph(out, (*row)->details);
        if ((*row)->timeout_s > 0)
            xk_buf_printf(out,
                          "It gives up after %u seconds, or --timeout.\n\n",
                          (*row)->timeout_s);
        put_options(out, (*row)->options);
    }
}

static const char *const status_texts[] = {
    "Done.",
    "The work was tried, and failed.",
    "The command line or a configuration is wrong.",
    "There is no such domain or device.",
    "The name is taken, or a resource is in use by another program or domain.",
    "The domain is not in a state that allows it, or another verb holds it.",
    "This hypervisor, or this build, does not do that.",
    "The deadline passed.",
    "This host cannot do it: no hypervisor, permission or program.",
};

/* Write the names that errors of this exit status have in JSON. */
static void
put_kinds(struct xk_buf *out, int status)
{
    const char *before = " In JSON: ";

    for (int kind = 0; kind < XK_ERR_COUNT; kind++) {
        if (xk_error_exit_status((enum xk_error_kind)kind) != status)
            continue;
        xk_buf_printf(out, "%sC<%s>", before,
                      xk_error_kind_name((enum xk_error_kind)kind));
        before = ", ";
    }
}

static void
put_exit_status(struct xk_invocation *invocation)
{
    struct xk_buf *out = &invocation->out;

    xk_buf_puts(out, "=over 4\n\n");
    for (int status = 0; status < (int)XK_ARRAY_SIZE(status_texts); status++) {
        xk_buf_printf(out, "=item B<%d>\n\n%s", status, status_texts[status]);
        put_kinds(out, status);
        xk_buf_puts(out, "\n\n");
    }
    xk_buf_puts(out, "=back\n\n");
}

static void
put_fate(struct xk_buf *out, const struct xk_driver_facts *driver,
         enum xk_key key)
{
    const struct xk_key_fate *fate = &driver->keys[key];

    xk_buf_printf(out, "On %s: ", driver->title);
    if (fate->fate == XK_FATE_SAME) {
        xk_buf_puts(out, "as said.\n\n");
        return;
    }
    xk_buf_puts(out, xk_fate_name(fate->fate));
    if (fate->why[0] != '\0')
        xk_buf_puts(out, ": ");
    put_text(out, fate->why);
    xk_buf_puts(out, ".\n\n");
}

static bool
is_same_everywhere(enum xk_key key)
{
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++) {
        if (xk_known_drivers[i]->keys[key].fate != XK_FATE_SAME)
            return false;
    }
    return true;
}

static const char *const importance_heads[] = {
    "Essential keys",
    "Common keys",
    "Occasional keys",
    "Keys for experts",
};

/* Write "pv|pvh|hvm" as a list in which lines can be broken. */
static void
put_words(struct xk_buf *out, const char *words)
{
    xk_buf_puts(out, "One of ");
    for (; *words != '\0'; words++) {
        if (*words == '|')
            xk_buf_puts(out, ", ");
        else
            xk_buf_append(out, words, 1);
    }
    xk_buf_puts(out, ".\n\n");
}

static void
put_key(struct xk_buf *out, enum xk_key id)
{
    const struct xk_key_info *key = xk_key_info(id);
    XK_CLEANUP_BUF struct xk_buf type = {0};

    if (key->type == XK_KEY_ENUM)
        xk_buf_puts(&type, xk_key_type_name(key->type));
    else
        xk_key_put_type(&type, key);
    xk_buf_printf(out, "=item B<%s>=I<%s>\n\n", key->name, type.data);
    put_paragraph(out, key->meaning);
    if (key->type == XK_KEY_ENUM)
        put_words(out, key->words);
    if (is_same_everywhere(id))
        return;
    for (size_t i = 0; xk_known_drivers[i] != NULL; i++)
        put_fate(out, xk_known_drivers[i], id);
}

static void
put_keys(struct xk_invocation *invocation)
{
    struct xk_buf *out = &invocation->out;

    for (int level = 1; level <= (int)XK_ARRAY_SIZE(importance_heads);
         level++) {
        xk_buf_printf(out, "=head2 %s\n\n=over 4\n\n",
                      importance_heads[level - 1]);
        for (int i = 0; i < XK_KEY_COUNT; i++) {
            enum xk_key key = (enum xk_key)i;

            if (xk_key_info(key)->importance == level)
                put_key(out, key);
        }
        xk_buf_puts(out, "=back\n\n");
    }
}

static const struct {
    const char *line;
    void (*put)(struct xk_invocation *invocation);
} markers[] = {
    {"@GLOBAL_OPTIONS@", put_global_options},
    {"@VERBS@", put_verbs},
    {"@EXIT_STATUS@", put_exit_status},
    {"@KEYS@", put_keys},
};

static void
put_line(struct xk_invocation *invocation, const char *line, size_t length)
{
    for (size_t i = 0; i < XK_ARRAY_SIZE(markers); i++) {
        if (strlen(markers[i].line) == length &&
            strncmp(markers[i].line, line, length) == 0) {
            markers[i].put(invocation);
            return;
        }
    }
    xk_buf_append(&invocation->out, line, length);
    xk_buf_puts(&invocation->out, "\n");
}

static int
run_manual(struct xk_invocation *invocation, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf text = {0};
    const char *line;

    if (xk_read_fd(STDIN_FILENO, "standard input", TEMPLATE_MAX, &text, err) ==
        -1)
        return -1;
    for (line = text.length > 0 ? text.data : ""; *line != '\0';) {
        size_t length = strcspn(line, "\n");

        put_line(invocation, line, length);
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    return 0;
}

const struct xk_command xk_command_manual = {
    .name = "manual",
    .summary = "fill the tables into a manual page",
    .details = "Reads a page in pod from standard input and prints it with the "
               "lines @VERBS@, @GLOBAL_OPTIONS@, @EXIT_STATUS@ and @KEYS@ "
               "replaced. The build runs this.",
    .no_json = true,
    .hidden = true,
    .run = run_manual,
};
