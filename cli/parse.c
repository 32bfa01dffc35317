/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/parse.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/util.h"
#include "toolstack/hypervisor.h"

enum global {
    GLOBAL_VERBOSE,
    GLOBAL_JSON,
    GLOBAL_HYPERVISOR,
    GLOBAL_TIMEOUT,
    GLOBAL_HELP,
    GLOBAL_VERSION,
    GLOBAL_DRY_RUN,
    GLOBAL_FORCE,
    GLOBAL_PROGRESS,
    GLOBAL_TIMESTAMPS,
    GLOBAL_COUNT,
};

const struct xk_option xk_global_options[] = {
    [GLOBAL_VERBOSE] =
        XK_FLAG('v', "verbose", "print more; twice: print everything"),
    [GLOBAL_JSON] =
        XK_FLAG(0, "json", "print one JSON document; errors are JSON too"),
    [GLOBAL_HYPERVISOR] = XK_VALUE(
        0, "hypervisor", XK_ARG_HYPERVISOR, XK_DRIVER_WORDS,
        "the hypervisor of new domains, and the only one whose domains are "
        "listed. Without it, new domains are made on xen in a Xen dom0, "
        "otherwise on kvm, and all are listed. An existing domain stays with "
        "the hypervisor it was made on, whatever is named here"),
    [GLOBAL_TIMEOUT] =
        XK_VALUE(0, "timeout", XK_ARG_TEXT, "SECONDS",
                 "give up after this time; it may have a fraction"),
    [GLOBAL_HELP] = XK_FLAG('h', "help", "print help"),
    [GLOBAL_VERSION] = XK_FLAG(0, "version", "print the version"),
    [GLOBAL_DRY_RUN] = XK_REFUSED(
        'N', NULL, "dry run", "use \"xk create --dry-run\" or \"xk check\""),
    [GLOBAL_FORCE] = XK_REFUSED('f', NULL, "continue although xend runs",
                                "there is no check for xend to override"),
    [GLOBAL_PROGRESS] =
        XK_REFUSED('t', NULL, "overwrite progress",
                   "progress is overwritten if standard error is a terminal"),
    [GLOBAL_TIMESTAMPS] =
        XK_REFUSED('T', NULL, "add timestamps",
                   "pipe the output through a program that adds them"),
    {0},
};
static_assert(XK_ARRAY_SIZE(xk_global_options) == GLOBAL_COUNT + 1,
              "one row per global option");

/* The words that are left to parse. */
struct words {
    const char *const *next;
    const char *const *end;
    bool options_ended;
};

/* Options are searched for in the verb's table, then in the global one. */
enum {
    OWN_TABLE,
    GLOBAL_TABLE,
    TABLE_COUNT,
};

struct match {
    int table; /* -1: none */
    int index;
    const struct xk_option *option;
};

static const struct xk_option *
table_rows(const struct xk_invocation *invocation, int table)
{
    if (table == GLOBAL_TABLE)
        return xk_global_options;
    return invocation->command == NULL ? NULL : invocation->command->options;
}

static bool
is_end(const struct xk_option *option)
{
    return option->letter == 0 && option->name == NULL;
}

/* Return " of "create"", for messages; "" if no verb was seen yet. */
static const char *
verb_suffix(const struct xk_invocation *invocation, char text[static 80])
{
    if (invocation->command == NULL)
        return "";
    snprintf(text, 80, " of \"%s\"", invocation->command->name);
    return text;
}

static int
fail_usage(const struct xk_invocation *invocation, struct xk_error *err,
           const char *what)
{
    const char *verb =
        invocation->command == NULL ? NULL : invocation->command->name;

    return xk_fail(err, XK_ERR_USAGE, "%s; see \"xk help%s%s\"", what,
                   verb == NULL ? "" : " ", verb == NULL ? "" : verb);
}

static struct match
find_letter(const struct xk_invocation *invocation, char letter)
{
    for (int table = 0; table < TABLE_COUNT; table++) {
        const struct xk_option *rows = table_rows(invocation, table);

        for (int i = 0; rows != NULL && !is_end(&rows[i]); i++) {
            if (rows[i].letter == letter)
                return (struct match){table, i, &rows[i]};
        }
    }
    return (struct match){-1, 0, NULL};
}

/* Return whether name begins with the first `length` bytes of word. */
static bool
begins(const char *name, const char *word, size_t length)
{
    return name != NULL && strncmp(name, word, length) == 0;
}

