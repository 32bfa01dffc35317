/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/cfg_file.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/util.h"
#include "toolstack/config/cfg_lexer.h"

enum {
    NEAR_MAX = 40 /* bytes of a token that a message shows */
};

struct parser {
    struct xk_cfg_lexer lexer;
    struct xk_cfg_token token; /* the next token to parse */
    struct xk_cfg_file *file;
    struct xk_problems *problems;
};

/* A node of the tree by name. The setting owns the name. */
struct name_entry {
    const char *name;
    size_t index;
};

static int
compare_names(const void *a, const void *b)
{
    return strcmp(((const struct name_entry *)a)->name,
                  ((const struct name_entry *)b)->name);
}

static struct name_entry *
find_entry(const struct xk_cfg_file *file, const char *name)
{
    struct name_entry key = {.name = name};
    void *found = tfind(&key, &file->by_name, compare_names);

    return found != NULL ? *(struct name_entry **)found : NULL;
}

const struct xk_cfg_setting *
xk_cfg_file_find(const struct xk_cfg_file *file, const char *name)
{
    const struct name_entry *entry = find_entry(file, name);

    return entry != NULL ? &file->settings[entry->index] : NULL;
}

static void
value_free(struct xk_cfg_value *value)
{
    free(value->text);
    for (size_t i = 0; i < value->count; i++)
        value_free(&value->items[i]);
    free(value->items);
    *value = (struct xk_cfg_value){0};
}

void
xk_cfg_file_free(struct xk_cfg_file *file)
{
    tdestroy(file->by_name, free);
    for (size_t i = 0; i < file->count; i++) {
        free(file->settings[i].name);
        value_free(&file->settings[i].value);
    }
    free(file->settings);
    *file = (struct xk_cfg_file){0};
}

static void
advance(struct parser *parser)
{
    parser->token = xk_cfg_lexer_next(&parser->lexer);
}

static bool
at(const struct parser *parser, enum xk_cfg_token_kind kind)
{
    return parser->token.kind == kind;
}

/* Add "expected ..., not ...", unless the lexer has already reported the token.
 * Returns -1. */
static int
unexpected(struct parser *parser, const char *expected)
{
    static const char *const names[] = {
        [XK_CFG_TOKEN_NEWLINE] = "the end of the line",
        [XK_CFG_TOKEN_END] = "the end of the file",
    };
    const struct xk_cfg_token *token = &parser->token;
    const char *name =
        token->kind < XK_ARRAY_SIZE(names) ? names[token->kind] : NULL;

    if (token->kind == XK_CFG_TOKEN_BAD)
        return -1;
    if (name != NULL)
        xk_problem_add(parser->problems, XK_PROBLEM_ERROR, &token->where,
                       "expected %s, not %s", expected, name);
    else
        xk_problem_add(
            parser->problems, XK_PROBLEM_ERROR, &token->where,
            "expected %s, not '%.*s'%s", expected,
            token->length < NEAR_MAX ? (int)token->length : NEAR_MAX,
            token->text,
            token->kind == XK_CFG_TOKEN_NAME ? "; a string needs quotes" : "");
    return -1;
}

static const struct {
    char written, meant;
} escapes[] = {
    {'"', '"'},  {'\'', '\''}, {'\\', '\\'}, {'a', '\a'}, {'b', '\b'},
    {'f', '\f'}, {'n', '\n'},  {'r', '\r'},  {'t', '\t'}, {'v', '\v'},
};

static int
unescape(struct parser *parser, const struct xk_location *where, char written,
         struct xk_buf *out)
{
    bool number = written == 'x' || (written >= '0' && written <= '7');

    for (size_t i = 0; i < XK_ARRAY_SIZE(escapes); i++) {
        if (written != escapes[i].written)
            continue;
        xk_buf_append(out, &escapes[i].meant, 1);
        return 0;
    }
    /* libxlutil refuses every \x, and drops the character of an octal escape.
     */
    if (number)
        xk_problem_add(parser->problems, XK_PROBLEM_ERROR, where,
                       "characters by number ('\\%c') do not work in xl, so "
                       "they are refused; write the character itself",
                       written);
    else
        xk_problem_add(
            parser->problems, XK_PROBLEM_ERROR, where,
            "'\\%c' is not an escape sequence; for a backslash write two",
            written);
    return -1;
}

