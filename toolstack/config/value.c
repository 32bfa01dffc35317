/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/value.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/util.h"
#include "toolstack/config/device_syntax.h"
#include "toolstack/config/suggest.h"

struct reading {
    struct xk_value *value;
    enum xk_key key;
    const struct xk_key_info *info;
    const struct xk_cfg_setting *setting;
    struct xk_problems *problems;
};

static int error_at(const struct reading *reading,
                    const struct xk_location *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Add the error "KEY: ..." at a position. Returns -1. */
static int
error_at(const struct reading *reading, const struct xk_location *where,
         const char *fmt, ...)
{
    XK_CLEANUP_FREE char *message = NULL;
    va_list args;

    va_start(args, fmt);
    message = xk_vasprintf(fmt, args);
    va_end(args);
    xk_problem_add(reading->problems, XK_PROBLEM_ERROR, where, "%s: %s",
                   reading->info->name, message);
    return -1;
}

bool
xk_number_parse(const char *text, int64_t *number)
{
    char *end;
    long long parsed;

    errno = 0;
    parsed = strtoll(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0')
        return false;
    *number = parsed;
    return true;
}

const char *
xk_word_find(const char *words, const char *word, bool any_case, size_t *length)
{
    int (*compare)(const char *, const char *, size_t) =
        any_case ? strncasecmp : strncmp;

    while (*words != '\0') {
        *length = strcspn(words, "|");
        if (strlen(word) == *length && compare(words, word, *length) == 0)
            return words;
        words += *length + (words[*length] == '|');
    }
    return NULL;
}

/* The configuration is stored as JSON, which can hold UTF-8 only. */
static int
check_text(const struct reading *reading, const struct xk_cfg_value *from)
{
    struct xk_spec spec = xk_spec_of(from, reading->problems);
    struct xk_location where;
    size_t offset;

    if (xk_utf8_valid(from->text, &offset))
        return 0;
    where = xk_spec_at(&spec, offset);
    return error_at(reading, &where, "byte 0x%02x is not UTF-8",
                    (unsigned char)from->text[offset]);
}

/* Returns the setting's single text; NULL after adding an error. */
static const char *
only_text(const struct reading *reading)
{
    const struct xk_cfg_value *from = &reading->setting->value;

    if (from->kind == XK_CFG_LIST) {
        error_at(reading, &from->where, "expected a single value, not a list");
        return NULL;
    }
    return check_text(reading, from) == 0 ? from->text : NULL;
}

/* A leading zero makes a number octal, which is rarely intended. */
static void
warn_of_octal(const struct reading *reading, const char *text, int64_t number)
{
    if (*text == '0' && text[1] != '\0' && (text[1] | 0x20) != 'x')
        xk_problem_add(reading->problems, XK_PROBLEM_WARNING,
                       &reading->setting->value.where,
                       "%s: '%s' is octal because of its leading zero; its "
                       "value is %" PRId64,
                       reading->info->name, text, number);
}

static int
read_number(const struct reading *reading, int64_t *number)
{
    const char *text = only_text(reading);
    const struct xk_location *where = &reading->setting->value.where;

    if (text == NULL)
        return -1;
    if (reading->setting->appended)
        return error_at(reading, where, "'+=' cannot be used with numbers");
    if (!xk_number_parse(text, number))
        return error_at(reading, where, "'%.64s' is not a number", text);
    warn_of_octal(reading, text, *number);
    return 0;
}

static int
read_bool(const struct reading *reading)
{
    int64_t number = 0;

    if (read_number(reading, &number) == -1)
        return -1;
    reading->value->integer = number != 0;
    return 0;
}

static int
read_integer(const struct reading *reading)
{
    const struct xk_key_info *info = reading->info;
    int64_t number = 0;

    if (read_number(reading, &number) == -1)
        return -1;
    if (number < info->min || number > info->max)
        return error_at(reading, &reading->setting->value.where,
                        "%" PRId64 " is not from %" PRId64 " to %" PRId64,
                        number, info->min, info->max);
    reading->value->integer = number;
    return 0;
}

static int
read_string(const struct reading *reading)
{
    const char *text = only_text(reading);

    if (text == NULL)
        return -1;
    reading->value->text = xk_strdup(text);
    return 0;
}

/* "a, b or c" for "a|b|c". */
static char *
list_words(const char *words)
{
    XK_CLEANUP_BUF struct xk_buf out = {0};

    for (const char *p = words; *p != '\0'; p++) {
        if (*p != '|')
            xk_buf_append(&out, p, 1);
        else
            xk_buf_puts(&out, strchr(p + 1, '|') != NULL ? ", " : " or ");
    }
    return xk_buf_take(&out);
}

static int
unknown_word(const struct reading *reading, const struct xk_location *where,
             const char *text)
{
    char suggestion[XK_SUGGEST_MAX + 1];
    XK_CLEANUP_FREE char *words = NULL;

    if (xk_suggest_word(text, reading->info->words, suggestion,
                        sizeof(suggestion)) != NULL)
        return error_at(reading, where, "unknown '%.64s'; did you mean '%s'?",
                        text, suggestion);
    words = list_words(reading->info->words);
    return error_at(reading, where, "unknown '%.64s'; expected %s", text,
                    words);
}

/* Returns the word that a number stands for, or NULL. */
static const char *
numbered_word(const struct reading *reading, const char *text, size_t *length)
{
    const char *word = reading->info->words;
    int64_t number = 0;

    if ((reading->info->flags & XK_KEY_NUMBERED) == 0 ||
        !xk_number_parse(text, &number) || number < 0)
        return NULL;
    for (; number > 0; number--) {
        word = strchr(word, '|');
        if (word == NULL)
            return NULL;
        word++;
    }
    *length = strcspn(word, "|");
    xk_problem_add(reading->problems, XK_PROBLEM_WARNING,
                   &reading->setting->value.where,
                   "%s: a number is deprecated; write \"%.*s\"",
                   reading->info->name, (int)*length, word);
    return word;
}

static int
read_enum(const struct reading *reading)
{
    const char *text = only_text(reading);
    bool any_case = (reading->info->flags & XK_KEY_ANY_CASE) != 0;
    const char *word;
    size_t length;

    if (text == NULL)
        return -1;
    word = xk_word_find(reading->info->words, text, any_case, &length);
    if (word == NULL)
        word = numbered_word(reading, text, &length);
    if (word == NULL)
        return unknown_word(reading, &reading->setting->value.where, text);
    reading->value->text = xk_strndup(word, length);
    return 0;
}

static void
add_item(struct xk_value *value, char *text, const struct xk_location *where)
{
    XK_GROW(value->items, value->item_count);
    XK_GROW(value->item_where, value->item_count);
    value->items[value->item_count] = text;
    value->item_where[value->item_count++] = *where;
}

static void
split(const struct reading *reading, const struct xk_cfg_value *from)
{
    static const char blanks[] = " \t\n";
    const char *p = from->text + strspn(from->text, blanks);

    xk_problem_add(reading->problems, XK_PROBLEM_WARNING, &from->where,
                   "%s: a single string is deprecated; write a list",
                   reading->info->name);
    while (*p != '\0') {
        size_t length = strcspn(p, blanks);

        add_item(reading->value, xk_strndup(p, length), &from->where);
        p += length;
        p += strspn(p, blanks);
    }
}

/* viridian= may also be a boolean: the default groups or none. */
static bool
read_viridian_bool(const struct reading *reading,
                   const struct xk_cfg_value *from)
{
    int64_t number = 0;

    if (reading->key != XK_KEY_VIRIDIAN ||
        !xk_number_parse(from->text, &number))
        return false;
    if (number != 0)
        add_item(reading->value, xk_strdup("defaults"), &from->where);
    return true;
}

static int
read_single(const struct reading *reading)
{
    const struct xk_cfg_value *from = &reading->setting->value;

    if ((reading->info->flags & XK_KEY_SINGLE) == 0)
        return error_at(reading, &from->where, "expected a list: [ \"...\" ]");
    if (check_text(reading, from) == -1)
        return -1;
    if ((reading->info->flags & XK_KEY_SPLIT) != 0) {
        split(reading, from);
        return 0;
    }
    reading->value->single = true;
    if (!read_viridian_bool(reading, from))
        add_item(reading->value, xk_strdup(from->text), &from->where);
    return 0;
}

static int
check_item_word(const struct reading *reading, const struct xk_cfg_value *item)
{
    const char *word = item->text;
    bool negated = *word == '!' && reading->key == XK_KEY_VIRIDIAN;
    size_t length;

    if (*reading->info->words == '\0' ||
        xk_word_find(reading->info->words, word + negated, true, &length) !=
            NULL)
        return 0;
    return unknown_word(reading, &item->where, word);
}

static int
read_list(const struct reading *reading)
{
    const struct xk_cfg_value *from = &reading->setting->value;
    int result = 0;

    if (from->kind == XK_CFG_TEXT)
        return read_single(reading);
    for (size_t i = 0; i < from->count; i++) {
        const struct xk_cfg_value *item = &from->items[i];

        if (item->kind != XK_CFG_TEXT)
            result = error_at(reading, &item->where,
                              "expected a string here, not a list");
        else if (check_text(reading, item) == -1 ||
                 check_item_word(reading, item) == -1)
            result = -1;
        else
            add_item(reading->value, xk_strdup(item->text), &item->where);
    }
    return result;
}

/* Returns the strings of an inner list, joined by line feeds; NULL after adding
 * an error. */
static char *
join(const struct reading *reading, const struct xk_cfg_value *list)
{
    XK_CLEANUP_BUF struct xk_buf out = {0};

    for (size_t i = 0; i < list->count; i++) {
        const struct xk_cfg_value *item = &list->items[i];

        if (item->kind != XK_CFG_TEXT) {
            error_at(reading, &item->where,
                     "expected a string here, not a list");
            return NULL;
        }
        if (check_text(reading, item) == -1)
            return NULL;
        if (i > 0)
            xk_buf_puts(&out, "\n");
        xk_buf_puts(&out, item->text);
    }
    return xk_buf_take(&out);
}

static int
read_nested(const struct reading *reading)
{
    const struct xk_cfg_value *from = &reading->setting->value;

    if (from->kind != XK_CFG_LIST)
        return error_at(reading, &from->where,
                        "expected a list of lists: [ [ \"...\" ] ]");
    for (size_t i = 0; i < from->count; i++) {
        const struct xk_cfg_value *item = &from->items[i];
        char *joined;

        if (item->kind != XK_CFG_LIST)
            return error_at(reading, &item->where,
                            "expected a list here: [ \"...\" ]");
        joined = join(reading, item);
        if (joined == NULL)
            return -1;
        add_item(reading->value, joined, &item->where);
    }
    return 0;
}

static int (*const readers[])(const struct reading *reading) = {
    [XK_KEY_BOOL] = read_bool,     [XK_KEY_INTEGER] = read_integer,
    [XK_KEY_STRING] = read_string, [XK_KEY_ENUM] = read_enum,
    [XK_KEY_LIST] = read_list,     [XK_KEY_NESTED] = read_nested,
};
static_assert(XK_ARRAY_SIZE(readers) == XK_KEY_NESTED + 1,
              "one reader per type");

void
xk_value_read(struct xk_value *value, enum xk_key key,
              const struct xk_cfg_setting *setting,
              struct xk_problems *problems)
{
    struct reading reading = {
        .value = value,
        .key = key,
        .info = xk_key_info(key),
        .setting = setting,
        .problems = problems,
    };

    if (readers[reading.info->type](&reading) == -1) {
        xk_value_free(value);
    } else {
        value->set = true;
    }
    value->where = setting->where;
}

void
xk_value_free(struct xk_value *value)
{
    free(value->text);
    for (size_t i = 0; i < value->item_count; i++)
        free(value->items[i]);
    free(value->items);
    free(value->item_where);
    *value = (struct xk_value){0};
}