static struct match
find_name(const struct xk_invocation *invocation, const char *word,
          size_t length, struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf names = {0};
    struct match found = {-1, 0, NULL};
    char suffix[80];
    int matches = 0;

    for (int table = 0; table < TABLE_COUNT; table++) {
        const struct xk_option *rows = table_rows(invocation, table);

        for (int i = 0; rows != NULL && !is_end(&rows[i]); i++) {
            if (!begins(rows[i].name, word, length))
                continue;
            if (rows[i].name[length] == '\0')
                return (struct match){table, i, &rows[i]};
            found = (struct match){table, i, &rows[i]};
            xk_buf_printf(&names, "%s--%s", matches++ > 0 ? ", " : "",
                          rows[i].name);
        }
    }
    if (matches == 1)
        return found;
    if (matches == 0)
        xk_fail(err, XK_ERR_USAGE, "no option \"--%.*s\"%s", (int)length, word,
                verb_suffix(invocation, suffix));
    else
        xk_fail(err, XK_ERR_USAGE, "option \"--%.*s\"%s is ambiguous: %s",
                (int)length, word, verb_suffix(invocation, suffix), names.data);
    return (struct match){-1, 0, NULL};
}

bool
xk_parse_seconds(const char *text, int64_t *milliseconds)
{
    char whole[16];
    size_t digits = strspn(text, "0123456789");
    const char *fraction = text + digits;
    uint64_t seconds;
    int64_t scale = 100;
    bool beyond = false;

    if (digits == 0 || digits > 9)
        return false;
    memcpy(whole, text, digits);
    whole[digits] = '\0';
    if (!xk_parse_u64(whole, 1000000000, &seconds))
        return false;
    *milliseconds = (int64_t)seconds * 1000;
    if (*fraction == '\0')
        return true;
    if (*fraction != '.' || fraction[1] == '\0' ||
        fraction[1 + strspn(fraction + 1, "0123456789")] != '\0')
        return false;
    for (const char *p = fraction + 1; *p != '\0'; p++) {
        *milliseconds += (*p - '0') * scale;
        beyond |= scale == 0 && *p != '0';
        scale /= 10;
    }
    *milliseconds += beyond ? 1 : 0;
    return true;
}

static int
set_verbose(struct xk_invocation *invocation, const char *value,
            struct xk_error *err)
{
    (void)value;
    (void)err;
    invocation->verbosity++;
    return 0;
}

static int
set_json(struct xk_invocation *invocation, const char *value,
         struct xk_error *err)
{
    (void)value;
    (void)err;
    invocation->json = true;
    return 0;
}

static int
set_hypervisor(struct xk_invocation *invocation, const char *value,
               struct xk_error *err)
{
    (void)err;
    invocation->hypervisor = value;
    return 0;
}

static int
set_timeout(struct xk_invocation *invocation, const char *value,
            struct xk_error *err)
{
    if (!xk_parse_seconds(value, &invocation->timeout_ms))
        return xk_fail(err, XK_ERR_USAGE,
                       "--timeout takes a number of seconds, not \"%s\"",
                       value);
    invocation->has_timeout = true;
    return 0;
}

static int
set_help(struct xk_invocation *invocation, const char *value,
         struct xk_error *err)
{
    (void)value;
    (void)err;
    invocation->help = true;
    return 0;
}

static int
set_version(struct xk_invocation *invocation, const char *value,
            struct xk_error *err)
{
    (void)value;
    (void)err;
    invocation->version = true;
    return 0;
}

static int (*const global_setters[])(struct xk_invocation *invocation,
                                     const char *value,
                                     struct xk_error *err) = {
    [GLOBAL_VERBOSE] = set_verbose,
    [GLOBAL_JSON] = set_json,
    [GLOBAL_HYPERVISOR] = set_hypervisor,
    [GLOBAL_TIMEOUT] = set_timeout,
    [GLOBAL_HELP] = set_help,
    [GLOBAL_VERSION] = set_version,
};
static_assert(XK_ARRAY_SIZE(global_setters) == GLOBAL_VERSION + 1,
              "one setter for each option that is not refused");

