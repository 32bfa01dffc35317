/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As in xl, a specification is split at commas, blanks around an option are
 * dropped, and empty options are skipped. xl ignores some options that it does
 * not know and reads anything that is not a number as 0; here both are errors.
 */
#include "toolstack/config/options.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/suggest.h"
#include "toolstack/config/value.h"

enum {
    TEXT_MAX = 8192, /* bytes */
};

static const struct xk_device_option options[] = {
#define XK_OPTION_ROW(set_, id_, name_, type_, min_, max_, words_, required_)  \
    [XK_OPTION_##set_##_##id_] = {                                             \
        .set = XK_OPTIONS_##set_,                                              \
        .id = XK_OPTION_##set_##_##id_,                                        \
        .name = name_,                                                         \
        .type = XK_OPTION_##type_,                                             \
        .min = min_,                                                           \
        .max = max_,                                                           \
        .words = words_,                                                       \
        .required = required_,                                                 \
    },
#include "toolstack/config/options.def"
#undef XK_OPTION_ROW
};
static_assert(XK_ARRAY_SIZE(options) == XK_OPTION_COUNT, "one row per option");

const struct xk_device_option *
xk_device_option(enum xk_option_id id)
{
    assert(id < XK_OPTION_COUNT);
    return &options[id];
}

/* ---- one option ---- */

static const struct xk_device_option *
find(enum xk_option_set set, const char *name)
{
    for (size_t i = 0; i < XK_OPTION_COUNT; i++) {
        if (options[i].set == set && strcmp(options[i].name, name) == 0)
            return &options[i];
    }
    return NULL;
}

static int
unknown(enum xk_option_set set, const struct xk_spec *spec, size_t offset,
        const char *name)
{
    struct xk_suggest suggest;

    xk_suggest_init(&suggest, name);
    for (size_t i = 0; i < XK_OPTION_COUNT; i++) {
        if (options[i].set == set)
            xk_suggest_offer(&suggest, options[i].name);
    }
    if (xk_suggest_best(&suggest) != NULL)
        return xk_spec_error(spec, offset,
                             "there is no option '%.64s'; did you mean '%s'?",
                             name, xk_suggest_best(&suggest));
    return xk_spec_error(spec, offset, "there is no option '%.64s'", name);
}

static int
read_number(const struct xk_spec *spec, struct xk_given *given)
{
    const struct xk_device_option *option = given->option;

    if (!xk_number_parse(given->text, &given->number))
        return xk_spec_error(spec, given->offset, "%s: '%.64s' is not a number",
                             option->name, given->text);
    if (given->number < option->min || given->number > option->max)
        return xk_spec_error(
            spec, given->offset,
            "%s: %" PRId64 " is not from %" PRId64 " to %" PRId64, option->name,
            given->number, option->min, option->max);
    return 0;
}

static int
read_word(const struct xk_spec *spec, struct xk_given *given)
{
    const struct xk_device_option *option = given->option;
    size_t length;
    const char *word = xk_word_find(option->words, given->text, true, &length);

    if (word == NULL)
        return xk_spec_error(spec, given->offset,
                             "%s: unknown '%.64s'; it is one of %s",
                             option->name, given->text, option->words);
    free(given->text);
    given->text = xk_strndup(word, length);
    return 0;
}

bool
xk_option_part(const char **rest, char *part, size_t size)
{
    size_t length = strcspn(*rest, ";");

    if (length == 0 || length >= size)
        return false;
    memcpy(part, *rest, length);
    part[length] = '\0';
    *rest += length + ((*rest)[length] == ';');
    return true;
}

static bool
is_part(const struct xk_device_option *option, const char *part)
{
    int64_t number;
    size_t length;

    if (option->type == XK_OPTION_WORDS)
        return xk_word_find(option->words, part, true, &length) != NULL;
    return xk_number_parse(part, &number) && number >= option->min &&
           number <= option->max;
}

static int
read_parts(const struct xk_spec *spec, const struct xk_given *given)
{
    const struct xk_device_option *option = given->option;
    const char *rest = given->text;
    char part[64];

    do {
        if (!xk_option_part(&rest, part, sizeof(part)) ||
            !is_part(option, part))
            return xk_spec_error(spec, given->offset,
                                 "%s: '%.64s' is not a list of %s separated by "
                                 "';'",
                                 option->name, given->text,
                                 option->type == XK_OPTION_WORDS ? "formats"
                                                                 : "numbers");
    } while (*rest != '\0');
    return 0;
}

static int
read_value(const struct xk_spec *spec, struct xk_given *given)
{
    switch (given->option->type) {
    case XK_OPTION_NUMBER:
    case XK_OPTION_BOOL:
        return read_number(spec, given);
    case XK_OPTION_WORD:
        return read_word(spec, given);
    case XK_OPTION_NUMBERS:
    case XK_OPTION_WORDS:
        return read_parts(spec, given);
    case XK_OPTION_UUID:
        if (!xk_uuid_parse(given->text, &given->uuid))
            return xk_spec_error(spec, given->offset,
                                 "%s: '%.64s' is not a UUID",
                                 given->option->name, given->text);
        break;
    case XK_OPTION_IGNORED:
        xk_spec_warn(spec, given->offset, "%s is ignored", given->option->name);
        break;
    case XK_OPTION_TEXT:
        if (given->option->required && *given->text == '\0')
            return xk_spec_error(spec, given->offset, "%s is empty",
                                 given->option->name);
        break;
    }
    return 0;
}

