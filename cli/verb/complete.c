/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion, made from the tables. The shell hands over the words of the line
 * and which of them is being typed; the answer is one line each:
 *
 *   =WORD     a candidate, for the whole word
 *   files     files are candidates too; the shell knows them
 *   nospace   no blank is to follow the candidate
 *
 * Whatever goes wrong, there are just no candidates.
 */
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/help.h"
#include "cli/invocation.h"
#include "cli/parse.h"
#include "toolstack/config/key.h"
#include "toolstack/host.h"
#include "toolstack/list.h"

enum {
    LIST_MS = 2000,
};

/* The line as far as it says what the current word is. */
struct line {
    struct xk_invocation *invocation;
    const struct xk_command *command; /* NULL: not typed yet, or unknown */
    bool verb_typed;
    const char *current; /* the word being typed */
    size_t prefix;       /* how much of it is before the value, "--file=" */
    size_t position;     /* how many positionals were before */
    bool options_ended;
    const struct xk_option *awaits; /* the option whose value is current */
};

/* ---- candidates ---- */

static void
offer(const struct line *line, const char *word, const char *suffix)
{
    const char *typed = line->current + line->prefix;

    if (strncmp(word, typed, strlen(typed)) != 0)
        return;
    xk_buf_printf(&line->invocation->out, "=%.*s%s%s\n", (int)line->prefix,
                  line->current, word, suffix);
}

static void
offer_verbs(struct line *line)
{
    const struct xk_command *const *row = line->invocation->commands;

    for (; *row != NULL; row++) {
        if (!(*row)->hidden)
            offer(line, (*row)->name, "");
    }
}

/* Opening the host would recover what killed verbs left, and listing warns of
 * what cannot be seen; a key pressed for completion must not. */
static int
list_domains(const char *hypervisor, struct xk_domain_list *list)
{
    struct xk_error ignored;
    struct xk_host host;
    int rc;

    xk_log_set_level(XK_LOG_ERROR);
    if (xk_host_peek(&host, hypervisor, &ignored) == -1)
        return -1;
    rc = xk_domain_list(&host, list, xk_deadline_in_ms(LIST_MS), &ignored);
    xk_host_close(&host);
    return rc;
}

static void
offer_domains(struct line *line)
{
    struct xk_domain_list list = {0};

    if (list_domains(line->invocation->hypervisor, &list) == 0) {
        for (size_t i = 0; i < list.count; i++) {
            if (list.items[i].name != NULL)
                offer(line, list.items[i].name, "");
        }
    }
    xk_domain_list_free(&list);
}

static void
offer_files(struct line *line)
{
    xk_buf_puts(&line->invocation->out, "files\n");
}

static void
offer_hypervisors(struct line *line)
{
    for (const char *const *name = xk_driver_names; *name != NULL; name++)
        offer(line, *name, "");
}

static void
offer_words(const struct line *line, const char *words)
{
    while (*words != '\0') {
        size_t length = strcspn(words, "|");
        XK_CLEANUP_FREE char *word = xk_strndup(words, length);

        offer(line, word, "");
        words += length + (words[length] == '|' ? 1 : 0);
    }
}

/* "type=p": the words that the key takes. */
static void
offer_key_values(struct line *line, size_t name_length)
{
    XK_CLEANUP_FREE char *name = xk_strndup(line->current, name_length);
    enum xk_key key = xk_key_find(name);
    const struct xk_key_info *info;
    bool quoted;

    if (key == XK_KEY_COUNT)
        return;
    info = xk_key_info(key);
    quoted = line->current[name_length + 1] == '"';
    line->prefix = name_length + 1 + (quoted ? 1 : 0);
    if (info->type == XK_KEY_BOOL)
        offer_words(line, "0|1");
    else if (info->type == XK_KEY_ENUM && quoted)
        offer_words(line, info->words);
}

static void
offer_overrides(struct line *line)
{
    size_t name_length = strcspn(line->current, "=");

    if (line->current[name_length] == '=') {
        offer_key_values(line, name_length);
        return;
    }
    for (int i = 0; i < XK_KEY_COUNT; i++)
        offer(line, xk_key_info((enum xk_key)i)->name, "=");
    xk_buf_puts(&line->invocation->out, "nospace\n");
}

static void
offer_kind(struct line *line, enum xk_argument_kind kind)
{
    static void (*const offers[])(struct line * line) = {
        [XK_ARG_FILE] = offer_files,
        [XK_ARG_DOMAIN] = offer_domains,
        [XK_ARG_HYPERVISOR] = offer_hypervisors,
        [XK_ARG_VERB] = offer_verbs,
        [XK_ARG_OVERRIDE] = offer_overrides,
    };

    if (offers[kind] != NULL)
        offers[kind](line);
}