static int
check_value(const struct xk_option *option, const char *shown,
            const char *value, struct xk_error *err)
{
    uint64_t number;

    if (option->value == XK_ARG_HYPERVISOR && !xk_driver_is_known(value)) {
        XK_CLEANUP_FREE char *choices = xk_driver_choices();

        return xk_fail(err, XK_ERR_USAGE, "%s takes %s, not \"%s\"", shown,
                       choices, value);
    }
    if (option->value == XK_ARG_NUMBER &&
        !xk_parse_u64(value, UINT32_MAX, &number))
        return xk_fail(err, XK_ERR_USAGE, "%s takes a number, not \"%s\"",
                       shown, value);
    return 0;
}

/* Record an option. shown is the option as it was typed, for messages. */
static int
apply(struct xk_invocation *invocation, struct match match, const char *shown,
      const char *value, struct xk_error *err)
{
    char suffix[80];

    if (match.option->refused != NULL)
        return xk_fail(err, XK_ERR_UNSUPPORTED,
                       "option %s%s is not supported: %s", shown,
                       verb_suffix(invocation, suffix), match.option->refused);
    if (check_value(match.option, shown, value, err) == -1)
        return -1;
    if (match.table == GLOBAL_TABLE)
        return global_setters[match.index](invocation, value, err);
    invocation->option_values[match.index] = value;
    invocation->option_counts[match.index]++;
    return 0;
}

static int
take_value(struct words *words, const char *shown, const char **value,
           struct xk_error *err)
{
    if (words->next == words->end)
        return xk_fail(err, XK_ERR_USAGE, "option %s needs a value", shown);
    *value = *words->next++;
    return 0;
}

/* "--name", "--name=value" or "--name" "value". */
static int
parse_long(struct xk_invocation *invocation, struct words *words,
           const char *word, struct xk_error *err)
{
    size_t length = strcspn(word, "=");
    const char *value = "";
    char shown[80];
    struct match match = find_name(invocation, word, length, err);

    if (match.table == -1)
        return -1;
    snprintf(shown, sizeof(shown), "--%s", match.option->name);
    if (match.option->value == XK_ARG_NONE && word[length] == '=')
        return xk_fail(err, XK_ERR_USAGE, "option %s takes no value", shown);
    if (word[length] == '=')
        value = word + length + 1;
    else if (match.option->value != XK_ARG_NONE &&
             match.option->refused == NULL &&
             take_value(words, shown, &value, err) == -1)
        return -1;
    return apply(invocation, match, shown, value, err);
}

/* "-pc", "-fFILE", or "-f" "FILE"; word follows the dash. */
static int
parse_cluster(struct xk_invocation *invocation, struct words *words,
              const char *word, struct xk_error *err)
{
    char suffix[80];

    while (*word != '\0') {
        struct match match = find_letter(invocation, *word);
        char shown[] = {'-', *word++, '\0'};
        const char *value = "";

        if (match.table == -1)
            return xk_fail(err, XK_ERR_USAGE, "no option \"%s\"%s", shown,
                           verb_suffix(invocation, suffix));
        if (match.option->value != XK_ARG_NONE &&
            match.option->refused == NULL) {
            value = word;
            word = "";
            if (*value == '\0' && take_value(words, shown, &value, err) == -1)
                return -1;
        }
        if (apply(invocation, match, shown, value, err) == -1)
            return -1;
    }
    return 0;
}

/* Parse the next word. Returns 0 for an option, 1 and *argument for another
 * word, -1 for an error. */
static int
next_word(struct xk_invocation *invocation, struct words *words,
          const char **argument, struct xk_error *err)
{
    const char *word = *words->next++;

    if (words->options_ended || word[0] != '-' || word[1] == '\0') {
        *argument = word;
        return 1;
    }
    if (strcmp(word, "--") == 0) {
        words->options_ended = true;
        return 0;
    }
    if (word[1] == '-')
        return parse_long(invocation, words, word + 2, err);
    return parse_cluster(invocation, words, word + 1, err);
}

const struct xk_command *
xk_command_find(const struct xk_command *const *commands, const char *word,
                struct xk_error *err)
{
    XK_CLEANUP_BUF struct xk_buf names = {0};
    const struct xk_command *found = NULL;
    size_t length = strlen(word);
    int matches = 0;

    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, word) == 0)
            return commands[i];
        if (commands[i]->hidden || length == 0 ||
            !begins(commands[i]->name, word, length))
            continue;
        found = commands[i];
        xk_buf_printf(&names, "%s%s", matches++ > 0 ? ", " : "", found->name);
    }
    if (matches == 1)
        return found;
    if (matches == 0)
        xk_fail(err, XK_ERR_USAGE, "no verb \"%s\"; \"xk help\" lists them",
                word);
    else
        xk_fail(err, XK_ERR_USAGE, "verb \"%s\" is ambiguous: %s", word,
                names.data);
    return NULL;
}