static int
dequote(struct parser *parser, struct xk_cfg_value *value)
{
    const struct xk_cfg_token *token = &parser->token;
    struct xk_location where = token->where;
    const char *end = token->text + token->length - 1;
    struct xk_buf out = {0};

    for (const char *p = token->text + 1; p < end; p++) {
        where.column = token->where.column + (unsigned)(p - token->text);
        if (*p != '\\') {
            size_t plain = (size_t)(end - p);
            const char *escape = memchr(p, '\\', plain);

            if (escape != NULL)
                plain = (size_t)(escape - p);
            xk_buf_append(&out, p, plain);
            p += plain - 1;
        } else if (unescape(parser, &where, *++p, &out) == -1) {
            xk_buf_free(&out);
            return -1;
        }
    }
    value->length = out.length;
    value->text = xk_buf_take(&out);
    value->raw = token->text + 1;
    value->quoted = true;
    return 0;
}

static int
count_value(struct parser *parser)
{
    if (parser->file->value_count++ < XK_CFG_VALUES_MAX)
        return 0;
    if (parser->file->value_count == XK_CFG_VALUES_MAX + 1)
        xk_problem_add(parser->problems, XK_PROBLEM_ERROR, &parser->token.where,
                       "more than %d values", XK_CFG_VALUES_MAX);
    parser->lexer.next = parser->lexer.end; /* stop parsing */
    return -1;
}

static void
skip_newlines(struct parser *parser)
{
    while (at(parser, XK_CFG_TOKEN_NEWLINE))
        advance(parser);
}

static int parse_value(struct parser *parser, unsigned depth,
                       struct xk_cfg_value *value);

static int
parse_list(struct parser *parser, unsigned depth, struct xk_cfg_value *value)
{
    if (depth == XK_CFG_DEPTH_MAX) {
        xk_problem_add(parser->problems, XK_PROBLEM_ERROR, &parser->token.where,
                       "lists nested deeper than %d", XK_CFG_DEPTH_MAX);
        return -1;
    }
    value->kind = XK_CFG_LIST;
    advance(parser);
    skip_newlines(parser);
    while (!at(parser, XK_CFG_TOKEN_CLOSE)) {
        XK_GROW(value->items, value->count);
        value->count++;
        if (parse_value(parser, depth + 1, &value->items[value->count - 1]) ==
            -1)
            return -1;
        skip_newlines(parser);
        if (at(parser, XK_CFG_TOKEN_CLOSE))
            break;
        if (!at(parser, XK_CFG_TOKEN_COMMA))
            return unexpected(parser, "',' or ']'");
        advance(parser);
        skip_newlines(parser);
    }
    advance(parser);
    return 0;
}

/* The caller frees *value even on failure. */
static int
parse_value(struct parser *parser, unsigned depth, struct xk_cfg_value *value)
{
    const struct xk_cfg_token *token = &parser->token;

    value->where = token->where;
    if (count_value(parser) == -1)
        return -1;
    if (at(parser, XK_CFG_TOKEN_OPEN))
        return parse_list(parser, depth, value);
    if (at(parser, XK_CFG_TOKEN_STRING)) {
        if (dequote(parser, value) == -1)
            return -1;
    } else if (at(parser, XK_CFG_TOKEN_NUMBER)) {
        value->raw = token->text;
        value->length = token->length;
        value->text = xk_strndup(token->text, token->length);
    } else {
        return unexpected(parser, "a value: \"text\", a number or a [ list ]");
    }
    advance(parser);
    return 0;
}

/* Add a setting. The file takes ownership of its name and value. */
static void
store(struct xk_cfg_file *file, struct xk_cfg_setting *setting)
{
    struct name_entry *entry = find_entry(file, setting->name);

    if (entry == NULL) {
        entry = XK_NEW(struct name_entry);
        entry->name = setting->name;
        if (tsearch(entry, &file->by_name, compare_names) == NULL)
            abort(); /* out of memory, as in base/mem.h */
    }
    XK_GROW(file->settings, file->count);
    file->settings[file->count] = *setting;
    entry->name = setting->name; /* an equal name: same place in the tree */
    entry->index = file->count++;
}

