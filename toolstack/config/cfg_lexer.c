/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "toolstack/config/cfg_lexer.h"

#include <stdint.h>
#include <string.h>

#include "base/util.h"

void
xk_cfg_lexer_init(struct xk_cfg_lexer *lexer, const char *file, unsigned line,
                  const char *text, size_t length, struct xk_problems *problems)
{
    *lexer = (struct xk_cfg_lexer){
        .next = text,
        .end = text + length,
        .where = {.file = file, .line = line, .column = 1},
        .problems = problems,
    };
}

static bool
is_name_start(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_name(char c)
{
    return is_name_start(c) || is_digit(c) || c == '.' || c == '_';
}

static bool
is_number(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || c == 'x';
}

static size_t
span(const struct xk_cfg_lexer *lexer, bool (*belongs)(char))
{
    const char *p = lexer->next;

    while (p < lexer->end && belongs(*p))
        p++;
    return (size_t)(p - lexer->next);
}

/* Take length bytes. Only the last of them may be a newline. */
static struct xk_cfg_token
take(struct xk_cfg_lexer *lexer, enum xk_cfg_token_kind kind, size_t length)
{
    struct xk_cfg_token token = {
        .kind = kind,
        .text = lexer->next,
        .length = length,
        .where = lexer->where,
    };

    lexer->next += length;
    lexer->where.column += (unsigned)length;
    if (kind == XK_CFG_TOKEN_NEWLINE) {
        lexer->where.line++;
        lexer->where.column = 1;
    }
    return token;
}

/* Returns the length of the string at next with its quotes; 0 if it does not
 * end. */
static size_t
string_length(const struct xk_cfg_lexer *lexer)
{
    char quote = *lexer->next;

    for (const char *p = lexer->next + 1; p < lexer->end; p++) {
        if (*p == quote)
            return (size_t)(p + 1 - lexer->next);
        if (*p == '\\')
            p++;
        if (p < lexer->end && *p == '\n')
            return 0;
    }
    return 0;
}

static const char python[] = "this looks like Python, the format of xm; xl and "
                             "xk read plain assignments only";

static void
describe_bad(struct xk_cfg_lexer *lexer, char c)
{
    struct xk_problems *problems = lexer->problems;
    const struct xk_location *where = &lexer->where;

    if (c == '\0')
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "NUL byte: this is not a text file");
    else if (c == '\r')
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "carriage return: end the lines with a line feed "
                       "only, as dos2unix does");
    else if (c == '"' || c == '\'')
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "this string has no end; it must end on the line it "
                       "begins");
    else if (c >= 'A' && c <= 'Z')
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "unexpected '%c': names are in lower case, and a string "
                       "needs quotes",
                       c);
    else if (c == '-' && lexer->next + 1 < lexer->end &&
             is_digit(lexer->next[1]))
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "a negative number needs quotes");
    else if ((unsigned char)c >= 0x80 || (unsigned char)c < 0x20)
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "unexpected byte 0x%02x outside a string",
                       (unsigned char)c);
    else
        xk_problem_add(problems, XK_PROBLEM_ERROR, where,
                       "unexpected '%c'; a string needs quotes", c);
}

/* Report a byte that starts no token, and skip to the next blank. */
static struct xk_cfg_token
bad(struct xk_cfg_lexer *lexer)
{
    char c = *lexer->next;
    struct xk_location where = lexer->where;
    const char *p = lexer->next + 1;

    describe_bad(lexer, c);
    if (c != '\0' && strchr("+-.():", c) != NULL && !lexer->python_hinted) {
        lexer->python_hinted = true;
        xk_problem_add(lexer->problems, XK_PROBLEM_NOTE, &where, "%s", python);
    }
    while (p < lexer->end && *p != ' ' && *p != '\t' && *p != '\n')
        p++;
    return take(lexer, XK_CFG_TOKEN_BAD, (size_t)(p - lexer->next));
}

static struct xk_cfg_token
comment(struct xk_cfg_lexer *lexer)
{
    size_t left = (size_t)(lexer->end - lexer->next);
    const char *newline = memchr(lexer->next, '\n', left);
    size_t length = newline != NULL ? (size_t)(newline - lexer->next) : left;
    const char *nul = memchr(lexer->next, '\0', length);

    if (nul != NULL) {
        take(lexer, XK_CFG_TOKEN_BAD, (size_t)(nul - lexer->next));
        return bad(lexer);
    }
    if (newline != NULL)
        return take(lexer, XK_CFG_TOKEN_NEWLINE, length + 1);
    xk_problem_add(lexer->problems, XK_PROBLEM_WARNING, &lexer->where,
                   "the last line is a comment without a line feed, which xl "
                   "refuses");
    return take(lexer, XK_CFG_TOKEN_END, length);
}

static const struct {
    char c;
    enum xk_cfg_token_kind kind;
} marks[] = {
    {',', XK_CFG_TOKEN_COMMA},    {'[', XK_CFG_TOKEN_OPEN},
    {']', XK_CFG_TOKEN_CLOSE},    {'=', XK_CFG_TOKEN_ASSIGN},
    {'\n', XK_CFG_TOKEN_NEWLINE}, {';', XK_CFG_TOKEN_SEMICOLON},
};

static struct xk_cfg_token
string(struct xk_cfg_lexer *lexer)
{
    size_t length = string_length(lexer);
    const char *nul = length > 0 ? memchr(lexer->next, '\0', length) : NULL;

    if (nul != NULL)
        take(lexer, XK_CFG_TOKEN_BAD, (size_t)(nul - lexer->next));
    if (length == 0 || nul != NULL)
        return bad(lexer);
    return take(lexer, XK_CFG_TOKEN_STRING, length);
}

struct xk_cfg_token
xk_cfg_lexer_next(struct xk_cfg_lexer *lexer)
{
    char c;

    while (lexer->next < lexer->end &&
           (*lexer->next == ' ' || *lexer->next == '\t'))
        take(lexer, XK_CFG_TOKEN_BAD, 1);
    if (lexer->next == lexer->end)
        return take(lexer, XK_CFG_TOKEN_END, 0);
    c = *lexer->next;
    if (is_name_start(c))
        return take(lexer, XK_CFG_TOKEN_NAME, span(lexer, is_name));
    if (is_digit(c))
        return take(lexer, XK_CFG_TOKEN_NUMBER, span(lexer, is_number));
    if (c == '"' || c == '\'')
        return string(lexer);
    if (c == '#')
        return comment(lexer);
    if (c == '+' && lexer->next + 1 < lexer->end && lexer->next[1] == '=')
        return take(lexer, XK_CFG_TOKEN_APPEND, 2);
    for (size_t i = 0; i < XK_ARRAY_SIZE(marks); i++) {
        if (c == marks[i].c)
            return take(lexer, marks[i].kind, 1);
    }
    return bad(lexer);
}