static int
parse_verb(struct xk_invocation *invocation, struct words *words,
           struct xk_error *err)
{
    const char *verb = NULL;
    int rc = 0;

    while (rc == 0 && words->next < words->end)
        rc = next_word(invocation, words, &verb, err);
    if (rc == -1)
        return -1;
    if (verb == NULL) {
        if (invocation->help || invocation->version)
            return 0;
        return xk_fail(err, XK_ERR_USAGE,
                       "no verb given; \"xk help\" lists them");
    }
    words->options_ended = false;
    invocation->command = xk_command_find(invocation->commands, verb, err);
    return invocation->command == NULL ? -1 : 0;
}

static int
check_arguments(const struct xk_invocation *invocation, struct xk_error *err)
{
    const struct xk_positional *row = invocation->command->positionals;
    size_t count = invocation->argument_count;
    size_t i;
    char text[160];

    for (i = 0; i < XK_POSITIONALS_MAX && row[i].metavar != NULL; i++) {
        if (i >= count && !row[i].optional) {
            snprintf(text, sizeof(text), "\"%s\" needs %s",
                     invocation->command->name, row[i].metavar);
            return fail_usage(invocation, err, text);
        }
        if (row[i].repeated)
            return 0;
    }
    if (count > i) {
        snprintf(text, sizeof(text), "\"%s\" takes no argument \"%.80s\"",
                 invocation->command->name, invocation->arguments[i]);
        return fail_usage(invocation, err, text);
    }
    return 0;
}

static int
parse_rest(struct xk_invocation *invocation, struct words *words,
           struct xk_error *err)
{
    while (words->next < words->end) {
        const char *argument = NULL;
        int rc = next_word(invocation, words, &argument, err);

        if (rc == -1)
            return -1;
        if (rc == 1)
            invocation->arguments[invocation->argument_count++] = argument;
    }
    if (invocation->help || invocation->version)
        return 0;
    return check_arguments(invocation, err);
}

static int
parse_environment(struct xk_invocation *invocation, struct xk_error *err)
{
    const char *hypervisor = getenv("XK_HYPERVISOR");

    if (invocation->hypervisor != NULL || hypervisor == NULL ||
        hypervisor[0] == '\0')
        return 0;
    if (check_value(&xk_global_options[GLOBAL_HYPERVISOR], "XK_HYPERVISOR",
                    hypervisor, err) == -1)
        return -1;
    invocation->hypervisor = hypervisor;
    return 0;
}

static void
set_deadline(struct xk_invocation *invocation)
{
    unsigned seconds =
        invocation->command == NULL ? 0 : invocation->command->timeout_s;

    if (invocation->has_timeout)
        invocation->deadline = xk_deadline_in_ms(invocation->timeout_ms);
    else if (seconds > 0)
        invocation->deadline = xk_deadline_in_ms((int64_t)seconds * 1000);
    else
        invocation->deadline = xk_deadline_never();
}

/* Return whether "--json" follows in the line: an error before it must be JSON
 * too. */
static bool
wants_json(const struct words *words)
{
    for (const char *const *word = words->next; word < words->end; word++) {
        if (strcmp(*word, "--") == 0)
            return false;
        if (strcmp(*word, "--json") == 0)
            return true;
    }
    return false;
}

int
xk_parse_command_line(struct xk_invocation *invocation,
                      const struct xk_command *const *commands, int count,
                      const char *const *line, struct xk_error *err)
{
    struct words words = {line, line + count, false};

    invocation->commands = commands;
    invocation->arguments =
        xk_calloc((size_t)count + 1, sizeof(*invocation->arguments));
    if (parse_verb(invocation, &words, err) == -1 ||
        (invocation->command != NULL &&
         parse_rest(invocation, &words, err) == -1) ||
        parse_environment(invocation, err) == -1) {
        invocation->json = invocation->json || wants_json(&words);
        return -1;
    }
    if (invocation->json && !invocation->help && !invocation->version &&
        invocation->command != NULL && invocation->command->no_json)
        return xk_fail(err, XK_ERR_USAGE, "\"%s\" does not support --json",
                       invocation->command->name);
    set_deadline(invocation);
    return 0;
}