static int
take(const struct xk_device_option *option, const struct xk_spec *spec,
     const char *value, size_t length, struct xk_givens *givens)
{
    struct xk_given *given;

    XK_GROW(givens->items, givens->count);
    given = &givens->items[givens->count++];
    *given = (struct xk_given){
        .option = option,
        .text = xk_strndup(value, length),
        .offset = (size_t)(value - spec->text),
    };
    return read_value(spec, given);
}

/* ---- the options of a specification ---- */

static const char *
skip_blanks(const char *p, const char *end)
{
    while (p < end && isblank((unsigned char)*p))
        p++;
    return p;
}

static const char *
drop_blanks(const char *p, const char *end)
{
    while (end > p && isblank((unsigned char)end[-1]))
        end--;
    return end;
}

static int
read_option(enum xk_option_set set, const struct xk_spec *spec,
            const char *word, const char *end, struct xk_givens *givens)
{
    const char *equals = memchr(word, '=', (size_t)(end - word));
    size_t offset = (size_t)(word - spec->text);
    XK_CLEANUP_FREE char *name = NULL;
    const struct xk_device_option *option;
    const char *value;

    /* pci= may begin with the address, without its name. */
    if (equals == NULL && set == XK_OPTIONS_PCI && givens->count == 0)
        return take(&options[XK_OPTION_PCI_BDF], spec, word,
                    (size_t)(end - word), givens);
    if (equals == NULL)
        return xk_spec_error(spec, offset,
                             "'%.*s' is not of the form OPTION=VALUE",
                             (int)(end - word > 64 ? 64 : end - word), word);
    name = xk_strndup(word, (size_t)(drop_blanks(word, equals) - word));
    option = find(set, name);
    if (option == NULL)
        return unknown(set, spec, offset, name);
    value = skip_blanks(equals + 1, end);
    return take(option, spec, value, (size_t)(end - value), givens);
}

static int
check_required(enum xk_option_set set, const struct xk_spec *spec,
               const struct xk_givens *givens)
{
    int r = 0;

    for (size_t i = 0; i < XK_OPTION_COUNT; i++) {
        if (options[i].set == set && options[i].required &&
            xk_given(givens, options[i].id) == NULL)
            r = xk_spec_error(spec, 0, "%s= is missing", options[i].name);
    }
    return r;
}

/* The strings of a nested list are joined by line feeds and may have commas in
 * their values. */
static char
separator(enum xk_option_set set)
{
    return set == XK_OPTIONS_VNUMA ? '\n' : ',';
}

int
xk_options_read(enum xk_option_set set, const struct xk_spec *spec,
                struct xk_givens *givens)
{
    const char stop[] = {separator(set), '\0'};
    const char *p = spec->text;
    int r = 0;

    if (strlen(p) > TEXT_MAX)
        return xk_spec_error(spec, 0, "this is longer than %d bytes", TEXT_MAX);
    while (*p != '\0') {
        const char *comma = p + strcspn(p, stop);
        const char *word = skip_blanks(p, comma);
        const char *end = drop_blanks(word, comma);

        if (word < end && read_option(set, spec, word, end, givens) == -1)
            r = -1;
        p = comma + (*comma != '\0');
    }
    return r == 0 ? check_required(set, spec, givens) : -1;
}

int
xk_options_again(enum xk_option_set set, const char *text,
                 struct xk_givens *givens, struct xk_error *err)
{
    struct xk_problems problems = {0};
    struct xk_spec spec = xk_spec_of_text(text, text, &problems);
    int r = xk_options_read(set, &spec, givens);

    if (r == -1)
        xk_problems_fail(&problems, err);
    xk_problems_free(&problems);
    return r;
}

const struct xk_given *
xk_given(const struct xk_givens *givens, enum xk_option_id id)
{
    for (size_t i = givens->count; i > 0; i--) {
        if (givens->items[i - 1].option->id == id)
            return &givens->items[i - 1];
    }
    return NULL;
}

void
xk_givens_free(struct xk_givens *givens)
{
    for (size_t i = 0; i < givens->count; i++)
        free(givens->items[i].text);
    free(givens->items);
    *givens = (struct xk_givens){0};
}

enum xk_option_set
xk_vsnd_part(const char *text, const char **begin)
{
    static const struct {
        const char *name;
        enum xk_option_set set;
    } parts[] = {
        {"card", XK_OPTIONS_VSND_CARD},
        {"pcm", XK_OPTIONS_VSND_PCM},
        {"stream", XK_OPTIONS_VSND_STREAM},
    };
    size_t length;

    text += strspn(text, " ");
    length = strcspn(text, ", ");
    for (size_t i = 0; i < XK_ARRAY_SIZE(parts); i++) {
        if (strlen(parts[i].name) != length ||
            strncasecmp(parts[i].name, text, length) != 0)
            continue;
        *begin = text + length + strspn(text + length, " ,");
        return parts[i].set;
    }
    return XK_OPTIONS_COUNT;
}