/* Values that are told in the table itself, "pv|serial". */
static void
offer_value(struct line *line, const struct xk_option *option)
{
    if (option->value == XK_ARG_TEXT && strchr(option->metavar, '|') != NULL)
        offer_words(line, option->metavar);
    else
        offer_kind(line, option->value);
}

static void
offer_options(const struct line *line, const struct xk_option *options)
{
    for (; !xk_option_is_end(options); options++) {
        char text[64];

        if (options->refused != NULL)
            continue;
        if (options->name != NULL)
            snprintf(text, sizeof(text), "--%s", options->name);
        else
            snprintf(text, sizeof(text), "-%c", options->letter);
        offer(line, text, "");
    }
}

/* ---- the words before ---- */

static const struct xk_option *
find_in(const struct xk_option *rows, const char *word)
{
    bool is_long = word[1] == '-';
    size_t length = is_long ? strcspn(word + 2, "=") : 0;

    for (; !xk_option_is_end(rows); rows++) {
        if (is_long && rows->name != NULL &&
            strncmp(rows->name, word + 2, length) == 0 &&
            rows->name[length] == '\0')
            return rows;
        if (!is_long && rows->letter == word[strlen(word) - 1])
            return rows;
    }
    return NULL;
}

/* The option of that word; of a cluster "-pf" the last letter counts. */
static const struct xk_option *
find_option(const struct line *line, const char *word)
{
    const struct xk_option *option = NULL;

    if (line->command != NULL)
        option = find_in(line->command->options, word);
    return option != NULL ? option : find_in(xk_global_options, word);
}

static bool
is_option(const struct line *line, const char *word)
{
    return !line->options_ended && word[0] == '-' && word[1] != '\0';
}

static void
take_positional(struct line *line, const char *word)
{
    struct xk_error ignored;
    bool is_override = strchr(word, '=') != NULL;

    if (!line->verb_typed) {
        line->command =
            xk_command_find(line->invocation->commands, word, &ignored);
        line->verb_typed = true;
    } else if (is_override && line->position == 0) {
        line->position = XK_POSITIONALS_MAX;
    } else {
        line->position++;
    }
}

static void
take_word(struct line *line, const char *word)
{
    const struct xk_option *option;

    if (line->awaits != NULL) {
        line->awaits = NULL;
    } else if (strcmp(word, "--") == 0) {
        line->options_ended = true;
    } else if (is_option(line, word)) {
        option = find_option(line, word);
        if (option != NULL && option->value != XK_ARG_NONE &&
            strchr(word, '=') == NULL)
            line->awaits = option;
    } else {
        take_positional(line, word);
    }
}

/* ---- the word itself ---- */

static void
complete_option(struct line *line)
{
    const char *equals = strchr(line->current, '=');
    const struct xk_option *option;

    if (equals == NULL) {
        if (line->command != NULL)
            offer_options(line, line->command->options);
        offer_options(line, xk_global_options);
        return;
    }
    option = find_option(line, line->current);
    line->prefix = (size_t)(equals - line->current) + 1;
    if (option != NULL && option->value != XK_ARG_NONE)
        offer_value(line, option);
}

static void
complete_positional(struct line *line)
{
    const struct xk_positional *row = line->command->positionals;
    size_t last = 0;

    while (last + 1 < XK_POSITIONALS_MAX && row[last + 1].metavar != NULL)
        last++;
    if (row[0].metavar == NULL ||
        (line->position > last && !row[last].repeated))
        return;
    offer_kind(line, row[line->position < last ? line->position : last].kind);
}

static int
run_complete(struct xk_invocation *invocation, struct xk_error *err)
{
    struct line line = {.invocation = invocation, .current = ""};
    uint64_t index;

    if (!xk_parse_u64(invocation->arguments[0], INT32_MAX, &index))
        return xk_fail(err, XK_ERR_USAGE, "not the number of a word: \"%s\"",
                       invocation->arguments[0]);
    /* The first word is the program, and our own first one is the index. */
    for (size_t i = 2; i < invocation->argument_count && i <= index; i++)
        take_word(&line, invocation->arguments[i]);
    if (index + 1 < invocation->argument_count)
        line.current = invocation->arguments[index + 1];
    if (line.awaits != NULL)
        offer_value(&line, line.awaits);
    else if (line.current[0] == '-' && !line.options_ended)
        complete_option(&line);
    else if (!line.verb_typed)
        offer_verbs(&line);
    else if (line.command != NULL)
        complete_positional(&line);
    return 0;
}

const struct xk_command xk_command_complete = {
    .name = "complete",
    .summary = "say how a command line can go on",
    .details = "For completion scripts: INDEX is the number of the word being "
               "typed, counted from 0, which is the program's name.",
    .positionals = {{"INDEX", XK_ARG_NUMBER},
                    {"WORD", XK_ARG_TEXT, .optional = true, .repeated = true}},
    .timeout_s = 10,
    .no_json = true,
    .hidden = true,
    .run = run_complete,
};