/* Append the value of *setting to that of *previous, whose position is kept. */
static int
append(struct parser *parser, struct xk_cfg_setting *previous,
       struct xk_cfg_setting *setting)
{
    struct xk_cfg_value *to = &previous->value, *from = &setting->value;

    if (to->kind != from->kind) {
        xk_problem_add(parser->problems, XK_PROBLEM_ERROR, &setting->where,
                       "'%s' is a %s here; a %s cannot be appended to it",
                       setting->name,
                       to->kind == XK_CFG_LIST ? "list" : "string",
                       from->kind == XK_CFG_LIST ? "list" : "string");
        return -1;
    }
    previous->appended = true;
    if (to->kind == XK_CFG_TEXT) {
        assert(from->text != NULL); /* it was parsed without an error */
        to->text = xk_realloc(to->text, to->length + from->length + 1, 1);
        memcpy(to->text + to->length, from->text, from->length + 1);
        to->length += from->length;
        to->raw = NULL;
        return 0;
    }
    for (size_t i = 0; i < from->count; i++) {
        XK_GROW(to->items, to->count);
        to->items[to->count++] = from->items[i];
        from->items[i] = (struct xk_cfg_value){0};
    }
    return 0;
}

static void
add_setting(struct parser *parser, struct xk_cfg_setting *setting)
{
    struct name_entry *entry =
        setting->appended ? find_entry(parser->file, setting->name) : NULL;

    if (entry == NULL) {
        store(parser->file, setting);
        return;
    }
    append(parser, &parser->file->settings[entry->index], setting);
    free(setting->name);
    value_free(&setting->value);
}

/* Parse one assignment, up to the newline or ';' that ends it. */
static int
parse_assignment(struct parser *parser)
{
    struct xk_cfg_setting setting = {.where = parser->token.where};

    setting.name = xk_strndup(parser->token.text, parser->token.length);
    advance(parser);
    if (!at(parser, XK_CFG_TOKEN_ASSIGN) && !at(parser, XK_CFG_TOKEN_APPEND)) {
        free(setting.name);
        return unexpected(parser, "'=' or '+='");
    }
    setting.appended = at(parser, XK_CFG_TOKEN_APPEND);
    advance(parser);
    if (parse_value(parser, 0, &setting.value) == -1) {
        free(setting.name);
        value_free(&setting.value);
        return -1;
    }
    add_setting(parser, &setting);
    if (!at(parser, XK_CFG_TOKEN_NEWLINE) &&
        !at(parser, XK_CFG_TOKEN_SEMICOLON) && !at(parser, XK_CFG_TOKEN_END))
        return unexpected(parser, "the end of the line or ';'");
    return 0;
}

/* Whether the current name begins an assignment. Look at the bytes: asking the
 * lexer for the next token could report its error twice. */
static bool
at_assignment(const struct parser *parser)
{
    const char *p = parser->lexer.next, *end = parser->lexer.end;

    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (p < end && *p == '+')
        p++;
    return at(parser, XK_CFG_TOKEN_NAME) && p < end && *p == '=';
}

/* After an error: continue at the next line that begins with an assignment, so
 * that the rest of a broken list causes no further errors. */
static void
recover(struct parser *parser)
{
    do {
        while (!at(parser, XK_CFG_TOKEN_NEWLINE) &&
               !at(parser, XK_CFG_TOKEN_END))
            advance(parser);
        skip_newlines(parser);
    } while (!at(parser, XK_CFG_TOKEN_END) && !at_assignment(parser));
}

static int
parse_statement(struct parser *parser)
{
    if (at(parser, XK_CFG_TOKEN_NEWLINE) ||
        at(parser, XK_CFG_TOKEN_SEMICOLON)) {
        advance(parser);
        return 0;
    }
    if (at(parser, XK_CFG_TOKEN_NAME))
        return parse_assignment(parser);
    return unexpected(parser, "a name");
}

void
xk_cfg_file_parse(struct xk_cfg_file *file, const char *name, unsigned line,
                  const char *text, size_t length, struct xk_problems *problems)
{
    struct parser parser = {.file = file, .problems = problems};

    xk_cfg_lexer_init(&parser.lexer, name, line, text, length, problems);
    advance(&parser);
    while (!at(&parser, XK_CFG_TOKEN_END)) {
        if (parse_statement(&parser) == -1)
            recover(&parser);
    }
}
